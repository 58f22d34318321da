"""An attacker who only looks up real images: training images of a class that lie in the balls of other classes' images.

An out-of-class image is replaced by the training image of class k in its ball that scores highest, where there is one. A
detector is right to accept that image; so in balls that hold many of them, "is this a k?" has no single answer. Still, this
is no strict upper limit of the AUC: images that lie so near another class are rare, and a detector may score them low.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from aatviz.attacks.geometry import distances
from aatviz.data import open_split
from aatviz.evaluate.images import Arrays, Parts, evenly, test_split
from aatviz.evaluate.kind import Kind, Part
from aatviz.metrics import Hits, Sides, auc_interval, mean_auc_interval, mean_share_interval, wilson
from aatviz.recipes.evaluation import RealImagesEvaluation
from aatviz.runtime.memory import in_batches
from aatviz.store.systems import System

SLACK = 1e-5
"""Images within this of the ball's surface count as inside, as those of attacks do."""


def parts(system: System, recipe: RealImagesEvaluation) -> list[Part]:
    """One part for each detector."""
    labels = test_split(system).labels
    counts = {k: min(recipe.count, int((labels != k).sum())) for k in system.detectors.classes}
    return [Part(name=f"detector-{k}", count=count, of=k) for k, count in counts.items()]


def passes(system: System, recipe: RealImagesEvaluation, part: Part) -> float:
    """About one, to score the images that were found."""
    return 1.0


@torch.no_grad()
def compute(system: System, recipe: RealImagesEvaluation, part: Part, rows: slice, bf16: bool) -> Arrays:
    """For each out-of-class image (N,): the number of real images of the class in its ball, the distance of the nearest one,
    and the highest logit of the image itself and those in its ball. In the first chunk also the logits of the natural
    in-class test images, "positive"."""
    k: int = part.of
    test, training = test_split(system), open_split(system.card.dataset, "train")
    chosen = evenly((test.labels != k).nonzero().flatten(), recipe.count)[rows]
    real, negative = training.images(training.labels == k).to(system.device), test.images(chosen).to(system.device)
    distance = distances(negative, real, system.card.norm)
    inside = distance <= system.card.eps + SLACK
    logits = torch.full_like(distance, -torch.inf)
    within = inside.any(0)
    logits[:, within] = _logits(system, real[within], k).where(inside[:, within], -torch.inf)
    highest = torch.cat([logits, _logits(system, negative, k)[:, None]], 1).amax(1)
    arrays = {"inside": inside.sum(1), "nearest": distance.amin(1), "highest": highest}
    arrays |= {} if rows.start else {"positive": _logits(system, test.images(test.labels == k).to(system.device), k)}
    return {name: values.cpu().numpy() for name, values in arrays.items()}


def summary(system: System, recipe: RealImagesEvaluation, parts: Parts) -> dict[str, Any]:
    """A row for each detector, and the means: the share of images with a real image of the class in their ball, and the AUC
    where that is shown instead."""
    rows: list[dict[str, Any]] = []
    for k, scores in zip(system.detectors.classes, parts.values(), strict=True):
        inside = scores["inside"]
        rows.append(
            {
                "detector": k,
                "in_reach": wilson(int((inside > 0).sum()), len(inside))._asdict(),
                "nearest": float(np.median(scores["nearest"])),
                "auc": auc_interval(*(torch.from_numpy(scores[name]) for name in ("positive", "highest")))._asdict(),
            }
        )
    mean = {name: float(np.mean([row[name]["value"] for row in rows])) for name in ("in_reach", "auc")}
    intervals = _mean_intervals(recipe, system.detectors.classes, parts, test_split(system).labels)
    return {"norm": system.card.norm, "eps": system.card.eps, "rows": rows, "mean": mean, "mean_intervals": intervals}


def _mean_intervals(recipe: RealImagesEvaluation, classes: tuple[int, ...], parts: Parts, labels: Tensor) -> dict[str, Any]:
    hits, sides = [], []
    for k, arrays in zip(classes, parts.values(), strict=True):
        scores = {name: torch.from_numpy(array) for name, array in arrays.items()}
        rows = evenly((labels != k).nonzero().flatten(), recipe.count)
        hits.append(Hits(scores["inside"] > 0, rows))
        sides.append(Sides(scores["positive"], (labels == k).nonzero().flatten(), scores["highest"], rows))
    means = {"in_reach": mean_share_interval(hits, labels), "auc": mean_auc_interval(sides, labels)}
    return {name: value._asdict() for name, value in means.items()}


def _logits(system: System, x: Tensor, k: int) -> Tensor:
    return in_batches(lambda part: system.detectors.logit(part, k), x) if len(x) else x.new_zeros(0)


KIND = Kind(
    name="real images",
    recipe=RealImagesEvaluation,
    chunk=250,
    parts=parts,
    passes=passes,
    compute=compute,
    summary=summary,
)
