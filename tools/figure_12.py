"""Figure 12 of the paper: images pushed towards one class, as far as an L2 budget allows, by networks trained in balls of
different sizes: python -m tools.figure_12

It writes docs/pictures/figure_12.png from the shipped CIFAR-10 systems and the bundled sample: the first image of each class
but the target's, and below it what the natural classifier (a ball of size 0), the bank for L-inf 2/255, the bank for 8/255
and the robust classifier for 8/255 make of it.
"""

from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

import aatviz
from aatviz.explore.attack_grid.run import network

TO = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "figure_12.png"
LARGE, SMALL = "cifar10-linf-8-shared", "cifar10-linf-2-shared"
TARGET = 0
BUDGET: dict[str, Any] = {"norm": "L2", "eps": 1200 / 255, "step_size": 10 / 255, "steps": 200, "optimizer": "steepest"}
"""Steps along the gradient of length 10/255 until the budget of 1200/255 is used up; with 200 of them nobody is short."""
SCALE, GAP, LEFT = 3, 6, 190


def rows() -> dict[str, Tensor]:
    """The images (N,C,H,W), in [0,1], of each row of the figure, by its words."""
    large, small = aatviz.load_system(LARGE), aatviz.load_system(SMALL)
    x, y = aatviz.load_data(large.card.dataset, split="sample")
    images = torch.cat([x[y == k][:1] for k in range(large.card.classes) if k != TARGET])
    networks = {
        "natural classifier": network(large, "natural"),
        "detector, 2/255": network(small, "generative"),
        "detector, 8/255": network(large, "generative"),
        "robust classifier, 8/255": network(large, "robust"),
    }
    goals = {words: aatviz.objective("target_logit", found, target=TARGET) for words, found in networks.items()}
    return {"image": images} | {words: aatviz.pgd(goal, images, **BUDGET) for words, goal in goals.items()}


def main() -> None:
    """Draw the rows below each other."""
    found = rows()
    n, _, high, wide = found["image"].shape
    high, wide = high * SCALE + GAP, wide * SCALE + GAP
    sheet = Image.new("RGB", (LEFT + n * wide, len(found) * high + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for row, (words, images) in enumerate(found.items()):
        top = GAP + row * high
        draw.text((8, top + high // 2), words, "black", font, anchor="lm")
        for column, image in enumerate(images):
            pixels = (image * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
            large = Image.fromarray(pixels).resize((wide - GAP, high - GAP), Image.Resampling.NEAREST)
            sheet.paste(large, (LEFT + column * wide, top))
    sheet.save(TO, optimize=True)
    print(f"{TO}: {TO.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
