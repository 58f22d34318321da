"""How an image of one's own travels: as text in the URL of the Attack page."""

from torch import Tensor

from aatviz.data.own_image.link_text import from_text, to_pixels, to_text
from aatviz.ui.common.url import Param

PICK = "own"
"""The value of the Attack page's `pick` for an image that is not of the bundled sample."""


def own_link(image: Tensor, label: int) -> dict[str, str]:
    """The query parameters that open the Attack page with this image (1,1,28,28) in [0,1], a digit of class `label`.

    The image is rounded to 256 grey levels: what the page shows, attacks and offers as a PNG is that.
    """
    return {"pick": PICK, "image": to_text(to_pixels(image)), "label": str(label)}


def image_param() -> Param:
    """The parameter `image`: 784 grey levels, b"" for none."""
    return Param(name="image", default=b"", read=from_text, write=lambda pixels: to_text(pixels) if pixels else "no image")
