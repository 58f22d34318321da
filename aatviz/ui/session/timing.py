"""How long one step takes on this machine: what is said before a run starts."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

TIMED_CALLS = 3


def seconds_per_call(run: Callable[[Callable[..., Any]], Any]) -> float:
    """Start `run` with a callback, and end it after a few calls: the time between two of them."""
    times: list[float] = []

    def watch(*_: Any) -> None:
        times.append(time.perf_counter())
        if len(times) > TIMED_CALLS:
            raise _Enough

    with suppress(_Enough):
        run(watch)
    return (times[-1] - times[0]) / TIMED_CALLS


class _Enough(Exception):
    """The time of a call is known."""
