"""Shared by all ways to prepare a visitor's picture: opening it safely, and the type of the result."""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from aatviz.data.decode import FORMATS, Opened, Unreadable, opened
from aatviz.data.own_image.link_text import Shape, to_image
from aatviz.runtime.limits import MOST_OWN_BYTES, MOST_OWN_PIXELS

_GREY = 12
"""Levels by which the channels of a grey picture may differ: compression with loss shifts them a little."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """An image that is ready for the networks."""

    pixels: bytes
    """C x H x W levels, channel by channel, row by row."""
    shape: Shape
    notes: tuple[str, ...]
    """What was done to the picture, as sentences."""

    @property
    def image(self) -> Tensor:
        """The image (1,C,H,W) in [0,1]."""
        return to_image(self.pixels, self.shape)


def open_picture(data: bytes, side: int) -> tuple[Opened, list[str]]:
    """The picture in an image file's bytes, and notes about it. ValueError, in a sentence, where it cannot be used.

    A large JPEG is read in reduced size, with sides that are still above `side`.
    """
    if not data:
        raise ValueError("The file is empty. Choose an image file, such as a PNG or a JPEG.")
    if len(data) > MOST_OWN_BYTES:
        raise ValueError(too_large(len(data)))
    try:
        found = opened(data, MOST_OWN_PIXELS, side)
    except Unreadable as error:
        raise ValueError(unusable(error)) from None
    notes = ["Of several frames, the first is taken."] if found.animated else []
    return found, notes + (["Turned upright, as the camera noted."] if found.turned else [])


def is_coloured(picture: Image.Image) -> bool:
    """Whether a picture of red, green and blue is more than grey."""
    return picture.mode != "L" and bool(np.ptp(np.asarray(picture.convert("RGB"), dtype=np.int16), axis=2).max() > _GREY)


def unusable(why: Unreadable) -> str:
    """The message for a picture that cannot be read."""
    most = MOST_OWN_PIXELS // 1_000_000
    return f"The picture cannot be used: {why}. Send another one: {', '.join(FORMATS)}, with at most {most} million pixels."


def too_large(size: int) -> str:
    """The message for a file of `size` bytes, more than are read."""
    most = MOST_OWN_BYTES // 1_000_000
    return f"The file has {size / 1e6:.0f} MB; at most {most} MB can be read. Make the picture smaller."
