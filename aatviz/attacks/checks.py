"""Input checks at the door of the attacks: once, with a tolerance for rounding, and a sentence that helps."""

import math
from collections.abc import Sequence

from torch import Tensor

TOLERANCE = 1e-6
"""How far a pixel may leave [0,1] by rounding before it is an error."""


def check_images(x: Tensor) -> Tensor:
    """Images (N,C,H,W) as they are used: float, detached, clamped to [0,1]. ValueError where they are none."""
    if x.dim() != 4:
        raise ValueError(f"Images are a batch (N,C,H,W); got the shape {tuple(x.shape)}.")
    if not len(x):
        raise ValueError("The batch of images is empty; at least one image is needed.")
    if not x.is_floating_point():
        raise ValueError(f"Images are floats in [0,1]; got {x.dtype}. Convert with x.float() / 255.")
    low, high = float(x.min()), float(x.max())
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):
        raise ValueError(f"Images lie in [0,1]; these range from {low:g} to {high:g}. Divide by 255 if they are bytes.")
    return x.detach().clamp(0, 1)


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}; got {value!r}.")


def check_number(name: str, value: float, *, least: float, whole: bool = False) -> None:
    if (whole and value != int(value)) or not math.isfinite(value) or value < least:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} is {kind} of at least {least:g}; got {value!r}.")


def check_labels(name: str, labels: Tensor, count: int, classes: int) -> Tensor:
    """Class indices (N,) as int64. ValueError with the range where one does not exist."""
    if labels.shape != (count,):
        raise ValueError(f"{name} holds one class per image ({count},); got the shape {tuple(labels.shape)}.")
    labels = labels.long()
    if count and not (0 <= int(labels.min()) and int(labels.max()) < classes):
        raise ValueError(f"{name} lies in 0..{classes - 1}; got {int(labels.min())} to {int(labels.max())}.")
    return labels
