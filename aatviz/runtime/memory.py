"""Where memory runs out: try again with half as many images at once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

_T = TypeVar("_T")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out. Apple's GPU and the CPU have no exception of their own for it, so that the
    text decides."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def halving(run: Callable[[int], _T], size: int) -> tuple[_T, int]:
    """run(size), or where memory runs out run(size // 2), and so on down to 1. Returns the result and the size that fitted.

    RuntimeError where even one image is too much. Other errors are passed on.
    """
    while True:
        try:
            return run(size), size
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if size <= 1:
                raise RuntimeError(
                    "There is too little memory for a single image. Use another device (--device cpu), end what else needs "
                    "memory, or choose a smaller network."
                ) from error
        size //= 2  # outside `except`, whose error would keep the memory of the failed run alive
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def in_batches(function: Callable[[Tensor], Tensor], x: Tensor, size: int = 1000) -> Tensor:
    """function(x) for images (N, ...), N at least 1, computed on `size` images at a time, or fewer where memory runs out.
    The function must treat every image for itself."""
    return halving(lambda most: _joined(function, x.split(most), len(x)), size)[0]


def _joined(function: Callable[[Tensor], Tensor], parts: Sequence[Tensor], count: int) -> Tensor:
    """What the function returns for each part, as one tensor. It has its place from the first part on: many small results
    that stay, each allocated behind a large batch that goes, would leave holes in which the next batch has no room."""
    first = function(parts[0])
    if len(parts) == 1:
        return first
    found = first.new_empty((count, *first.shape[1:]))
    found[: len(first)] = first
    place = len(first)
    for part in parts[1:]:
        found[place : place + len(part)] = function(part)
        place += len(part)
    return found
