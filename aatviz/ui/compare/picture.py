"""The Compare page's grids as one picture to take home: every pixel a crisp square, all models side by side."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from aatviz.explore.attack_grid.result import Comparison
from aatviz.ui.common.pictures import enlarged
from aatviz.ui.common.theme import NATURAL, PERTURBED
from aatviz.ui.player.view import VICTIM_TITLES, channels

View = Literal["perturbed", "perturbation"]
ENLARGED, GAP, MARGIN, HEAD = 2, 4, 24, 64


def picture(grid: Comparison, view: View, magnify: int) -> Image.Image:
    """The natural samples, then a column a target; `magnify` divides the one colour scale of all perturbations."""
    side = ENLARGED * grid.natural.shape[-1]
    step, wide = side + GAP, (grid.classes + 1) * (side + GAP) + MARGIN
    height = MARGIN + HEAD + len(grid.y) * step + MARGIN
    sheet = Image.new("RGB", (MARGIN + len(grid.images) * wide, height), "white")
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(20), ImageFont.load_default(14)
    bound = grid.scale / magnify
    for place, (model, images) in enumerate(grid.images.items()):
        left = MARGIN + place * wide
        draw.text((left, 10), f"{VICTIM_TITLES[model]}, {_attack(grid)}", "black", large)
        what = "perturbed digits" if view == "perturbed" else f"perturbations, blue -{bound:.3g} to orange +{bound:.3g}"
        draw.text((left, 38), f"natural digit, then {what}, by target", "black", small)
        for t in range(grid.classes):
            at = (left + (t + 1) * step + GAP + side // 2, MARGIN + HEAD - 6)
            draw.text(at, str(t), "black", small, anchor="ms")
        for r, natural in enumerate(grid.natural):
            top = MARGIN + HEAD + r * step
            sheet.paste(enlarged(natural, ENLARGED), (left, top))
            for t in range(grid.classes):
                cell = enlarged(images[r, t], ENLARGED) if view == "perturbed" else _signed(images[r, t] - natural, bound)
                sheet.paste(cell, (left + (t + 1) * step + GAP, top))
    return sheet


def _attack(grid: Comparison) -> str:
    s = grid.settings
    return f"{s.norm} eps {s.eps:g}, {s.steps} x {s.step_size:g}, {s.optimizer}"


def _signed(delta: Tensor, bound: float) -> Image.Image:
    """A perturbation (H,W): blue below zero, orange above, white at zero."""
    share = (delta / bound).clamp(-1, 1).numpy()[..., None]
    ends = [np.array(channels(meaning.colour)) for meaning in (NATURAL, PERTURBED)]
    colour: NDArray[np.float64] = np.where(share < 0, ends[0], ends[1])
    pixels = (255 + (colour - 255) * np.abs(share)).round().astype(np.uint8)
    return Image.fromarray(np.kron(pixels, np.ones((ENLARGED, ENLARGED, 1), np.uint8)))
