"""The time of one step on this machine, for the estimate that is shown before a run starts."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

TIMED_CALLS = 3


def seconds_per_call(run: Callable[[Callable[..., Any]], Any]) -> float:
    """The seconds between two calls of a callback: `run` is started with one, and ended after a few calls."""
    times: list[float] = []

    def watch(*_: Any) -> None:
        times.append(time.perf_counter())
        if len(times) > TIMED_CALLS:
            raise _Enough

    with suppress(_Enough):
        run(watch)
    return (times[-1] - times[0]) / TIMED_CALLS


class _Enough(Exception):
    """Ends the timed run: enough calls were timed."""
