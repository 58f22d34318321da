"""A photograph from anywhere, prepared as the images of a data set are: turned upright, its middle cut out, scaled."""

import numpy as np
from PIL import Image

from aatviz.data.decode import Opened, Unreadable, fitted, in_colour
from aatviz.data.own_image.link_text import Shape
from aatviz.data.own_image.prepared import Prepared, is_coloured, open_picture, unusable

_SPARE = 4
"""A large JPEG is read in reduced size, with sides of at least this many times the wanted ones."""


def prepare(data: bytes, shape: Shape) -> Prepared:
    """The picture in an image file's bytes as an image of this shape (C,H,W); one of just that size is taken as it is.

    It is turned as its EXIF note says, made red, green and blue, put on white where it is transparent, cut to the middle in
    the proportions of the shape, scaled by areas, and made grey where C is 1.

    Raises:
        ValueError: for a file that is empty, broken, too large or no image.
    """
    channels, height, width = shape
    found, notes = open_picture(data, _SPARE * max(height, width))
    notes += _about_pixels(found)
    try:
        colour = in_colour(found.picture)
    except Unreadable as error:
        raise ValueError(unusable(error)) from None
    notes += _about_size(colour, height, width)
    small = fitted(colour, (height, width))
    if channels == 1:
        notes += ["Colours turned to grey."] if is_coloured(small) else []
        small = small.convert("L")
    pixels = np.asarray(small, dtype=np.uint8).reshape(height, width, channels).transpose(2, 0, 1)
    return Prepared(pixels=pixels.tobytes(), shape=shape, notes=tuple(notes))


def _about_pixels(found: Opened) -> list[str]:
    notes = ["Made for print (CMYK): its colours are converted."] if found.mode == "CMYK" else []
    notes += ["Of 16 bits a pixel, 8 are kept."] if found.picture.mode == "I;16" else []
    has_holes = found.picture.mode == "RGBA" and found.picture.getchannel("A").getextrema()[0] != 255
    return notes + (["Transparent parts made white."] if has_holes else [])


def _about_size(picture: Image.Image, height: int, width: int) -> list[str]:
    if picture.size == (width, height):
        return [f"It is {width} x {height} already: taken as it is."]
    notes = []
    factor = min(picture.width / width, picture.height / height)
    kept = round(factor * width), round(factor * height)
    for mine, all_of_it, side in zip(kept, picture.size, ("width", "height"), strict=True):
        if mine < all_of_it:
            notes.append(f"The middle {100 * mine / all_of_it:.0f} % of its {side} is kept.")
    scaled = "Scaled down" if factor > 1 else "It is small, and was enlarged"
    return [*notes, f"{scaled} to {width} x {height} pixels."]
