"""`python -m aatviz.train RECIPE`, the same as `aatviz train RECIPE`."""

import sys

from aatviz.cli import main

sys.argv.insert(1, "train")
main()
