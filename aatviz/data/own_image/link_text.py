"""One image of any shape (C,H,W) as bytes: the same pixels in a link, in a PNG file, and as a tensor for the networks."""

import base64
import binascii
import io
import math
import zlib

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Shape = tuple[int, int, int]
"""Channels (1 or 3), height, width."""
LONGEST_TEXT = 6000
"""The most letters that the text of an image may have: a longer link would be refused by some servers and messengers."""


def to_pixels(image: Tensor, shape: Shape) -> bytes:
    """An image (1,C,H,W) or (C,H,W) in [0,1] as C x H x W levels, channel by channel, row by row.

    ValueError for another shape or range.
    """
    if tuple(image.shape) not in (shape, (1, *shape)):
        raise ValueError(f"One image {(1, *shape)} or {shape} is needed; got the shape {tuple(image.shape)}.")
    low, high = float(image.min()), float(image.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise ValueError(f"The image lies in [0,1]; this one ranges from {low:g} to {high:g}.")
    return (image.detach().cpu().clamp(0, 1) * 255).round().byte().numpy().tobytes()


def to_image(pixels: bytes, shape: Shape) -> Tensor:
    """Levels as an image (1,C,H,W), float32 in [0,1]: level / 255, as for the bundled images."""
    return torch.tensor(list(pixels), dtype=torch.uint8).float().div_(255).view(1, *shape)


def to_png(pixels: bytes, shape: Shape) -> bytes:
    """Levels as a PNG file of just that size, which `aatviz.data.own_image.read_picture` takes as it is."""
    levels = np.frombuffer(pixels, np.uint8).reshape(shape)
    buffer = io.BytesIO()
    Image.fromarray(levels[0] if len(levels) == 1 else np.ascontiguousarray(levels.transpose(1, 2, 0))).save(buffer, "png")
    return buffer.getvalue()


def to_text(pixels: bytes) -> str | None:
    """Levels as text for a link: deflated, then base64 for URLs. A digit needs about 250 letters, a photograph of 32 x 32
    about 4,000. None where it would be longer than `LONGEST_TEXT`."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    text = base64.urlsafe_b64encode(packer.compress(pixels) + packer.flush()).rstrip(b"=").decode()
    return text if len(text) <= LONGEST_TEXT else None


def from_text(text: str, shape: Shape) -> bytes:
    """The levels in a text that `to_text` wrote for an image of this shape. ValueError for any other text; its message is
    the end of a sentence, and says what is expected."""
    count = math.prod(shape)
    colour = "colour " if shape[0] == 3 else ""
    wanted = (
        f"a {shape[2]} x {shape[1]} {colour}image as this app writes it into its links (the whole link has to be copied)"
    )
    if not 0 < len(text) <= LONGEST_TEXT:
        raise ValueError(wanted)
    unpacker = zlib.decompressobj(-15)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        pixels = unpacker.decompress(packed, count + 1)  # a small text could unpack into gigabytes
    except (binascii.Error, zlib.error, ValueError):
        raise ValueError(wanted) from None
    if len(pixels) != count or not unpacker.eof:
        raise ValueError(wanted)
    return pixels
