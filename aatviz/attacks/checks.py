"""Input checks at the door of the attacks: once, and a sentence that helps."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor

from aatviz.data.spec import number
from aatviz.models.checks import HALF, TOLERANCE, Array, as_tensor, check_images

__all__ = ["HALF", "TOLERANCE", "Array", "ClassIndices", "as_tensor", "check_images"]

LARGEST_SEED = 2**63 - 1
Eps = float | str | Sequence[float] | Array
"""The ball's size: a number, written as 0.3 or as "8/255", or one per sample (N,)."""
Classes = int | Sequence[int] | Array
"""One class for all images, or one per image (N,)."""


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """ValueError, with the choices, unless `value` is one of them."""
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}; got {value!r}.")


def check_number(name: str, value: object, *, least: float) -> float:
    """The value as a Python number. ValueError where it is no finite number, or below `least`."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value < least:
        raise ValueError(f"{name} is a number of at least {least:g}; got {value!r}.")
    return value if isinstance(value, int) else float(value)  # an int stays one: recipes are hashed as they are written


def check_limit(name: str, value: object) -> float:
    """A limit that losses are held against, as a Python float; it may be infinite. ValueError where it is no number: of NaN,
    nothing is above and nothing below."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise ValueError(f"{name} is a number that losses are held against; got {value!r}.")
    return float(value)


def check_whole(name: str, value: object, *, least: int, most: float = math.inf) -> int:
    """A count, such as that of steps, as a Python int; NumPy's integers are taken too. ValueError where it is no whole
    number, or out of range."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        limit = f"of at least {least}" + ("" if most == math.inf else f" and at most {most}")
        raise ValueError(f"{name} is a whole number {limit}; got {value!r} ({type(value).__name__}).")
    return int(value)


def check_seed(value: object) -> int:
    """The seed as an int. ValueError unless it is a whole number from 0 to `LARGEST_SEED`, the largest that torch takes."""
    return check_whole("seed", value, least=0, most=LARGEST_SEED)


def check_eps(eps: Eps, norm: str, x: Tensor) -> float | Tensor:
    """The ball's size for these images (N, ...): a number, or one per sample (N,). ValueError where it cannot be a size."""
    if isinstance(eps, list | tuple):
        eps = np.asarray(eps)
    if not isinstance(eps, Tensor | np.ndarray) or eps.ndim == 0:
        return check_size(eps, norm)
    values = as_tensor("eps", eps)
    if values.shape != (len(x),) or values.dtype == torch.bool:
        raise ValueError(
            f"eps is a number or one value per sample ({len(x)},); got a tensor of {tuple(values.shape)}, {values.dtype}."
        )
    for end in (values.min(), values.max()):
        check_size(end, norm)
    return values.to(x)


def check_size(eps: object, norm: str) -> float:
    """The ball's size as one number, which may be written as "8/255". ValueError where it is negative or no number, or, for
    Linf, above 1."""
    size = check_number("eps", number(eps) if isinstance(eps, str) else eps, least=0)
    if norm == "Linf" and size > 1:
        raise ValueError(f"An Linf eps is on the [0,1] scale of the images; got {size:g}. Write 8/255 for 8 grey levels.")
    return size


def set_plain(settings: object, **values: object) -> None:
    """Put the numbers that the checks returned into a frozen dataclass: they are Python's own, since NumPy's cannot be
    written as JSON."""
    for name, value in values.items():
        object.__setattr__(settings, name, value)


def check_start(start: Array, x: Tensor) -> Tensor:
    """Where an attack on the images x begins (N,C,H,W), in their precision and on their device. ValueError where it has
    another shape, or pixels that are NaN or infinite."""
    start = as_tensor("start", start)
    if start.shape != x.shape:
        raise ValueError(f"start must have the shape of the images, {tuple(x.shape)}; got {tuple(start.shape)}.")
    start = start.to(x)
    if not bool(start.isfinite().all()):
        raise ValueError("start is made of numbers; some of its pixels are NaN or infinite.")
    return start


class ClassIndices:
    """One class for all images, or one per image (N,), read and checked once.

    How many images and classes there are is known only at the first logits. Both are then compared without looking at the
    values again, so that no step of an attack waits for the device.
    """

    def __init__(self, name: str, classes: Classes) -> None:
        self.name = name
        self.values: Tensor | int = _whole_numbers(name, classes)
        ends = (self.values.min(), self.values.max()) if isinstance(self.values, Tensor) else (self.values, self.values)
        self.low, self.high = map(int, ends)
        self._columns: tuple[Tensor, Tensor] | None = None
        if self.low < 0:
            raise ValueError(f"{name} is a class index, at least 0; got {self.low}.")

    def check_range(self, classes: int) -> None:
        """ValueError, with the range, where an index is not below the number of `classes`."""
        if self.high >= classes:
            raise ValueError(f"{self.name} lies in 0..{classes - 1}; got {self.high}.")

    def among(self, classes: tuple[int, ...]) -> "ClassIndices":
        """The columns that these classes have in a bank with detectors of `classes`. ValueError where it lacks one."""
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

    def columns(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """The indices as a column (N,1) for these logits (N,K), and a matrix like the logits (N,K), 1 at the indices and 0
        elsewhere. Both are made once for all steps of an attack, and must not be changed."""
        kept = self._columns
        if kept is None or kept[1].shape != logits.shape or (kept[1].dtype, kept[1].device) != (logits.dtype, logits.device):
            column = self.of(logits).unsqueeze(1)
            kept = self._columns = column, torch.zeros_like(logits).scatter_(1, column, 1.0)
        return kept

    def for_images(self, batch: Tensor) -> Tensor:
        """The indices (N,) for a batch of N images or rows, on its device."""
        if not isinstance(self.values, Tensor):
            return torch.full((len(batch),), self.values, device=batch.device)
        if len(self.values) != len(batch):
            raise ValueError(f"{self.name} holds one class per image ({len(batch)},); got {len(self.values)}.")
        return self.values.to(batch.device)


def _whole_numbers(name: str, classes: object) -> Tensor | int:
    """The classes as an int or a tensor (N,). ValueError unless they are whole numbers: 3.7, "3" and True are mistakes."""
    if isinstance(classes, list | tuple):
        try:
            classes = torch.tensor(classes) if classes else torch.empty(0, dtype=torch.long)
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(f"{name} holds class indices, whole numbers; got {str(classes)[:60]}.") from None
    if not isinstance(classes, Tensor | np.ndarray):
        if isinstance(classes, bool) or not isinstance(classes, Integral):
            raise ValueError(f"{name} holds class indices, whole numbers; got {classes!r} ({type(classes).__name__}).")
        return int(classes)
    with torch.inference_mode(False):  # a normal tensor, even where the caller is in inference mode
        values = as_tensor(name, classes)
    if values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
        raise ValueError(f"{name} holds class indices, whole numbers; got {values.dtype}.")
    if values.dim() == 0:
        return int(values)
    if values.dim() != 1 or not len(values):
        raise ValueError(f"{name} holds one class per image (N,); got the shape {tuple(values.shape)}.")
    return values.to(torch.long, copy=True)  # the caller's own may be written over by the next batch


@contextmanager
def only_read(x_adv: Tensor, who: str) -> Iterator[Tensor]:
    """Show a caller's function an iterate (N,C,H,W): as a tensor of its own, so that a requires_grad_() stays with it.
    ValueError where the function wrote into it, which would move the attack to who knows where, out of the ball too."""
    before = x_adv._version
    yield x_adv.detach()
    if x_adv._version != before:
        raise ValueError(f"{who} has changed the images that it was shown. Let it work on a copy, x_adv.clone().")


class Soundness:
    """Whether all losses and gradients of an attack were numbers. This is collected on the device and looked at once, at the
    end.

    A NaN leads an attack nowhere, and its failure would look like a strong defence. A gradient of 0 is fine: a loss may be
    flat.
    """

    def __init__(self, x: Tensor) -> None:
        self.shape, self.dims = x.shape, tuple(range(1, x.dim()))
        self.trail = torch.zeros(len(x), device=x.device)
        """NaN for the images of which some loss was not finite, or some gradient or the last iterate NaN."""

    def see(self, loss: Tensor, grad: Tensor | None = None) -> None:
        """One step's losses (N,) and gradients (N,C,H,W). ValueError for other shapes."""
        if not isinstance(loss, Tensor):
            raise ValueError(
                f"One loss per image ({self.shape[0]},) is expected, as a tensor; got {type(loss).__name__}. Of an "
                "objective, it is the first of two: lambda x: objective(x)[0]."
            )
        if loss.shape != self.shape[:1] or (grad is not None and grad.shape != self.shape):
            got = f"{tuple(loss.shape)}" + ("" if grad is None else f" and {tuple(grad.shape)}")
            raise ValueError(
                f"An objective gives one loss per image ({self.shape[0]},), and a gradient of the images' shape "
                f"{tuple(self.shape)}; got {got}."
            )
        seen = loss - loss  # 0, or NaN where it is not finite
        if grad is not None:
            seen = seen + grad.sum(self.dims)  # a sum is NaN where any of its parts is
        self.trail = torch.maximum(self.trail, seen)  # keeps a NaN

    def arrive(self, x_adv: Tensor) -> None:
        """What an attack returns (N,C,H,W): its last step may have been made of an infinite gradient, and nobody asked."""
        self.trail = torch.maximum(self.trail, x_adv.sum(self.dims))

    def check(self) -> None:
        """ValueError where any loss was not finite, or any gradient or iterate NaN."""
        if count := int(self.trail.isnan().sum()):
            raise ValueError(
                f"The attack has no direction for {count} of {len(self.trail)} images: their loss was no finite number, or "
                "its gradient NaN or infinite, so that nothing can be said of them. Look for weights that are NaN or "
                "infinite, or for an overflow."
            )
