"""An image file of any accepted format becomes a plain picture, loaded and upright; and then the bytes of a data set.

Whatever is wrong with a file that somebody else made is found here, and raised as `Unreadable`.
"""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError, features

from aatviz.data.stripped import without_metadata
from aatviz.runtime.limits import MOST_PIXELS, MOST_STRIPED_PIXELS

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM") + (("AVIF",) if features.check("avif") else ())
"""The formats that can be read, here and everywhere else, by Pillow's names. PPM includes PBM, PGM and PFM."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture upright, by what its camera has noted. 1 is upright; any other value means nothing."""
_NO_WARNINGS = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
"""What `warnings` notes about Pillow's: they are about damaged metadata, which does not matter here."""
_T = TypeVar("_T")


class Unreadable(ValueError):
    """An image file that is left out; the message says why, in a few words."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A picture that no longer depends on its file: later steps cannot fail because of a damaged file."""

    picture: Image.Image
    """Upright. Its mode is L, RGB, RGBA, I;16 (16 bits), or I or F (32 bits)."""
    format: str
    """Pillow's name of the file's format."""
    mode: str
    """Pillow's name of the kind of pixels in the file."""
    turned: bool
    """Whether it was turned, as its camera had noted."""
    animated: bool
    """Whether the file has several frames, of which this is the first."""


def opened(data: bytes, most_pixels: int, draft: int | None = None) -> Opened:
    """The picture in an image file's bytes. Unreadable, whatever is wrong with it.

    Where only the metadata beside the pixels is damaged, the file is read without it. Where `draft` is given, a large JPEG
    is read in reduced size, with sides that are still above `draft` pixels; it may have up to `MOST_STRIPED_PIXELS`, unless
    its decoder would hold all of it.
    """
    return _careful(lambda content: _opened(content, most_pixels, draft), data, most_pixels)


def pixels_of(data: bytes, most: int = MOST_PIXELS) -> int:
    """How many pixels an image file has, by its header; they are not decoded. Unreadable for more than `most`, and where the
    header already says that it cannot be read."""

    def count(content: bytes) -> int:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        _check_size(picture, most)
        return picture.width * picture.height

    return _careful(count, data, most)


def _careful(read: Callable[[bytes], _T], data: bytes, most_pixels: int) -> _T:
    """What `read` makes of the file, or of what it is without its metadata."""
    if _NO_WARNINGS not in warnings.filters:  # for Pillow alone, and for good: threads cannot put filters back safely
        warnings.filterwarnings("ignore", module=r"PIL\.")
    reason = Unreadable("damaged or cut off")
    for content in (data, without_metadata(data)):
        try:
            return read(content)
        except Unreadable as error:
            raise error from None
        except UnidentifiedImageError:  # of no known format, or with a damaged header
            reason = Unreadable("no image that can be read")
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise Unreadable(f"more than {most_pixels // 1_000_000} million pixels") from None
        except MemoryError:
            raise Unreadable("too large for the memory of this machine") from None
        except Exception:  # Pillow's readers raise nearly anything on damaged files, with texts that help nobody
            reason = Unreadable("damaged or cut off")
    raise reason


def _opened(data: bytes, most_pixels: int, draft: int | None) -> Opened:
    picture: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    striped = draft is not None and _in_strips(picture, data)
    _check_size(picture, max(most_pixels, MOST_STRIPED_PIXELS) if striped else most_pixels)
    if draft is not None:
        picture.draft(None, (draft, draft))
        _check_size(picture, most_pixels)
    name, mode, noted = str(picture.format), picture.mode, _noted_turn(picture)
    picture.load()
    turn = _noted_turn(picture)  # again: a PNG may note it after the pixels, and Pillow turns a TIFF while it loads it
    plain = _plain(picture, name)
    if turn is not None:
        plain = plain.transpose(turn)
    turned = noted is not None or turn is not None
    return Opened(picture=plain, format=name, mode=mode, turned=turned, animated=_is_animated(picture))


def _check_size(picture: Image.Image, most: int) -> None:
    tags = getattr(picture, "tag_v2", {})  # of a TIFF: it may be stored in tiles that are larger than the picture
    tile = tags.get(TiffImagePlugin.TILEWIDTH, 1), tags.get(TiffImagePlugin.TILELENGTH, 1)
    for width, height in (picture.size, tile):
        if width * height > most:
            raise Unreadable(f"{width} x {height} pixels, more than {most // 1_000_000} million")


def _in_strips(picture: Image.Image, data: bytes) -> bool:
    """Whether the file is a JPEG that is decoded strip by strip. A progressive one, or one whose colours come in scans of
    their own, lies in memory as a whole, in full size, however small it is asked for."""
    at, layers = 2, getattr(picture, "layers", 0)  # after the marker of the start; what is no JPEG has no layers
    while layers and not picture.info.get("progressive") and data[at : at + 1] == b"\xff" and at + 4 < len(data):
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:  # the first scan: of how many colours?
            return data[at + 4] == layers
        if not 0xC0 <= marker <= 0xFE or 0xD0 <= marker <= 0xD9:  # none that has a length
            return False
        at += 2 + length
    return False


def _noted_turn(picture: Image.Image) -> Image.Transpose | None:
    try:
        noted = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # a damaged note is no reason to lose the image
        return None
    return _TURNS.get(noted) if isinstance(noted, int) else None


def _is_animated(picture: Image.Image) -> bool:
    try:
        return bool(getattr(picture, "is_animated", False))
    except Exception:  # a damaged second frame is no reason to lose the first
        return False


def _plain(picture: Image.Image, name: str) -> Image.Image:
    """A copy with one of the kinds of pixels that `Opened` names."""
    if picture.mode.startswith("I;16") or (picture.mode == "I" and name == "PPM"):  # a PGM of up to 65,535
        return Image.fromarray(np.asarray(picture).astype(np.uint16))
    if picture.mode in ("I", "F"):
        return picture.copy()
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def decode(data: bytes, size: tuple[int, int]) -> tuple[NDArray[np.uint8], bool]:
    """The image (height,width,3), uint8, in a file's bytes, and whether it is grey. Unreadable, whatever is wrong with it.

    It is turned as its EXIF note says, cut to the middle in the proportions of `size`, and scaled; an image of just that
    size stays as it is to the bit. What is transparent becomes white.
    """
    found = opened(data, MOST_PIXELS)
    grey = found.mode in ("1", "L", "LA", "La") or found.picture.mode == "I;16"
    return np.asarray(fitted(in_colour(found.picture), size), dtype=np.uint8), grey


def fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of a picture in the proportions of `size` (height, width), scaled to that size; by averaging areas where it
    gets at least twice smaller. A picture of exactly that size stays as it is."""
    height, width = size
    if picture.size == (width, height):
        return picture
    much = picture.width >= 2 * width and picture.height >= 2 * height
    return ImageOps.fit(picture, (width, height), Image.Resampling.BOX if much else Image.Resampling.BICUBIC)


def in_colour(picture: Image.Image) -> Image.Image:
    """A picture of `opened` as red, green and blue; what is transparent becomes white. Unreadable for 32 bits."""
    if picture.mode == "I;16":
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F"):
        raise Unreadable("32 bits a pixel; save it with 8")
    if picture.mode == "RGBA":
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")
