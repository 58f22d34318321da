"""Compute the stored run that the app shows at once: python tools/build_showcase.py SYSTEM

SYSTEM is a system's name or a path to a checkpoint folder. Run it again whenever the weights change.
"""

import sys

import aatviz
from aatviz.ui.showcase import build_showcase


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(build_showcase(aatviz.load_system(sys.argv[1])))


if __name__ == "__main__":
    main()
