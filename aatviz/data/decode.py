"""One image file made bytes of a data set: turned upright, cut to the middle, scaled."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from aatviz.runtime.limits import MOST_PIXELS

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
_ORIENTATION = 0x0112


class Unreadable(Exception):
    """An image file that is left out; the message says why, in a few words."""


def decode(data: bytes, size: tuple[int, int]) -> tuple[NDArray[np.uint8], bool]:
    """The image (height,width,3) in a file's bytes, and whether it is grey. Unreadable, whatever is wrong with it.

    It is turned as its EXIF note says, cut to the middle in the proportions of `size`, and scaled; an image of just that
    size stays as it is to the bit. What is transparent becomes white.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damaged notes: they decide nothing
            return _decoded(data, size)
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("too large") from None
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise Unreadable(f"damaged, or no image ({type(error).__name__})") from None


def _decoded(data: bytes, size: tuple[int, int]) -> tuple[NDArray[np.uint8], bool]:
    picture: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    if picture.width * picture.height > MOST_PIXELS:
        raise Unreadable(f"{picture.width} x {picture.height} pixels, more than {MOST_PIXELS // 1_000_000} million")
    picture.load()
    picture = upright(picture)
    grey = picture.mode in ("1", "L", "LA", "La") or picture.mode.startswith("I;16")
    return np.asarray(fitted(in_colour(picture), size), dtype=np.uint8), grey


def fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of a picture in the proportions of `size` (height, width), scaled to it: by areas where it gets much
    smaller. One of just that size stays as it is."""
    height, width = size
    if picture.size == (width, height):
        return picture
    much = picture.width >= 2 * width and picture.height >= 2 * height
    return ImageOps.fit(picture, (width, height), Image.Resampling.BOX if much else Image.Resampling.BICUBIC)


def upright(picture: Image.Image) -> Image.Image:
    """A picture turned as its EXIF note says."""
    return ImageOps.exif_transpose(picture) if is_turned(picture) else picture


def is_turned(picture: Image.Image) -> bool:
    """Whether the camera has noted that the picture lies on its side or stands on its head."""
    try:
        return picture.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except Exception:  # a damaged note is no reason to lose the image
        return False


def in_colour(picture: Image.Image) -> Image.Image:
    """A picture of any kind of pixels as red, green and blue; what is transparent becomes white. Unreadable for 32 bits."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F"):
        raise Unreadable("32 bits a pixel; save it with 8")
    if picture.has_transparency_data:
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")
