"""Images and perturbations of any size as pictures of sharp squares, grey or in colour."""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from aatviz.ui.common import takeaway
from aatviz.ui.common.theme import NATURAL, PERTURBED


def enlarged(image: Tensor, factor: int) -> Image.Image:
    """The image (H,W), (1,H,W) or (3,H,W) in [0,1] as a picture whose pixels are crisp squares of `factor` screen pixels."""
    return _squares((image.clamp(0, 1) * 255).round().byte().numpy(), factor)


def signed(delta: Tensor, bound: float, factor: int) -> Image.Image:
    """A perturbation (H,W) or (C,H,W) on a scale from -bound to bound, as the browser's views show it.

    Grey images: blue below zero, orange above, white at zero. Images in colour: every channel by itself, grey at zero.
    """
    share = (delta / bound).clamp(-1, 1).numpy()
    if share.shape[0] == 3 and share.ndim == 3:
        return _squares((127.5 + 127.5 * share).round().astype(np.uint8), factor)
    share = share.reshape(share.shape[-2:])
    ends = [np.array(channels(meaning.colour))[:, None, None] for meaning in (NATURAL, PERTURBED)]
    colour: NDArray[np.float64] = np.where(share < 0, ends[0], ends[1])
    return _squares((255 + (colour - 255) * np.abs(share)).round().astype(np.uint8), factor)


def _squares(pixels: NDArray[np.uint8], factor: int) -> Image.Image:
    """Bytes (H,W), (1,H,W) or (3,H,W) as a picture, every pixel a square."""
    flat = pixels.transpose(1, 2, 0) if pixels.shape[0] == 3 and pixels.ndim == 3 else pixels.reshape(pixels.shape[-2:])
    picture = Image.fromarray(np.ascontiguousarray(flat))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def side_by_side(pictures: Sequence[Image.Image], gap: int = 0) -> Image.Image:
    """Pictures as one, from left to right with `gap` white pixels between them."""
    width = sum(one.width for one in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, max(one.height for one in pictures)), "white")
    left = 0
    for one in pictures:
        sheet.paste(one, (left, 0))
        left += one.width + gap
    return sheet


def channels(colour: str) -> list[int]:
    """The red, green and blue of "#rrggbb"."""
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def data_url(picture: Image.Image) -> str:
    """A picture as a data URL, which is part of the page: a file that the browser has to fetch could be gone by then."""
    return f"data:image/png;base64,{base64.b64encode(takeaway.png(picture)).decode()}"


def show_image(place: DeltaGenerator, image: Tensor, width: int, name: str) -> None:
    """The image (C,H,W) in [0,1], `width` screen pixels wide, its pixels crisp squares; `name` is for screen readers."""
    style = f"width:{width}px;max-width:100%;image-rendering:pixelated;border-radius:0.25rem;display:block"
    place.html(f'<img src="{data_url(enlarged(image, 1))}" alt="{escape(name)}" style="{style}">')
