"""What the tests ask a worker process for."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import torch

Step = Callable[..., None]


def doubled(context: int, runs: list[int], step: Step) -> list[int]:
    """Twice every number, and what they have in common."""
    print("something that a library prints")
    for _ in runs:
        step()
    return [2 * run + context for run in runs]


def endless(context: None, runs: list[None], step: Step) -> list[None]:
    while True:
        step()


def none_is_bad(context: None, runs: list[int | None], step: Step) -> list[int]:
    if None in runs:
        raise ValueError("None is no number")
    return [run for run in runs if run is not None]


def dies(context: None, runs: list[None], step: Step) -> list[None]:
    os.kill(os.getpid(), signal.SIGKILL)
    return runs


def steps_until(context: float, runs: list[Any], step: Step) -> list[int]:
    """Small steps, as an attack on one image takes them, for so many seconds: how many there were."""
    import time

    torch.set_num_threads(1)
    x, count = torch.rand(64, 64), 0
    begins = time.monotonic()
    while time.monotonic() - begins < context:
        for _ in range(20):
            x = (x @ x).clamp(0, 1)
        step()
        count += 1
    return [count] * len(runs)


def imported(context: None, runs: list[None], step: Step) -> list[bool]:
    """Whether this process has loaded the web app's packages."""
    return [bool({"streamlit", "plotly"} & set(sys.modules))] * len(runs)
