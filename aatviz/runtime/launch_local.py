"""Jobs on this machine, side by side: each in a process of its own, with one thread, that ends when this one does.

On Linux the processes are forked from one that has loaded PyTorch already, so that a job starts at once instead of after
seconds of imports.
"""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from types import ModuleType
from typing import Any

from aatviz.runtime.hardware import resolve
from aatviz.runtime.jobs import ENVIRONMENT, Command
from aatviz.runtime.locks import Held

LOADED_ONCE = ["aatviz.cli", "torch._dynamo", "sklearn.metrics"]
"""What every job loads: the commands, what PyTorch's optimizers need, and the AUC."""


class Local:
    """A `Launcher` of at most `workers` processes on this machine."""

    def __init__(self, workers: int) -> None:
        self.most = self.room = workers
        self._running: dict[object, tuple[str, BaseProcess]] = {}
        self._held: Held | None = None
        self._parent: Connection | None = None
        """The end of a pipe that jobs hold; they end when the other end is closed."""
        # macOS does not bear a fork after its libraries are loaded, and Windows has none
        self._context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
        if sys.platform == "linux":
            self._context.set_forkserver_preload(LOADED_ONCE)

    def device(self, name: str) -> str:
        """See `Launcher`."""
        return resolve(name)

    @contextmanager
    def writing(self, held: Held) -> Iterator[None]:
        """See `Launcher`. Jobs are handed the lock when they start."""
        self._held = held
        self._parent, here = self._context.Pipe(duplex=False)
        try:
            yield
        finally:
            here.close()
            self._parent.close()
            self._parent = self._held = None

    def start(self, job: Command) -> None:
        """See `Launcher`; only inside `writing`."""
        with _environment(ENVIRONMENT):  # libraries read it when they are loaded
            given = job.arguments, os.getcwd(), dict(os.environ), self._parent, self._held
            process = self._context.Process(target=_job, args=given, daemon=True)
            process.start()
        self._running[process.sentinel] = job.name, process

    def ended(self) -> dict[str, str]:
        """See `Launcher`."""
        found = {}
        for sentinel in wait([process.sentinel for _, process in self._running.values()]):
            name, process = self._running.pop(sentinel)
            process.join()
            found[name] = _in_words(process.exitcode or 0)
        return found

    def stop(self) -> None:
        """See `Launcher`."""
        for _, process in self._running.values():
            process.terminate()
        for _, process in self._running.values():
            process.join()
        self._running.clear()


def _in_words(status: int) -> str:
    """What went wrong with a job, by the exit status of its process; empty where nothing did."""
    if status < 0:
        return f"was ended by signal {-status}, perhaps for want of memory"
    return f"ended with status {status}" if status else ""


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """With further environment variables, and without the script that this process runs: `multiprocessing` would run it once
    more in every job."""
    before, script = dict(os.environ), sys.modules["__main__"]
    os.environ.update(variables)
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
        for name in variables:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def _job(arguments: Sequence[str], folder: str, variables: dict[str, str], parent: Connection, held: Held) -> None:
    """A job's process. It keeps `held`, and with it the lock, as long as it lives."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    Thread(target=_end_with, args=(parent, held), daemon=True).start()
    sys.argv = ["aatviz", *arguments]
    runpy.run_module("aatviz.cli", run_name="__main__", alter_sys=False)


def _end_with(parent: Connection, _: Held) -> None:
    wait([parent])  # nothing is ever sent; the operating system closes the other end, after kill -9 too
    os._exit(1)
