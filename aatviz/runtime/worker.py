"""A separate process for long work, so that pages and attacks share no interpreter lock, and a crash does not end the app.

The app keeps the `Worker`; the process runs `aatviz.runtime.worker_process`. They exchange pickled messages over the
process's standard input and output, which no other program can reach. When the app ends, even if it is killed, the input
ends, and so does the process.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from aatviz.runtime.jobs import MALLOC

CHECK = 0.25
"""Seconds between two looks at whether a run is still wanted."""
_PACKAGE = Path(__file__).parents[2]
_LENGTH = 8

Function = Callable[[Any, list[Any], Callable[..., Any]], list[Any]]
"""What a worker can run: a function of a module. It is given a context, the arguments of runs that go together, and a
callback for every step; it returns the results in the order of the arguments."""


class WorkerError(RuntimeError):
    """A run failed in the worker; the message is that of the error there."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one run: its value, or the text of its error."""

    value: Any = None
    error: str | None = None
    size: int = 0
    """Bytes of the value as it was sent."""


class Worker:
    """One process, started at its first run, and again after it has died. `run` may be called by one thread at a time."""

    def __init__(self, nice: int = 0) -> None:
        self.nice = nice
        self._process: subprocess.Popen[bytes] | None = None
        self._news: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._number = 0

    def start(self) -> None:
        """Start the process unless it is running. Returns at once: the process loads its modules by itself."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            paths = [str(_PACKAGE), os.environ.get("PYTHONPATH", "")]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "aatviz.runtime.worker_process", str(self.nice)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | MALLOC | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            )
            self._news = SimpleQueue()
            threading.Thread(target=_listen, args=(self._process.stdout, self._news), daemon=True).start()

    def run(
        self,
        function: Function,
        context: Any,
        arguments: Sequence[Any],
        on_step: Callable[[int], None] = lambda _: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Outcome] | None:
        """Call `function(context, arguments, step)` in the process; None where the run was cancelled.

        Args:
            function: of a module, so that the process can import it.
            context, arguments: whatever can be pickled; the arguments of several runs, which go together.
            on_step: told how often the function has called `step`.
            wanted: asked every quarter of a second; once it returns False, the next `step` ends the run.

        An error in the function becomes the outcome of its run; runs that went together are then tried one by one.
        WorkerError where the process itself has died.
        """
        self.start()
        assert self._process is not None
        self._number += 1
        number, cancelled = self._number, False
        try:
            send(self._process.stdin, ("run", number, function, context, list(arguments)))
            while True:
                try:
                    news = self._news.get(timeout=CHECK)
                except Empty:
                    news = ("step", number, None)
                if news is None:
                    raise OSError("the process has ended")
                kind, about, what = news
                if about != number:  # of a run that was given up
                    continue
                if kind == "step":
                    if what is not None:
                        on_step(what)
                    if not cancelled and not wanted():
                        cancelled = True
                        send(self._process.stdin, ("cancel", number))
                    continue
                if kind == "cancelled":
                    return None
                return [_outcome(*one) for one in what]
        except OSError as error:
            status = self._process.poll()
            self.stop()
            raise WorkerError(
                f"the process that computes has ended unexpectedly (status {status}), perhaps for want of memory. "
                "Start the run again, with less in it."
            ) from error

    def stop(self) -> None:
        """End the process; the next run starts another."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):
                    stream and stream.close()


def _outcome(good: bool, content: bytes) -> Outcome:
    value = pickle.loads(content)
    return Outcome(value=value, size=len(content)) if good else Outcome(error=value)


def send(stream: IO[bytes] | None, message: tuple[Any, ...]) -> None:
    """Write one message, with its length before it."""
    assert stream is not None
    content = pickle.dumps(message)
    stream.write(len(content).to_bytes(_LENGTH, "big") + content)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[Any, ...] | None:
    """The next message; None at the end of the stream."""
    head = stream.read(_LENGTH)
    length = int.from_bytes(head, "big")
    content = stream.read(length) if len(head) == _LENGTH else b""
    return pickle.loads(content) if content and len(content) == length else None


def _listen(stream: IO[bytes], news: "SimpleQueue[tuple[Any, ...] | None]") -> None:
    """Hand on every message of the process, and None once it has ended."""
    with suppress(OSError, ValueError):  # the stream was closed
        while (message := receive(stream)) is not None:
            news.put(message)
    news.put(None)
