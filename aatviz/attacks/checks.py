"""Input checks at the door of the attacks: once, with a tolerance for rounding, and a sentence that helps."""

import math
from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor

TOLERANCE = 1e-6
"""How far a pixel may leave [0,1] by rounding before it is an error."""


def check_images(x: Tensor) -> Tensor:
    """Images (N,C,H,W) as they are used: float, detached, clamped to [0,1]. ValueError where they are none."""
    x = x.detach()
    if x.dim() != 4:
        raise ValueError(f"Images are a batch (N,C,H,W); got the shape {tuple(x.shape)}.")
    if not len(x):
        raise ValueError("The batch of images is empty; at least one image is needed.")
    if not x.is_floating_point():
        raise ValueError(f"Images are floats in [0,1]; got {x.dtype}. Convert with x.float() / 255.")
    low, high = float(x.min()), float(x.max())
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):
        raise ValueError(f"Images lie in [0,1]; these range from {low:g} to {high:g}. Divide by 255 if they are bytes.")
    return x.clamp(0, 1)


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}; got {value!r}.")


def check_number(name: str, value: float, *, least: float, whole: bool = False) -> None:
    """ValueError where it is none, or below `least`. A whole one is an int, Python's or NumPy's: it counts steps."""
    if (whole and not isinstance(value, Integral)) or not math.isfinite(value) or value < least:
        kind, given = ("a whole number", f"{value!r} ({type(value).__name__})") if whole else ("a number", repr(value))
        raise ValueError(f"{name} is {kind} of at least {least:g}; got {given}.")


def check_eps(eps: float | Tensor, norm: str, x: Tensor) -> float | Tensor:
    """The ball's size for these images (N, ...), a number or one per sample (N,). ValueError where it is none."""
    if isinstance(eps, Tensor):
        if eps.shape != (len(x),):
            raise ValueError(f"eps is a number or one value per sample ({len(x)},); got a tensor of {tuple(eps.shape)}.")
        low, high = float(eps.min()), float(eps.max())
    else:
        low = high = float(eps)
    check_number("eps", low, least=0)
    check_number("eps", high, least=0)
    if norm == "Linf" and high > 1:
        raise ValueError(f"An Linf eps is on the [0,1] scale of the images; got {high:g}. Write 8/255 for 8 grey levels.")
    return eps.to(x) if isinstance(eps, Tensor) else eps


class ClassIndices:
    """One class for all images, or one per image (N,), read and checked once.

    What has to wait for the first logits (how many images and classes there are) is then compared without looking at
    the tensor again: no step of an attack waits for the device.
    """

    def __init__(self, name: str, classes: Tensor | int) -> None:
        self.name = name
        if isinstance(classes, Tensor) and classes.dim() == 0:
            classes = int(classes)
        if isinstance(classes, Tensor):
            if classes.dim() != 1 or not len(classes):
                raise ValueError(f"{name} holds one class per image (N,); got the shape {tuple(classes.shape)}.")
            if classes.is_floating_point() or classes.is_complex() or classes.dtype == torch.bool:
                raise ValueError(f"{name} holds class indices, whole numbers; got {classes.dtype}.")
            self.values: Tensor | int = classes.detach().long()
            self.low, self.high = int(classes.min()), int(classes.max())
        else:
            self.values = self.low = self.high = int(classes)
        if self.low < 0:
            raise ValueError(f"{name} is a class index, at least 0; got {self.low}.")

    def check_range(self, classes: int) -> None:
        """ValueError with the range where one of them is no class."""
        if self.high >= classes:
            raise ValueError(f"{self.name} lies in 0..{classes - 1}; got {self.high}.")

    def among(self, classes: tuple[int, ...]) -> "ClassIndices":
        """The columns of these classes in a bank that detects `classes`. ValueError where it has no detector of one."""
        if classes == tuple(range(len(classes))):
            self.check_range(len(classes))
            return self
        values = self.values.cpu() if isinstance(self.values, Tensor) else torch.tensor([self.values])
        same = values[:, None] == torch.tensor(classes)
        if lacking := values[~same.any(1)].unique().tolist():
            raise ValueError(
                f"{self.name} is a class that the bank has a detector of, one of {', '.join(map(str, classes))}; got "
                f"{', '.join(map(str, lacking))}."
            )
        columns = same.int().argmax(1)
        return ClassIndices(self.name, columns if isinstance(self.values, Tensor) else int(columns))

    def of(self, logits: Tensor) -> Tensor:
        """The indices (N,) for these logits (N,K), on their device."""
        self.check_range(logits.shape[1])
        return self.for_images(logits)

    def for_images(self, batch: Tensor) -> Tensor:
        """The indices (N,) for a batch of N images or rows, on its device."""
        if not isinstance(self.values, Tensor):
            return torch.full((len(batch),), self.values, device=batch.device)
        if len(self.values) != len(batch):
            raise ValueError(f"{self.name} holds one class per image ({len(batch)},); got {len(self.values)}.")
        return self.values.to(batch.device)
