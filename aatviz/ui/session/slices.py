"""Short pieces of work that a page asks for again and again, such as some updates of a training: in processes of their own.

A piece is bounded by who asks; it takes a tenth of a second or so. Pieces of all visitors wait in one line, so that nobody
waits for longer than the pieces before take. Nothing stays in the processes between two pieces.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
    """The processes, and the line before them. Until the first one is ready, which takes seconds, pieces are done here."""

    def __init__(self, runners: Sequence[Runner]) -> None:
        self._cold: list[Runner] = list(runners)
        self._idle: SimpleQueue[Runner] = SimpleQueue()
        self._ready = 0
        """Processes that have started; they are in `_idle`, or at work."""
        self._pool = ThreadPoolExecutor(len(runners), thread_name_prefix="slices")
        self._waiting, self._used, self._lock = 0, time.monotonic(), threading.Lock()
        threading.Thread(target=self._tidy, daemon=True).start()

    def warm(self, function: Function, argument: Any) -> None:
        """Start the processes, each with a piece whose result nobody wants; returns at once."""
        with self._lock:
            cold, self._cold = self._cold, []
        for runner in cold:
            threading.Thread(target=self._start, args=(runner, function, argument), daemon=True).start()

    def run(self, function: Function, arguments: Sequence[Any]) -> list[Any]:
        """Do these pieces side by side, and return their results in order. The first error is raised, as RuntimeError; Busy
        where too many wait already."""
        return self.begin(function, arguments)()

    def begin(self, function: Function, arguments: Sequence[Any]) -> Callable[[], list[Any]]:
        """Begin these pieces, and return what waits for their results: see `run`. Busy is raised at once."""
        self.warm(function, arguments[0])
        with self._lock:
            if self._waiting + len(arguments) > MOST_WAITING:
                raise Busy("Many visitors train networks at the moment. Press the button again in a moment.")
            self._waiting += len(arguments)
        futures = [self._pool.submit(self._run, function, argument) for argument in arguments]
        for future in futures:
            future.add_done_callback(self._ended)
        return lambda: [future.result() for future in futures]

    def _ended(self, future: Future[Any]) -> None:
        with self._lock:
            self._waiting -= 1

    def _start(self, runner: Runner, function: Function, argument: Any) -> None:
        try:
            runner.run(function, None, [argument])
        except RuntimeError:  # it cannot start now, perhaps for want of memory; the next piece tries again
            with self._lock:
                self._cold.append(runner)
            return
        with self._lock:
            self._ready, self._used = self._ready + 1, time.monotonic()
        self._idle.put(runner)

    def _run(self, function: Function, argument: Any) -> Any:
        if not self._ready:
            try:
                return function(None, [argument], lambda *_: None)[0]
            except Exception as error:
                raise RuntimeError(str(error) or type(error).__name__) from error
        runner = self._idle.get()
        try:
            outcomes = runner.run(function, None, [argument])
        finally:
            self._used = time.monotonic()
            self._idle.put(runner)
        if outcomes is None or outcomes[0].error is not None:
            raise RuntimeError(outcomes[0].error if outcomes else "the piece was cancelled")
        return outcomes[0].value

    def _tidy(self) -> None:
        """End the processes after a while without work."""
        while True:
            time.sleep(IDLE_SECONDS / 5)
            if time.monotonic() - self._used < IDLE_SECONDS:
                continue
            with self._lock:
                try:
                    runner = self._idle.get_nowait()
                except Empty:
                    continue
                self._ready -= 1
                self._cold.append(runner)
            if isinstance(runner, Worker):
                runner.stop()
