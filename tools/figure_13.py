"""Figures 13 and 17 of the paper: dogs that are made of class noise: python -m tools.figure_13

It writes docs/pictures/figure_13.png from the shipped dog system: the seeds, what the detector and what the robust
classifier make of them, none selected; with the paper's first budget above, with its larger one below, both in proportion to
the size of the images. The data set must be on this machine, unless the system has a stored run.
"""

from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

import aatviz
from aatviz.attacks.settings import of_threat
from aatviz.data import dataset
from aatviz.data.spec import Threat
from aatviz.explore.generation.run import default_settings, generate
from aatviz.recipes.restricted_tiny_imagenet import DOG_LINF

TO = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "figure_13.png"
GAP, HEAD, ACROSS = 16, 26, 8


def panels(threat: Threat) -> dict[str, Tensor]:
    """The images (n,C,H,W), bytes, of each panel, by its words."""
    system = aatviz.load_system(DOG_LINF)
    settings = replace(default_settings(system), **of_threat(threat))
    made = generate(system, settings)
    budget = f"{threat.norm} {threat.eps}, {threat.steps} x {threat.step_size}"
    return {
        "seeds": made.noise[0],
        f"detector, {budget}": made.results("generative")[0],
        f"robust classifier, {budget}": made.results("robust")[0],
    }


def main() -> None:
    """Draw the two budgets below each other."""
    known, font = dataset(aatviz.load_system(DOG_LINF).card.dataset), ImageFont.load_default(16)
    lines = [panels(threat) for threat in (known.drawn, known.drawn_far) if threat]
    n, _, high, wide = lines[0]["seeds"].shape
    width, height = ACROSS * wide, HEAD + n // ACROSS * high
    sheet = Image.new("RGB", (3 * (width + GAP) + GAP, len(lines) * (height + GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        for column, (words, images) in enumerate(line.items()):
            left, top = GAP + column * (width + GAP), row * (height + GAP)
            draw.text((left, top + HEAD // 2), words, "black", font, anchor="lm")
            for place, image in enumerate(images):
                pixels = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
                sheet.paste(pixels, (left + place % ACROSS * wide, top + HEAD + place // ACROSS * high))
    sheet.save(TO, optimize=True)
    print(f"{TO}: {TO.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
