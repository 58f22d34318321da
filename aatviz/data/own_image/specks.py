"""Specks: marks that are no part of a drawn digit are told from its strokes, and left out before it is cut and centred."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SPECK = 0.03
"""A mark with less than this share of the ink is left out where it lies outside the digit's box. MNIST's loose strokes hold
more."""
FAR = 0.4
"""A mark whose gap to the digit is larger than this share of the digit's longer side is none of its strokes. MNIST's loose
strokes are nearer."""
OTHER = 0.35
"""Where the marks to leave out hold more than this share of the ink together, none is left out: they may be the digit."""

Slices = tuple[slice, ...]


def without_specks(ink: NDArray[np.float32], least: float, notes: list[str]) -> NDArray[np.float32]:
    """The ink (H,W), in [0,1], without the marks that do not belong to the digit. Ink of at most `least` counts as paper.

    The digit is the largest mark with all marks that lie near it, specks excepted. `notes` gets a sentence about what was
    left out, and about marks that the visitor may have to erase.
    """
    from scipy import ndimage  # here: loading it takes half a second

    parts, count = ndimage.label(ink > least, np.ones((3, 3)))
    if count < 2:
        return ink
    shares = ndimage.sum_labels(ink, parts, range(1, count + 1)) / ink[parts > 0].sum()
    boxes = ndimage.find_objects(parts)
    specks = {k for k in range(count) if shares[k] < SPECK}
    if sum(shares[k] for k in specks) > OTHER:  # a digit of dabs, or of broken strokes
        specks = set()
    digit = {int(shares.argmax())}
    while near := {k for k in set(range(count)) - digit - specks if _is_near(boxes[k], _around([boxes[j] for j in digit]))}:
        digit |= near
    body = _around([boxes[k] for k in digit])
    outside = [k for k in range(count) if k not in digit and _around([boxes[k], body]) != body]
    if sum(shares[k] for k in outside) > OTHER:
        notes.append("There are several shapes: all of them are taken as one digit.")
        return ink
    if outside:
        notes.append(f"{len(outside)} specks beside the digit left out." if len(outside) > 1 else "A speck left out.")
    if any(shares[k] < OTHER and _around([boxes[j] for j in digit if j != k]) != body for k in digit):
        notes.append("A mark by itself is taken as a part of the digit: erase it if it is none.")
    return np.where(np.isin(parts, [k + 1 for k in outside]), np.float32(0), ink)


def _around(boxes: Sequence[Slices]) -> Slices:
    """The box around boxes."""
    return tuple(slice(min(one.start for one in axis), max(one.stop for one in axis)) for axis in zip(*boxes, strict=True))


def _is_near(one: Slices, digit: Slices) -> bool:
    """Whether the first box is near enough to the digit's box to hold one of its strokes."""
    along = [max(a.start - b.stop, b.start - a.stop, 0) for a, b in zip(one, digit, strict=True)]
    return bool(np.hypot(*along) <= FAR * max(axis.stop - axis.start for axis in digit))
