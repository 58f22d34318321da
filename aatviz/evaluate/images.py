"""The types of an evaluation's stored scores, and the test images that it attacks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aatviz.data import Split, open_split
from aatviz.runtime.memory import in_batches
from aatviz.store.systems import System

Arrays = dict[str, NDArray[Any]]
Parts = dict[str, Arrays]
"""The arrays of every part of an evaluation."""


def evenly(values: Tensor, count: int) -> Tensor:
    """At most `count` of the values (N, ...), evenly spread. MNIST's test set is not shuffled: its first half is harder,
    so its first images would not stand for it."""
    count = min(count, len(values))
    return values[torch.arange(count) * len(values) // max(count, 1)]


def stored_scores(arrays: Arrays) -> dict[str, Tensor]:
    """The arrays of a part as tensors. ValueError for NaN: an image with a NaN for a score reaches no threshold, and would
    count as withstood."""
    if broken := [name for name, array in arrays.items() if array.dtype.kind == "f" and np.isnan(array).any()]:
        raise ValueError(f"Of the stored scores, {', '.join(broken)} are no numbers (NaN). Measure them again.")
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def test_split(system: System) -> Split:
    """All test images of the system's data set, on the disk."""
    return open_split(system.card.dataset, "test")


def test_images(system: System, count: int, part: slice) -> tuple[Tensor, Tensor]:
    """Test images (n,C,H,W), in [0,1], and labels (n,): from `count` images, evenly spread over the test set, the slice
    `part`; on the system's device."""
    images = test_split(system)
    rows = evenly(torch.arange(len(images)), count)[part]
    return images.images(rows).to(system.device), images.labels[rows].to(system.device)


@torch.no_grad()
def outputs(
    model: Callable[[Tensor], Tensor], images: Split, rows: Tensor | None = None, device: torch.device | str = "cpu"
) -> NDArray[Any]:
    """The outputs of a model, on a device, for these rows of a split, or for all of it; a thousand images at a time."""
    rows = torch.arange(len(images)) if rows is None else rows
    return in_batches(lambda part: model(images.images(part).to(device)).cpu(), rows).numpy()
