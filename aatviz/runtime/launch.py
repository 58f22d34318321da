"""Side by side: runs the command line again, one process and one thread a job, and lets none outlive a cancel."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

MALLOC = {
    # glibc would hand every large activation back to the kernel and fetch it zeroed again: an eighth of an attack's time.
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
}
# Two processes of one thread do as much as one of two, and neither waits for the other.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **MALLOC}


class JobFailed(RuntimeError):
    """At least one job ended with an error; the message names each with its exit status."""


def run_side_by_side(commands: dict[str, Sequence[str]], workers: int) -> None:
    """Run `python -m aatviz.cli ARGUMENTS` for each named job, at most `workers` at once.

    Output goes where this process's goes. A failing job does not stop the others; JobFailed names it at the end. When
    this process is interrupted, the running jobs are terminated and no other is started.
    """
    running: set[subprocess.Popen[bytes]] = set()
    lock = Lock()
    cancelled = False

    def run(arguments: Sequence[str]) -> int:
        with lock:
            if cancelled:
                return -1
            process = subprocess.Popen([sys.executable, "-m", "aatviz.cli", *arguments], env=os.environ | ENVIRONMENT)
            running.add(process)
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
