"""`python -m aatviz.cli`, the same as the command `aatviz`."""

from aatviz.cli import main

main()
