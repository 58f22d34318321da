"""Short pieces of work that a page asks for again and again, such as some updates of a training: in processes of their own.

A piece is bounded by who asks; it takes a tenth of a second or so. Pieces of all visitors wait in one line, so that nobody
waits for longer than the pieces before take. Nothing stays in the processes between two pieces.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any

from aatviz.runtime.worker import Function, Worker
from aatviz.ui.session.jobs import Runner

IDLE_SECONDS = 300.0
"""A process that nobody has asked anything for so long ends; the next piece starts another."""
MOST_WAITING = 48


class Busy(RuntimeError):
    """More pieces wait than will be done soon."""


class Slices:
    """The processes, and the line before them."""

    def __init__(self, runners: Sequence[Runner]) -> None:
        self._idle: SimpleQueue[Runner] = SimpleQueue()
        for runner in runners:
            self._idle.put(runner)
        self._pool = ThreadPoolExecutor(len(runners), thread_name_prefix="slices")
        self._waiting, self._used, self._lock = 0, time.monotonic(), threading.Lock()
        threading.Thread(target=self._tidy, args=(len(runners),), daemon=True).start()

    def warm(self, function: Function) -> None:
        """Start the processes, so that the first piece finds them ready; returns at once."""
        for _ in range(self._idle.qsize()):
            self._pool.submit(self._run, function, None)

    def run(self, function: Function, arguments: Sequence[Any]) -> list[Any]:
        """Do these pieces side by side, and return their results in order. The first error is raised, as RuntimeError; Busy
        where too many wait already."""
        with self._lock:
            if self._waiting + len(arguments) > MOST_WAITING:
                raise Busy("Many visitors train networks at the moment. Press the button again in a moment.")
            self._waiting += len(arguments)
        futures = [self._pool.submit(self._run, function, argument) for argument in arguments]
        try:
            return [future.result() for future in futures]
        finally:
            with self._lock:
                self._waiting -= len(arguments)

    def _run(self, function: Callable[..., Any], argument: Any) -> Any:
        runner = self._idle.get()
        try:
            outcomes = runner.run(function, None, [] if argument is None else [argument])
        finally:
            self._used = time.monotonic()
            self._idle.put(runner)
        if argument is None or outcomes is None:
            return None
        if outcomes[0].error is not None:
            raise RuntimeError(outcomes[0].error)
        return outcomes[0].value

    def _tidy(self, count: int) -> None:
        """End the processes after a while without work."""
        while True:
            time.sleep(IDLE_SECONDS / 5)
            if time.monotonic() - self._used < IDLE_SECONDS:
                continue
            for _ in range(count):
                try:
                    runner = self._idle.get_nowait()
                except Empty:
                    break
                if isinstance(runner, Worker):
                    runner.stop()
                self._idle.put(runner)
