"""Estimate the class Gaussians of a data set's training split: python tools/build_gaussians.py FOLDER

FOLDER is a checkpoint folder with a card.json; `gaussians.safetensors` is written into it. The full data set is needed.
"""

import sys
from pathlib import Path

import numpy as np

from aatviz.data import open_split
from aatviz.models.gaussians import estimate
from aatviz.runtime.files import read_json
from aatviz.store.gaussians import FILE, save_gaussians
from aatviz.store.systems import CARD

RANK = 16
"""On MNIST it holds about two thirds of a class's variance, in a quarter of a megabyte for all ten."""


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    dataset = read_json(folder / CARD)["dataset"]
    training = open_split(dataset, "train")
    gaussians, explained = estimate(training.images(), training.labels, RANK)
    note = {
        "dataset": dataset,
        "split": "train",
        "data_hash": training.content_hash,
        "n": np.bincount(training.labels).tolist(),
        "explained_variance": [round(share, 4) for share in explained],
    }
    save_gaussians(folder / FILE, gaussians, note)
    shares = f"{min(explained):.0%} to {max(explained):.0%}"
    print(f"{folder / FILE}: rank {RANK}, {shares} of a class's variance, {(folder / FILE).stat().st_size / 1e6:.3f} MB")


if __name__ == "__main__":
    main()
