"""The visitor's own image on its way to the Attack page: as text in the URL, or, where it is too big, in this browser
tab."""

from collections.abc import Callable

import streamlit as st
from torch import Tensor

from aatviz.data import Dataset
from aatviz.data.own_image.link_text import Shape, from_text, to_pixels, to_text
from aatviz.ui.common.url import Param, UrlState

PICK = "own"
"""The value of the Attack page's `pick` for an image that is not of the bundled sample."""
TOO_BIG = (
    "This image is too big for a link: whoever opens a link to this page has to bring it again. Save it below as a PNG "
    "file, which is taken as it is."
)
HANDED = "own.handed-over"
"""The place in the session of an image on its way to another page."""


def is_drawn(known: Dataset) -> bool:
    """Whether images of this data set can be drawn by hand."""
    return known.own_image == "handwritten digit"


def own_link(image: Tensor, label: int, known: Dataset) -> dict[str, str]:
    """The query parameters that open the Attack page with this image (1,C,H,W) or (C,H,W) in [0,1] of class `label`.

    A page that begins with the photograph of this package shows this image instead, like one that was uploaded.

    The image is rounded to 256 levels; the page shows, attacks and offers this rounded image. One that is too big for a link
    is handed over within this browser tab.
    """
    channels, height, width = image.shape[-3:]
    pixels = to_pixels(image, (channels, height, width))
    text = to_text(pixels)
    if text is None:
        st.session_state[HANDED] = pixels
    source = {} if is_drawn(known) else {"source": "upload"}
    return {"pick": PICK, "label": str(label)} | source | ({"image": text} if text else {})


def take_over(state: UrlState) -> None:
    """Use the image that another page has handed over; call it right after `state.read`."""
    if (pixels := st.session_state.pop(HANDED, None)) is not None:
        st.session_state[state.key("image")] = pixels


def image_param(shape: Callable[[], Shape]) -> Param:
    """The parameter `image`: the levels of an image of this shape, b"" for none."""

    def fits(pixels: bytes) -> bool:
        channels, height, width = shape()
        return len(pixels) in (0, channels * height * width)

    return Param(
        name="image",
        default=b"",
        read=lambda text: from_text(text, shape()),
        write=lambda pixels: to_text(pixels) if pixels else "no image",
        fits=fits,
    )
