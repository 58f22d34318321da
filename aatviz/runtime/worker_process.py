"""The process behind a `Worker`: runs one request after the other, and ends when its input does."""

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import IO, Any

from aatviz.runtime.worker import receive, send

STEP_NEWS = 0.05
"""The least seconds between two messages about steps."""


class Cancelled(BaseException):
    """Raised inside a run to end it at once. It is no Exception, so that no `except Exception` stops it."""


def main() -> None:
    """Serve until the app closes this process's input. What a run prints goes to the error output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches both processes; this one ends when the app does
    with suppress(OSError, AttributeError):  # Windows has no such thing
        os.nice(int(sys.argv[1]))
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
    cancelled: set[int] = set()
    threading.Thread(target=_read, args=(sys.stdin.buffer, requests, cancelled), daemon=True).start()
    while True:
        _, number, function, context, arguments = requests.get()
        step = _steps(output, number, cancelled)
        try:
            send(output, ("done", number, _run(function, context, arguments, step)))
        except Cancelled:
            send(output, ("cancelled", number, None))
        cancelled.discard(number)


def _read(source: IO[bytes], requests: "SimpleQueue[tuple[Any, ...]]", cancelled: set[int]) -> None:
    """Take requests and cancels; end this process when the app has ended."""
    while True:
        message = receive(source)
        if message is None:
            os._exit(0)
        if message[0] == "cancel":
            cancelled.add(message[1])
        else:
            requests.put(message)


def _steps(output: IO[bytes], number: int, cancelled: set[int]) -> Callable[..., None]:
    """The function that a run calls at every step: it counts, tells the app now and then, and raises Cancelled."""
    count, told = 0, 0.0

    def step(*_: Any) -> None:
        nonlocal count, told
        count += 1
        if number in cancelled:
            raise Cancelled
        if (now := time.monotonic()) - told >= STEP_NEWS:
            told = now
            send(output, ("step", number, count))

    return step


def _run(
    function: Callable[..., list[Any]], context: Any, arguments: list[Any], step: Callable[..., None]
) -> list[tuple[bool, bytes]]:
    """The outcome of every run: whether it succeeded, and the pickled result or text of the error."""
    try:
        return [(True, pickle.dumps(result)) for result in function(context, arguments, step)]
    except Exception as error:
        if len(arguments) == 1:
            return [(False, pickle.dumps(str(error) or type(error).__name__))]
    return [one for argument in arguments for one in _run(function, context, [argument], step)]


if __name__ == "__main__":
    main()
