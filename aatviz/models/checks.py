"""Checks of the images that a model is given, with a tolerance for rounding; and images in the precision of its weights."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

TOLERANCE = 1e-6
"""How far a pixel may leave [0,1] by rounding before it is an error."""
HALF = (torch.float16, torch.bfloat16)
Array = Tensor | NDArray[Any]


def as_tensor(name: str, value: object) -> Tensor:
    """A tensor or a NumPy array as a tensor without gradient. ValueError for anything else.

    A tensor that was made in inference mode is copied, outside of that mode: autograd could not use it.
    """
    if isinstance(value, np.ndarray):
        try:
            return torch.tensor(np.ascontiguousarray(value).reshape(value.shape))
        except (TypeError, ValueError):
            raise ValueError(f"{name}: an array of numbers is expected; got one of {value.dtype}.") from None
    if not isinstance(value, Tensor):
        raise ValueError(f"{name}: a tensor or a NumPy array is expected; got {_short(value)}.")
    value = value.detach()
    return value.clone() if value.is_inference() and not torch.is_inference_mode_enabled() else value


def check_images(x: Array, least: int = 1) -> Tensor:
    """Images (N,C,H,W) made ready: detached, clamped to [0,1], and at least float32, since half precision rounds the steps
    of an attack away. ValueError for another shape or type, for NaN, for pixels outside [0,1] by more than `TOLERANCE`, and
    for fewer than `least` images."""
    x = as_tensor("Images", x)
    if x.dim() != 4:
        raise ValueError(f"Images are a batch (N,C,H,W); got the shape {tuple(x.shape)}.")
    if len(x) < least:
        raise ValueError("The batch of images is empty; at least one image is needed.")
    if not x.is_floating_point():
        raise ValueError(f"Images are floats in [0,1]; got {x.dtype}. Convert with x.float() / 255.")
    if x.dtype in HALF:
        x = x.float()
    if x.numel():
        low, high = float(x.min()), float(x.max())
        if low != low:  # NaN in one pixel is NaN in both
            raise ValueError(
                "Images are numbers in [0,1]; some of these pixels are nan. Look for what they were computed from."
            )
        if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):
            raise ValueError(f"Images lie in [0,1]; these range from {low:g} to {high:g}. Divide by 255 if they are bytes.")
    return x.clamp(0, 1)


def image_shape(*networks: nn.Module) -> torch.Size | None:
    """The shape (C,H,W) of the images that the networks were built for; None where none of them says it."""
    said = (getattr(part, "image_shape", None) for network in networks for part in network.modules())
    return next((torch.Size(shape) for shape in said if shape is not None), None)


def check_fits(x: Tensor, shape: torch.Size | None) -> None:
    """ValueError where the images (N,C,H,W) have another shape than a network's `image_shape`."""
    if shape is not None and x.shape[1:] != shape:
        raise ValueError(
            f"The network was built for images of the shape {tuple(shape)}, (C,H,W); these have {tuple(x.shape[1:])}. Load "
            "them from the system's own data set, or scale them."
        )


def in_precision_of(network: nn.Module, x: Tensor) -> Tensor:
    """Images in the precision of a network's weights."""
    weights = next((one for one in network.parameters() if one.is_floating_point()), x)
    return x.to(weights.dtype)


def _short(value: object) -> str:
    return f"{str(value)[:40]!r} ({type(value).__name__})"
