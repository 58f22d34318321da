"""The Compare page's grids as one picture to download: every pixel a sharp square, all models side by side."""

from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from aatviz.data import Dataset
from aatviz.data.spec import written
from aatviz.explore.attack_grid.result import Comparison
from aatviz.ui.common.classes import shortened
from aatviz.ui.common.pictures import enlarged, signed
from aatviz.ui.player.view import VICTIM_TITLES

View = Literal["perturbed", "perturbation"]
ENLARGED, GAP, MARGIN, HEAD = 2, 4, 24, 64


def picture(grid: Comparison, known: Dataset, view: View, magnify: int) -> Image.Image:
    """For each model, a column of natural samples and one column for each target. `magnify` divides the common colour scale
    of all perturbations."""
    high, wide = (ENLARGED * side + GAP for side in grid.natural.shape[-2:])
    targets = grid.targets.tolist()
    step = (len(targets) + 1) * wide + MARGIN
    sheet = Image.new("RGB", (MARGIN + len(grid.images) * step, MARGIN + HEAD + len(grid.y) * high + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(20), ImageFont.load_default(14)
    bound = grid.scale / magnify
    scale = "blue -{0:.3g} to orange +{0:.3g}" if known.shape[0] == 1 else "black -{0:.3g}, grey 0, white +{0:.3g}"
    what = f"perturbed {known.plural}" if view == "perturbed" else f"perturbations, {scale.format(bound)}"
    fitting = max(int((wide - GAP) // small.getlength("e")), 1)
    for place, (model, images) in enumerate(grid.images.items()):
        left = MARGIN + place * step
        draw.text((left, 10), f"{VICTIM_TITLES[model]}, {_attack(grid)}", "black", large)
        draw.text((left, 38), f"natural {known.noun}, then {what}, by target", "black", small)
        for column, target in enumerate(targets):
            at = (left + (column + 1) * wide + GAP + (wide - GAP) // 2, MARGIN + HEAD - 6)
            draw.text(at, shortened(known.classes[target], fitting), "black", small, anchor="ms")
        for row, natural in enumerate(grid.natural):
            top = MARGIN + HEAD + row * high
            sheet.paste(enlarged(natural, ENLARGED), (left, top))
            for column, image in enumerate(images[row]):
                cell = enlarged(image, ENLARGED) if view == "perturbed" else signed(image - natural, bound, ENLARGED)
                sheet.paste(cell, (left + (column + 1) * wide + GAP, top))
    return sheet


def _attack(grid: Comparison) -> str:
    s = grid.settings
    return f"{s.norm} eps {written(s.eps)}, {s.steps} x {written(s.step_size)}, {s.optimizer}"
