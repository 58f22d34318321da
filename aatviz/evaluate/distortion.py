"""Mean L2 distortion of false positives against the generative classifier: tables 3 and 5, by appendix B."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from aatviz.attacks import Shortlist, min_distortion, objective
from aatviz.evaluate.images import Arrays, Parts, outputs, test_images, test_split
from aatviz.evaluate.kind import Kind, Part
from aatviz.metrics import Z95, wilson
from aatviz.recipes.evaluation import DistortionEvaluation
from aatviz.store.systems import System

CHUNK = 50
PART = 2 * CHUNK
SLACK = 0.5
"""The largest error of a logit in bfloat16: iterates that are a success but for this are checked in float32."""


def parts(system: System, recipe: DistortionEvaluation) -> list[Part]:
    """One part for every hundred images: "images from 0", "images from 100" and so on."""
    count = min(recipe.count, len(test_split(system)))
    firsts = range(0, count, PART)
    return [Part(name=f"images from {first}", count=min(PART, count - first), of=first) for first in firsts]


def passes(system: System, recipe: DistortionEvaluation, part: Part) -> float:
    """The gradients of all steps for every c, each with a pass of all networks that run."""
    count, listed = len(system.detectors.networks), _shortlist(system, recipe)
    run = (count + (listed.every - 1) * listed.size) / listed.every if listed else count
    return recipe.depth * (recipe.steps + 1) * run


def compute(system: System, recipe: DistortionEvaluation, part: Part, rows: slice, bf16: bool) -> Arrays:
    """For each image (N,) its L2 distance from the false positive that the search ends with ("last"), and from the nearest
    false positive among all iterates ("best"); NaN where there is none. The first chunk also has T, and the share of natural
    test images that it accepts."""
    threshold, accepted = _threshold(system, recipe)
    first = part.of + rows.start
    chosen = slice(first, part.of + rows.stop)
    x, y = test_images(system, recipe.count, chosen)
    target = _targets(recipe, chosen, y, system.card.classes) if recipe.one_target else None

    @torch.no_grad()
    def success(x_adv: Tensor, rows: Tensor) -> Tensor:
        label, logit = system.generative.decide(system.detectors(x_adv))
        return (label != y[rows] if target is None else label == target[rows]) & (logit >= threshold)

    if target is None:
        goal = objective("detectors_max", system, y=y, bf16=bf16, shortlist=_shortlist(system, recipe))
    else:
        goal = objective("target_logit", system, target=target, bf16=bf16)
    search = {name: getattr(recipe, name) for name in ("most_c", "depth", "steps", "step_size", "optimizer")}
    found = min_distortion(goal, success, x, promising=SLACK - threshold, **search)
    arrays: Arrays = {"c": found.c.cpu().numpy()} | (
        {} if first else {"threshold": np.array([threshold]), "accepted": np.array([accepted])}
    )
    for name, x_adv, hits in (("last", found.last, found.last_found), ("best", found.best, found.best_found)):
        distance = (x_adv - x).flatten(1).norm(dim=1)
        arrays[name] = distance.where(hits, torch.nan).cpu().numpy()
    return arrays


def summary(system: System, recipe: DistortionEvaluation, parts: Parts) -> dict[str, Any]:
    """The mean distortion with its 95 % interval, and the share of the images that could be made false positives."""
    rows = {name: _mean(np.concatenate([scores[name] for scores in parts.values()])) for name in ("last", "best")}
    first = next(scores for scores in parts.values() if "threshold" in scores)
    return {name: float(first[name][0]) for name in ("threshold", "accepted") if name in first} | {"distortion": rows}


def _targets(recipe: DistortionEvaluation, rows: slice, y: Tensor, classes: int) -> Tensor:
    """One other class (N,) for each of the images in `rows`, whose own are y (N,); the same whatever the rows are."""
    further = torch.randint(1, classes, (recipe.count,), generator=torch.Generator().manual_seed(123))
    return (y + further[rows].to(y.device)) % classes


def _shortlist(system: System, recipe: DistortionEvaluation) -> Shortlist | None:
    return Shortlist(size=recipe.rivals) if len(system.detectors.networks) > 1 else None


def _mean(distance: Any) -> dict[str, Any]:
    """The mean distance of the false positives: None where there is none, and without an interval where there is one."""
    found = distance[~np.isnan(distance)]
    mean: dict[str, Any] = {"value": float(found.mean()) if len(found) else None, "n": len(found)}
    if len(found) > 1:
        half = Z95 * float(found.std(ddof=1)) / np.sqrt(len(found))
        mean |= {"low": mean["value"] - half, "high": mean["value"] + half}
    return mean | {"false_positive_rate": wilson(len(found), len(distance))._asdict()}


def _threshold(system: System, recipe: DistortionEvaluation) -> tuple[float, float]:
    """T, and the share of the natural test images that it accepts (equation 7)."""
    found = outputs(lambda x: system.generative.decide(system.detectors(x))[1], test_split(system), device=system.device)
    logits = torch.from_numpy(found)
    wanted = recipe.threshold
    threshold = float(logits.quantile(1 - recipe.true_positive_rate)) if wanted is None else wanted
    return threshold, float((logits >= threshold).float().mean())


KIND = Kind(
    name="distortion",
    recipe=DistortionEvaluation,
    chunk=CHUNK,
    needs=("full_bank",),
    parts=parts,
    passes=passes,
    compute=compute,
    summary=summary,
)
