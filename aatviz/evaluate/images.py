"""What the scores of an evaluation are kept in, and the test images that it attacks."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from aatviz.data import load_data
from aatviz.store.systems import System

Arrays = dict[str, NDArray[Any]]
Parts = dict[str, Arrays]
"""The arrays of every part of an evaluation."""


def evenly(values: Tensor, count: int) -> Tensor:
    """At most `count` of the values (N, ...), evenly spread. MNIST's test set is not shuffled: its first half is harder,
    so its first images would not stand for it."""
    count = min(count, len(values))
    return values[torch.arange(count) * len(values) // max(count, 1)]


def test_images(system: System, count: int) -> tuple[Tensor, Tensor]:
    """Test images and labels, evenly spread over the test set."""
    x, y = load_data(system.card["dataset"], split="test")
    return evenly(x, count), evenly(y, count)
