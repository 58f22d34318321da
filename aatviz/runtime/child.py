"""`python -m aatviz.runtime.child ARGUMENTS`: a command of `aatviz` that ends when its input does, and so with the process
that started it, after kill -9 too. It is what a job on another machine is."""

import os
import runpy
import sys
from threading import Thread

from aatviz.runtime import locks


def _end_with_input() -> None:
    os.read(0, 1)  # nothing is ever sent
    os._exit(1)


if __name__ == "__main__":
    Thread(target=_end_with_input, daemon=True).start()
    locks.WAIT = locks.WAIT_FOR_MACHINES
    sys.argv = ["aatviz", *sys.argv[1:]]
    runpy.run_module("aatviz.cli", run_name="__main__", alter_sys=False)
