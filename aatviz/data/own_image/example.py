"""A photograph that is part of this package, for who has none at hand: Chelsea, a cat, by Stefan van der Walt.

It is dedicated to the public domain (CC0), and comes from scikit-image's example pictures; here is a square of its middle.
"""

from functools import cache
from pathlib import Path

from aatviz.data.own_image.link_text import Shape
from aatviz.data.own_image.photograph import prepare
from aatviz.data.own_image.prepared import Prepared

CREDIT = "Chelsea, a cat, by Stefan van der Walt, from scikit-image; CC0."
_FILE = Path(__file__).with_name("cat.jpg")


@cache
def prepared(shape: Shape) -> Prepared:
    """The photograph as an image of this shape (C,H,W)."""
    return prepare(_FILE.read_bytes(), shape)
