"""Jobs on the machines of a Ray cluster. What they read and write lies on storage that all machines share: paths are passed,
never tensors, and what a job has printed comes back line by line.

A lost job, whose machine or process is gone, begins anew on another machine and goes on where its files end. Ray itself is
loaded where it is needed: the library works without it.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any

from aatviz.runtime.files import present
from aatviz.runtime.jobs import ENVIRONMENT, Command
from aatviz.runtime.locks import Held, shared_with_others

MOST_LOSSES = 5
"""How many times a job may be lost: perhaps it is the job that ends its machines, for want of memory."""
HANDED_ON = ("AATVIZ_", "XDG_CACHE_HOME", "ONEDNN_", "DNNL_", "ATEN_CPU_CAPABILITY")
"""What the names of environment variables begin with that jobs get from this process: where things lie, and which
instructions of the processor compute."""
PATIENCE = 10.0
"""Seconds within which the head of a cluster has to answer."""
TRIES = "RAY_gcs_server_port_wait_time_s"
"""How often Ray tries to reach a head. Where another program has the port it would be twenty times, for 40 seconds each."""
QUIET = 30.0
"""Seconds in which no job has said anything, after which it is asked whether any machine has room for one."""
Ended = tuple[int, str]
"""A job's exit status, and the name of the machine that it ran on."""
Said = Iterator[str | Ended]
"""The lines that a job prints, and then how it ended."""


class Ray:
    """A `Launcher` of tasks with one CPU each, and one GPU where jobs compute on GPUs; at most `workers` at once, None: as
    many as there is room for.

    RuntimeError where Ray is not installed, or no cluster answers at `address` (None: that of $RAY_ADDRESS, else the one
    that this machine is in).
    """

    def __init__(self, address: str | None, workers: int | None) -> None:
        self._ray = _connected(address)
        self.most = workers
        self._gpus = 0
        self._place = self._seen = ""
        self._running: dict[Any, Command] = {}
        self._losses: dict[tuple[str, ...], int] = {}
        self._without_room = False
        """Whether it has been said that no machine has room."""

    @property
    def room(self) -> int:
        """See `Launcher`."""
        found = int(self._ray.cluster_resources().get("GPU" if self._gpus else "CPU", 0))
        return max(min(found, self.most or found), 1)

    def device(self, name: str) -> str:
        """See `Launcher`: "cpu" or "cuda"; for "auto" GPUs where the cluster has some."""
        if name not in ("auto", "cpu", "cuda"):
            raise ValueError(f"Jobs on a Ray cluster compute on cpu, cuda or auto; got {name!r}.")
        gpus = int(self._ray.cluster_resources().get("GPU", 0))
        if name == "cuda" and not gpus:
            raise ValueError("This Ray cluster has no GPU. Use --device cpu or auto, or start Ray with --num-gpus.")
        self._gpus = int(bool(gpus) and name != "cpu")
        return "cuda" if self._gpus else "cpu"

    @contextmanager
    def writing(self, held: Held) -> Iterator[None]:
        """See `Launcher`. A file in the folder shows to every machine that it sees the same folder."""
        with shared_with_others(held), present(held.folder) as seen:
            self._place, self._seen = os.getcwd(), str(seen)
            try:
                yield
            finally:
                self.stop()

    def start(self, job: Command) -> None:
        """See `Launcher`; only inside `writing`."""
        task = self._ray.remote(num_cpus=1, num_gpus=self._gpus, max_retries=0, num_returns="streaming")(_run)
        variables = {name: value for name, value in os.environ.items() if name.startswith(HANDED_ON)}
        said = task.options(name=job.name).remote(list(job.arguments), self._place, variables | ENVIRONMENT, self._seen)
        self._running[said] = job

    def ended(self) -> dict[str, str]:
        """See `Launcher`. What jobs say is printed meanwhile; a lost job is started once more."""
        found: dict[str, str] = {}
        while not found:
            ready = self._ray.wait(list(self._running), num_returns=1, timeout=QUIET)[0]
            if not ready:
                self._look_for_room()
            for said in ready:
                wrong = self._next(said)
                if wrong is not None:
                    found[self._running.pop(said).name] = wrong
        return found

    def _look_for_room(self) -> None:
        """Say, once, where jobs wait for a machine that the cluster does not have; Ray itself waits without a word."""
        needed = {"CPU": 1, "GPU": self._gpus}
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        without = not any(all(has.get(kind, 0) >= count for kind, count in needed.items()) for has in machines)
        if without and not self._without_room:
            what = "a CPU and a GPU" if self._gpus else "a CPU"
            print(
                f"No machine of this Ray cluster has {what} for jobs, so that they wait until one joins it "
                "(`ray start --address HOST:PORT`).",
                flush=True,
            )
        self._without_room = without

    def _next(self, said: Any) -> str | None:
        """Take what a job says next. None where it goes on; else what went wrong, empty where nothing did."""
        try:
            word = self._ray.get(next(said))
        except self._ray.exceptions.RayTaskError as error:
            return f"could not run: {error.cause}"
        except self._ray.exceptions.RayError as error:
            return self._lost(said, type(error).__name__)
        if isinstance(word, str):
            print(word, flush=True)
            return None
        status, machine = word
        if status < 0:
            return self._lost(said, f"signal {-status} on {machine}")
        return f"ended with status {status} on {machine}" if status else ""

    def _lost(self, said: Any, how: str) -> str | None:
        """Start a lost job once more; where it has been lost too often, say so."""
        job = self._running[said]
        count = self._losses[job.arguments] = self._losses.get(job.arguments, 0) + 1
        if count >= MOST_LOSSES:
            return f"was lost {count} times ({how}), perhaps for want of memory"
        print(f"{job.name}: lost ({how}); it goes on elsewhere", flush=True)
        del self._running[said]
        self.start(job)
        return None

    def stop(self) -> None:
        """See `Launcher`."""
        for said in self._running:
            self._ray.cancel(said, force=True)
        self._running.clear()


def _connected(address: str | None) -> Any:
    """The module ray, connected to a cluster."""
    try:
        import ray
    except ImportError:
        raise RuntimeError(
            f"--launcher ray needs Ray, which {sys.executable} does not have: run `pip install .[ray]` in the repository's "
            "folder, on every machine."
        ) from None
    import logging

    if address is None:
        address = os.environ.get("RAY_ADDRESS") or "auto"
    try:
        if address != "auto":
            _knock(address)
        with _one_try():
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # some of Ray's are of no narrower kind
        where = f"at {address}" if address != "auto" else "on this machine"
        raise RuntimeError(
            f"No Ray cluster answers {where} ({shorten(str(error), 400)}). Start one with `ray start --head`, on further "
            "machines with `ray start --address HOST:PORT`, the same Ray and Python on each, and run this command on one."
        ) from None
    # the function itself is sent: a process of Ray's need not load the library, with PyTorch, beside that of the job
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return ray


@contextmanager
def _one_try() -> Iterator[None]:
    """Let Ray try once to reach a head, unless the user has said how often."""
    given = TRIES in os.environ
    os.environ.setdefault(TRIES, "1")
    try:
        yield
    finally:
        if not given:
            del os.environ[TRIES]


def _knock(address: str) -> None:
    """See at once whether anything answers; Ray itself would try for minutes. OSError where not; ValueError for what is no
    HOST:PORT."""
    host, _, port = address.rpartition(":")
    if not host or "/" in address or not (port.isascii() and port.isdigit()):
        raise ValueError(f"an address is HOST:PORT, such as 192.0.2.7:6379; got {address!r}")
    socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def _run(arguments: list[str], place: str, variables: dict[str, str], seen: str) -> Said:
    """A job, on a machine of the cluster. It ends with the process that Ray gave it."""
    for folder, found in ((Path(seen).parent, Path(seen).is_file()), (place, Path(place).is_dir())):
        if not found:
            raise RuntimeError(
                f"{socket.gethostname()} does not see the {folder} of the machine that started this. All need it, under the "
                "same path, on storage that they share."
            )
    command = [sys.executable, "-m", "aatviz.runtime.child", *arguments]
    output: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=place, env=os.environ | variables, **output) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield line.rstrip("\n")
        yield process.wait(), socket.gethostname()
