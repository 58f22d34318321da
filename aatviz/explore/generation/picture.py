"""All generated images in one picture: the noise and each model's results side by side, every pixel a sharp square."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from aatviz.data.spec import written
from aatviz.explore.attack_grid.result import MODELS
from aatviz.explore.generation.result import Generated

ENLARGED, GAP, MARGIN, HEAD, SPACE = 2, 4, 24, 70, 24
WIDE = 180
"""Room for a grid's title."""


def picture(made: Generated, names: Sequence[str]) -> Image.Image:
    """A grid of the noise, then one of each model's results: a row for each target, or rows of one target's samples, and a
    column for each sample. `names` are those of all classes."""
    titles = {model: f"{model} classifier" for model in MODELS} | (
        {"generative": "detector"} if made.of_some_detectors else {}
    )
    grids = {"noise, the same for all": made.noise} | {titles[model]: made.results(model) for model in MODELS}
    count = made.columns
    high, wide = (ENLARGED * side + GAP for side in made.noise.shape[-2:])
    step = max(count * wide, WIDE) + SPACE
    large, small = ImageFont.load_default(20), ImageFont.load_default(14)
    lines = [len(row.split(count)) for row in made.noise]
    labels = [name for k, each in zip(made.targets.tolist(), lines, strict=True) for name in (names[k], *[""] * (each - 1))]
    margin = MARGIN + max(0, round(max(map(small.getlength, labels))) + 12 - MARGIN)
    size = (margin + MARGIN + len(grids) * step - SPACE, MARGIN + HEAD + len(labels) * high)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    settings = made.settings
    budget = f"{settings.steps} x {written(settings.step_size)}, {settings.optimizer}"
    attack = f"{settings.norm} eps {written(settings.eps)}, {budget}"
    draw.text((MARGIN, 10), f"Towards each class, from {settings.start}, seed {settings.seed}: {attack}", "black", large)
    for row, label in enumerate(labels):
        draw.text((6, HEAD + row * high + high // 2), label, "black", small, anchor="lm")
    for place, (title, images) in enumerate(grids.items()):
        left = margin + place * step
        draw.text((left, 46), title, "black", small)
        for row, samples in enumerate(part for line in images for part in line.split(count)):
            for i, image in enumerate(samples):
                sheet.paste(_squares(image), (left + i * wide, HEAD + row * high))
    return sheet


def _squares(image: Tensor) -> Image.Image:
    """The bytes of an image (C,H,W) as an enlarged picture of sharp squares."""
    small = Image.fromarray((image[0] if len(image) == 1 else image.permute(1, 2, 0).contiguous()).numpy())
    return small.resize((ENLARGED * small.width, ENLARGED * small.height), Image.Resampling.NEAREST)
