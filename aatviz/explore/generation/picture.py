"""What was generated as one picture: the noise and each model's results side by side, every pixel a crisp square."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aatviz.explore.attack_grid.result import MODELS
from aatviz.explore.generation.result import Generated

ENLARGED, GAP, MARGIN, HEAD, SPACE = 2, 4, 24, 70, 24


def picture(made: Generated) -> Image.Image:
    """A row a class, a column a sample; first the noise, then what each model made of it."""
    grids = {"noise, the same for all": made.noise} | {f"{model} classifier": made.results(model) for model in MODELS}
    classes, count, side = made.classes, made.settings.count, ENLARGED * made.noise.shape[-1] + GAP
    wide = max(count * side, 180) + SPACE
    size = (2 * MARGIN + len(grids) * wide - SPACE, MARGIN + HEAD + classes * side)
    sheet = Image.new("RGB", size, "white")
    draw, large, small = ImageDraw.Draw(sheet), ImageFont.load_default(20), ImageFont.load_default(14)
    settings = made.settings
    attack = f"{settings.norm} eps {settings.eps:g}, {settings.steps} x {settings.step_size:g}, {settings.optimizer}"
    draw.text((MARGIN, 10), f"Towards each class, from {settings.start}, seed {settings.seed}: {attack}", "black", large)
    for place, (title, images) in enumerate(grids.items()):
        left = MARGIN + place * wide
        draw.text((left, 46), title, "black", small)
        for k in range(classes):
            top = HEAD + k * side
            if place == 0:
                draw.text((6, top + side // 2), str(k), "black", small, anchor="lm")
            for i in range(count):
                pixels = np.kron(images[k, i].numpy(), np.ones((ENLARGED, ENLARGED), np.uint8))
                sheet.paste(Image.fromarray(pixels), (left + i * side, top))
    return sheet
