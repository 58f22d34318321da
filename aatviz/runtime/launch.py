"""Runs jobs side by side: each is the command line in a process of its own, with one thread, and ends when this one does."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Thread

from aatviz.runtime.locks import Held

MALLOC = {
    # glibc would hand every large activation back to the kernel and fetch it zeroed again: an eighth of an attack's time.
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
}
# Two processes with one thread each do as much as one with two threads, and never wait for each other.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **MALLOC}
_CHILD = "AATVIZ_ENDS_WITH_ITS_INPUT"


class JobFailed(RuntimeError):
    """At least one job ended with an error; the message names each with its exit status."""


def run_side_by_side(commands: dict[str, Sequence[str]], workers: int, held: Held) -> None:
    """Run `python -m aatviz.cli ARGUMENTS` for each named job, at most `workers` at once. The jobs may write into the folder
    that this process holds.

    Their output goes where this process's output goes. A failing job does not stop the others; JobFailed names it at the
    end. When this process is interrupted, the running jobs are terminated and no other is started; when it is killed, they
    end too.
    """
    environment = os.environ | ENVIRONMENT | held.environment | {_CHILD: "1"}
    running: set[subprocess.Popen[bytes]] = set()
    lock = Lock()
    cancelled = False

    def run(arguments: Sequence[str]) -> int:
        with lock:
            if cancelled:
                return -1
            command = [sys.executable, "-m", "aatviz.cli", *arguments]
            process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, pass_fds=held.inherited)
            running.add(process)
        with process:  # which closes the pipe in the end
            status = process.wait()
        with lock:
            running.discard(process)
        return status

    with ThreadPoolExecutor(workers) as pool:
        results = {name: pool.submit(run, arguments) for name, arguments in commands.items()}
        try:
            failed = {name: status for name, result in results.items() if (status := result.result())}
        except BaseException:
            with lock:
                cancelled = True
                for process in running:
                    process.terminate()
            raise
    if failed:
        raise JobFailed(", ".join(f"{name} ended with status {status}" for name, status in failed.items()))


def end_with_parent() -> None:
    """In a job of `run_side_by_side`: end as soon as the process that started it has ended. Elsewhere this does nothing."""
    if os.environ.pop(_CHILD, None):
        Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 1024):  # nothing is ever sent; the operating system closes the pipe, after kill -9 too
        pass
    os._exit(1)
