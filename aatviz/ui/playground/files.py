"""What a visitor takes home from the Playground: all maps as one picture, and the curves as a table."""

import dataclasses

import torch
from PIL import Image, ImageDraw, ImageFont

from aatviz.data import toy
from aatviz.explore.plane import live
from aatviz.explore.plane.live import MODELS, ModelName
from aatviz.ui.common import plane_map, takeaway
from aatviz.ui.common.plane_map import SHOWN, SIZE
from aatviz.ui.playground.data import NAMES
from aatviz.ui.playground.training import Run

MARGIN, GAP, HEAD, LINE = 24, 12, 60, 26


def maps(run: Run) -> Image.Image:
    """All maps as they are now, a row a model, with their titles, T and the settings: negatives where they end, or the noise
    that was dropped last."""
    classes = run.points.classes
    size = (2 * MARGIN + classes * (SIZE + GAP), MARGIN + HEAD + len(MODELS) * (SIZE + 2 * LINE + GAP))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(18), ImageFont.load_default(14)
    draw.text((MARGIN, MARGIN), f"{_titled(run.points)}, update {run.step:,} of {run.settings.updates:,}", "black", large)
    said = f"{run.settings.name} on {run.points.name}; T lets {run.share} % of the class through"
    draw.text((MARGIN, MARGIN + LINE), said, "black", small)
    for row, model in enumerate(MODELS):
        top = MARGIN + HEAD + row * (SIZE + 2 * LINE + GAP)
        draw.text((MARGIN, top), NAMES[model], "black", large)
        for k in range(classes):
            left, level = MARGIN + k * (SIZE + GAP), _level(run, model, k)
            draw.text((left, top + LINE), f"logit of {toy.CLASSES[k]}, T = {level:+.1f}", "black", small)
            sheet.paste(_map(run, model, k, level), (left, top + 2 * LINE))
    return sheet


def curves_csv(run: Run) -> str:
    """Loss and AUCs by update, with the settings in every row. The loss is the mean since the row before; a row of the
    bundled models has none."""
    settings = {"points": run.points.name, "recipe": run.settings.name} | dataclasses.asdict(run.settings)
    rows = []
    for model in MODELS:
        losses = dict(run.losses[model])
        aucs = {step: pair for step, *pair in run.aucs[model]}
        for step in sorted(losses.keys() | aucs.keys()):
            rows.append([*settings.values(), model, step, losses.get(step, ""), *aucs.get(step, ["", ""])])
    return takeaway.table([*settings, "model", "update", "loss", "auc_natural", "auc_attacked"], rows)


def _titled(points: toy.Plane) -> str:
    return f"{toy.TITLES[points.kind]}, {points.classes} classes"


def _level(run: Run, model: ModelName, k: int) -> float:
    return float(run.pictures[model][-1].thresholds[k, live.SHARES.index(run.share)])


def _map(run: Run, model: ModelName, k: int, level: float) -> Image.Image:
    x, y = live.train_points(run.points)
    shown, labels = x[:SHOWN].flatten(1), y[:SHOWN].tolist()
    picture = run.pictures[model][-1]
    found = plane_map.drawn(picture.landscape[k], level, shown, labels, k)
    if model in run.dropped:
        dropped = run.dropped[model]
        own = dropped.target == k
        found.noise(dropped.path[-1, own], dropped.landed[own].tolist())
    elif picture.paths is not None:
        found.ways(picture.paths[k])
    places = torch.tensor([int(one) for one in run.cross.split(",")]).view(-1, 2) / 255 if run.cross else shown[:1]
    origin = int(torch.cdist(places[-1:], shown).argmin())
    found.cross(tuple(places[0].tolist()), labels[origin])
    return found.picture()
