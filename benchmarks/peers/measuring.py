"""Measuring: rounds in which everybody takes a turn, medians, and ratios of medians of the same rounds."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Name = TypeVar("Name")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Timing:
    """The seconds of every measured round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """The fastest and the slowest round."""
        return min(self.seconds), max(self.seconds)


def interleaved(
    contestants: Mapping[Name, Callable[[int], Result]], rounds: int, seen: Callable[[Name, int, Result], None]
) -> dict[Name, Timing]:
    """Call everybody once a round with the round's number (A, B, C, A, B, C ...), round 0 and `rounds` more.

    So a machine that is slower for a while is so for all of them. Round 0 warms up and is not timed. `seen` is given what
    each call returned, round 0 included, outside the measured time.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, call in contestants.items():
            started = time.perf_counter()
            result = call(number)
            spent = time.perf_counter() - started
            if number:
                seconds[name].append(spent)
            seen(name, number, result)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def ratio(timings: Mapping[Name, Timing], slower: Name, faster: Name) -> float:
    """How many times as long the first one takes: a ratio of medians."""
    return timings[slower].median / timings[faster].median
