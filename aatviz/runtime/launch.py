"""Side by side: runs the command line again, one process and one thread a job, and lets none outlive a cancel."""

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
# Two processes of one thread do as much as one of two, and neither waits for the other.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **MALLOC}
_CHILD = "AATVIZ_ENDS_WITH_ITS_INPUT"


class JobFailed(RuntimeError):
    """At least one job ended with an error; the message names each with its exit status."""


def run_side_by_side(commands: dict[str, Sequence[str]], workers: int, held: Held) -> None:
    """Run `python -m aatviz.cli ARGUMENTS` for each named job, at most `workers` at once; they may write into the folder
    that this process holds.

    Output goes where this process's goes. A failing job does not stop the others; JobFailed names it at the end. When
    this process is interrupted, the running jobs are terminated and no other is started; when it is killed, they end too.
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
    """In a job of `run_side_by_side`: end as soon as the process that started it has ended, however. Elsewhere nothing."""
    if os.environ.pop(_CHILD, None):
        Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 1024):  # nothing ever comes; the pipe is closed by the operating system, after kill -9 too
        pass
    os._exit(1)
