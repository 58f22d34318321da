"""Estimate the class Gaussians of a data set's training split: python tools/build_gaussians.py FOLDER

FOLDER is a checkpoint folder with a card.json; `gaussians.safetensors` is written into it. The full data set is needed.
"""

import sys
from pathlib import Path

from aatviz.runtime.files import read_json
from aatviz.store.gaussians import build_gaussians
from aatviz.store.systems import CARD


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    file, explained = build_gaussians(read_json(folder / CARD)["dataset"], folder)
    print(f"{file}: {min(explained):.0%} to {max(explained):.0%} of a class's variance, {file.stat().st_size / 1e6:.3f} MB")


if __name__ == "__main__":
    main()
