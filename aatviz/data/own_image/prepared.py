"""What all procedures share: how a visitor's file is opened, and what they hand back."""

import io
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError, features
from torch import Tensor

from aatviz.data.own_image.link_text import Shape, to_image
from aatviz.runtime.limits import MOST_OWN_BYTES, MOST_OWN_PIXELS

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM") + (("AVIF",) if features.check("avif") else ())
TURNED = "Turned upright, as the camera noted."


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


def open_picture(data: bytes, mode: str, side: int) -> tuple[Image.Image, list[str]]:
    """The picture in an image file's bytes, and what there is to say of it. ValueError, in a sentence, where there is none.

    A large JPEG is read in reduced size, in `mode` where that is "L", with sides that are still above `side`.
    """
    if not data:
        raise ValueError("The file is empty. Choose an image file, such as a PNG or a JPEG.")
    if len(data) > MOST_OWN_BYTES:
        raise ValueError(too_large(len(data)))
    try:
        picture: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        picture.draft(mode, (side, side))
        if picture.width * picture.height > MOST_OWN_PIXELS:
            raise ValueError(
                f"The picture has {picture.width} x {picture.height} pixels; at most {MOST_OWN_PIXELS // 1_000_000} million "
                "can be read. Make it smaller, or cut out what matters."
            )
        notes = ["Of several frames, the first is taken."] if getattr(picture, "n_frames", 1) > 1 else []
        picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(
            f"The picture has more than {MOST_OWN_PIXELS // 1_000_000} million pixels. Make it smaller."
        ) from None
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise ValueError(f"The file is no image that can be read; these can: {known}. Save it as one of them.") from None
    except (OSError, SyntaxError, EOFError, MemoryError) as error:
        raise ValueError(f"The image file is damaged or cut off ({error}). Save or send it again.") from None
    return picture, notes


def too_large(size: int) -> str:
    """What is said of a file of so many bytes."""
    most = MOST_OWN_BYTES // 1_000_000
    return f"The file has {size / 1e6:.0f} MB; at most {most} MB can be read. Make the picture smaller."
