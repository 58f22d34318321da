"""One grey image of 28 x 28 as 784 bytes: the same pixels in a link, in a PNG file, and as a tensor for the networks."""

import base64
import binascii
import io
import zlib

import torch
from PIL import Image
from torch import Tensor

SIDE = 28
PIXELS = SIDE * SIDE
LONGEST_TEXT = 1200
"""Letters that the text of an image may have; noise, which does not compress, needs 1,052."""


def to_pixels(image: Tensor) -> bytes:
    """An image (1,1,28,28) or (28,28) in [0,1] as 784 grey levels, row by row. ValueError for another shape or range."""
    if image.numel() != PIXELS or image.shape[-2:] != (SIDE, SIDE):
        raise ValueError(f"One image of 28 x 28 is needed, (1,1,28,28) or (28,28); got the shape {tuple(image.shape)}.")
    low, high = float(image.min()), float(image.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise ValueError(f"The image lies in [0,1]; this one ranges from {low:g} to {high:g}.")
    return bytes((image.detach().cpu().clamp(0, 1) * 255).round().byte().flatten().tolist())


def to_image(pixels: bytes) -> Tensor:
    """784 grey levels as an image (1,1,28,28) in [0,1]: level / 255, as the bundled images are made."""
    return torch.tensor(list(pixels), dtype=torch.uint8).float().div_(255).view(1, 1, SIDE, SIDE)


def to_png(pixels: bytes) -> bytes:
    """784 grey levels as a PNG file of 28 x 28, which `aatviz.data.own_image.handwritten_digit` takes as it is."""
    buffer = io.BytesIO()
    Image.frombytes("L", (SIDE, SIDE), pixels).save(buffer, format="png")
    return buffer.getvalue()


def to_text(pixels: bytes) -> str:
    """784 grey levels as text for a link: deflated, then base64 for URLs. An MNIST digit needs about 250 letters."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.urlsafe_b64encode(packer.compress(pixels) + packer.flush()).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """The 784 grey levels that `to_text` wrote. ValueError, as the rest of a sentence, says what is possible."""
    wanted = "a 28 x 28 image as this app writes it into its links (the whole link has to be copied)"
    if not 0 < len(text) <= LONGEST_TEXT:
        raise ValueError(wanted)
    unpacker = zlib.decompressobj(-15)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        pixels = unpacker.decompress(packed, PIXELS + 1)  # a small text could unpack into gigabytes
    except (binascii.Error, zlib.error, ValueError):
        raise ValueError(wanted) from None
    if len(pixels) != PIXELS or not unpacker.eof:
        raise ValueError(wanted)
    return pixels
