"""Runs jobs side by side: each is the command line in a process of its own, with one thread, and ends when this one does.

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

from aatviz.runtime.locks import Held

MALLOC = {
    # glibc would hand every large activation back to the kernel and fetch it zeroed again: an eighth of an attack's time.
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
}
# Two processes with one thread each do as much as one with two threads, and never wait for each other.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **MALLOC}
LOADED_ONCE = ["aatviz.cli", "torch._dynamo", "sklearn.metrics"]
"""What every job loads: the commands, what PyTorch's optimizers need, and the AUC."""


class JobFailed(RuntimeError):
    """At least one job ended with an error; the message names each with its exit status."""


def run_side_by_side(commands: dict[str, Sequence[str]], workers: int, held: Held) -> None:
    """Run `python -m aatviz.cli ARGUMENTS` for each named job, at most `workers` at once. The jobs may write into the folder
    that this process holds.

    Their output goes where this process's output goes. A failing job does not stop the others; JobFailed names it at the
    end. When this process is interrupted, the running jobs are terminated and no other is started; when it is killed, they
    end too.
    """
    # macOS does not bear a fork after its libraries are loaded, and Windows has none
    context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":
        context.set_forkserver_preload(LOADED_ONCE)
    left, failed = list(commands.items()), {}
    running: dict[object, tuple[str, BaseProcess]] = {}
    there, here = context.Pipe(duplex=False)  # a job ends when `here` is closed
    try:
        while left or running:
            while left and len(running) < workers:
                name, arguments = left.pop(0)
                process = _start(context, arguments, there, held)
                running[process.sentinel] = name, process
            for ended in wait([process.sentinel for _, process in running.values()]):
                name, process = running.pop(ended)
                process.join()
                if process.exitcode:
                    failed[name] = process.exitcode
    except BaseException:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()
        raise
    finally:
        here.close()
        there.close()
    if failed:
        raise JobFailed(", ".join(f"{name} ended with status {status}" for name, status in failed.items()))


def _start(context: Any, arguments: Sequence[str], parent: Connection, held: Held) -> BaseProcess:
    with _environment(ENVIRONMENT):  # libraries read it when they are loaded
        here = os.getcwd(), dict(os.environ)
        process: BaseProcess = context.Process(target=_job, args=(arguments, *here, parent, held), daemon=True)
        process.start()
    return process


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
