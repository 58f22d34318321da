"""Strips of bundled images in a detector's order: pictures with the logit under each, each a link to an attack."""

from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from PIL import Image, ImageDraw
from torch import Tensor

from aatviz.ui.common import takeaway
from aatviz.ui.common.classes import a, shortened
from aatviz.ui.common.pictures import data_url, enlarged

TITLES = {
    "typical": "In-class, highest logits: the most typical",
    "atypical": "In-class, lowest logits: the least typical",
    "confusing": "Out-of-class, highest logits: the most confusing",
    "remote": "Out-of-class, lowest logits: nothing like it",
}
STYLE = """<style>
.detector-strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(3.6rem, 1fr)); gap: 0.4rem;
  max-width: 62rem; }
.detector-strip a { display: block; color: inherit; text-decoration: none; text-align: center; border-radius: 0.4rem;
  padding: 0.15rem 0.15rem 0.25rem; border: 1px solid transparent; font-size: 0.8125rem; line-height: 1.35;
  font-variant-numeric: tabular-nums; }
.detector-strip a:hover, .detector-strip a:focus-visible { border-color: currentColor; outline: none; }
.detector-strip img { display: block; width: 100%; height: auto; image-rendering: pixelated; border-radius: 0.2rem;
  margin-bottom: 0.15rem; }
</style>"""


def strip(
    x: Tensor,
    y: Tensor,
    z: Tensor,
    indices: Tensor,
    k: int,
    names: Sequence[str],
    link: dict[str, str],
    full_bank: bool = True,
) -> str:
    """HTML of one row of images: x (N,C,H,W) and y (N,) are the sample, z (N,) the logits of detector k.

    `names` are those of all classes; `link` holds the parameters that every link to another page carries; `full_bank` says
    whether there is a detector of every class.
    """
    items = "".join(_item(x[i], float(z[i]), names, link, i, int(y[i]), k, full_bank) for i in indices.tolist())
    return f'{STYLE}<div class="detector-strip" role="list">{items}</div>'


def picture(x: Tensor, z: Tensor, rankings: dict[str, Tensor]) -> bytes:
    """All rankings as one PNG, a row each, with the logit under every image; x (N,C,H,W), z (N,)."""
    factor = max(84 // max(x.shape[2:]), 1)
    side, gap, line = max(84, factor * x.shape[3]), 8, 18
    tall = factor * x.shape[2]
    width = max(len(indices) for indices in rankings.values()) * (side + gap) + gap
    sheet = Image.new("RGB", (width, len(rankings) * (tall + 2 * line + gap) + gap), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (name, indices) in enumerate(rankings.items()):
        top = gap + row * (tall + 2 * line + gap)
        draw.text((gap, top), TITLES[name], fill="black")
        for column, index in enumerate(indices.tolist()):
            left = gap + column * (side + gap)
            sheet.paste(enlarged(x[index], factor), (left, top + line))
            draw.text((left + side / 2, top + line + tall + 2), f"{z[index]:.2f}", fill="black", anchor="ma")
    return takeaway.png(sheet)


def attack_settings(index: int, y: int, k: int, full_bank: bool = True) -> dict[str, str]:
    """The Attack page's parameters for an image: push it up detector k's logit, or, if it is of class k, away from k.

    Without a detector of every class the page begins with a detector, which can only be climbed: then away from k on the
    natural classifier.
    """
    chosen = {"pick": "index", "index": str(index)}
    if y != k:
        return chosen | {"victim": "detector", "detector": str(k)}
    return chosen | {"goal": "untargeted"} | ({} if full_bank else {"victim": "natural"})


def _item(
    image: Tensor, logit: float, names: Sequence[str], link: dict[str, str], index: int, y: int, k: int, full_bank: bool
) -> str:
    href = escape(f"attack?{urlencode(link | attack_settings(index, y, k, full_bank))}")
    label = escape(f"Attack image {index}, {a(names[y])}, logit {logit:.2f}")
    truth = "" if y == k else f" · {escape(shortened(names[y]))}"
    height, width = image.shape[1:]
    return (
        f'<div role="listitem"><a href="{href}" target="_self" title="{label}" aria-label="{label}">'
        f'<img src="{data_url(enlarged(image, 1))}" alt="" width="{width}" height="{height}">{logit:.1f}{truth}</a></div>'
    )
