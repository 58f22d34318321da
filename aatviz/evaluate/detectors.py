"""AUC of base detectors under attack: tables 2, 4 and 8 to 18, and the worst case."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aatviz.attacks.objectives import LossName
from aatviz.evaluate.attacking import attack
from aatviz.evaluate.images import Arrays, Parts, evenly, outputs, test_split
from aatviz.evaluate.kind import Kind, Part
from aatviz.metrics import Sides, auc_interval, mean_auc_intervals
from aatviz.recipes.evaluation import DetectorEvaluation
from aatviz.runtime.memory import in_batches
from aatviz.store.systems import System


def parts(system: System, recipe: DetectorEvaluation) -> list[Part]:
    """One part for each detector."""
    labels = test_split(system).labels
    counts = {k: min(recipe.count, int((labels != k).sum())) for k in recipe.detectors}
    return [Part(name=f"detector-{k}", count=count, of=k) for k, count in counts.items()]


def passes(system: System, recipe: DetectorEvaluation, part: Part) -> float:
    """The gradients of all attacks on one image."""
    return sum((spec.steps + 1) * spec.restarts for spec in recipe.attacks.values())


def compute(system: System, recipe: DetectorEvaluation, part: Part, rows: slice, bf16: bool) -> Arrays:
    """`scores` of the bank's own detector."""
    return scores(system, recipe, part, rows, bf16, system.detectors.logit)


def scores(
    system: System,
    recipe: DetectorEvaluation,
    part: Part,
    rows: slice,
    bf16: bool,
    logit_of: Callable[[Tensor, int], Tensor],
    attacked: tuple[System | nn.Module, LossName] | None = None,
) -> Arrays:
    """The logits of one detector on attacked images, "best NAME" and "last NAME" for each attack; in the first chunk also
    those of all natural test images, "positive" (in-class) and "negative" (out-of-class).

    `logit_of` is the detector: images (N,C,H,W) and k -> (N,). `attacked` is the victim of the attack and the loss; None for
    the bank and its own loss."""
    k: int = part.of
    victim, loss = attacked or (system, "detector_logit")
    images = test_split(system)
    own = images.labels == k

    def logit(images: Tensor) -> Tensor:
        return logit_of(images, k)

    natural = {} if rows.start else {"positive": _rows(own), "negative": _rows(~own)}
    arrays: Arrays = {name: outputs(logit, images, of, system.device) for name, of in natural.items()}
    negative = images.images(evenly(_rows(~own), recipe.count)[rows]).to(system.device)
    for name, spec in recipe.attacks.items():
        best, last = attack(victim, loss, spec, negative, target=k, bf16=bf16, seed=rows.start)
        arrays[f"best {name}"] = _logits(logit, best)
        if spec.keep == "last":
            arrays[f"last {name}"] = _logits(logit, last)
    return arrays


def summary(system: System, recipe: DetectorEvaluation, parts: Parts) -> dict[str, Any]:
    """A row for each detector, and the mean of the rows: AUC on natural images, under each attack, and under the worst of
    all attacks for each image."""
    rows = [row(recipe, k, scores) for k, scores in zip(recipe.detectors, parts.values(), strict=True)]
    mean: dict[str, Any] = {key: _mean(row[key]["value"] for row in rows) for key in ("natural", "worst")}
    for keep in ("last", "best"):
        mean[keep] = {name: _mean(row[keep][name]["value"] for row in rows) for name in rows[0][keep]}
    mean["paper"] = {name: _mean(values) for name, values in recipe.paper.items()}
    return {"rows": rows, "mean": mean, "mean_intervals": _mean_intervals(recipe, parts, test_split(system).labels)}


def row(recipe: DetectorEvaluation, k: int, scores: Arrays) -> dict[str, Any]:
    """The AUC of detector k with its intervals, from its scores: on natural images, under each attack, at its last and its
    best iterates, and under the worst of all these for each image; and the paper's."""
    positive = torch.from_numpy(scores["positive"])
    found: dict[str, Any] = {
        "detector": k,
        "natural": auc_interval(positive, torch.from_numpy(scores["negative"]))._asdict(),
        "worst": auc_interval(positive, _worst(recipe, scores))._asdict(),
        "paper": {name: values[recipe.detectors.index(k)] for name, values in recipe.paper.items()},
    }
    for keep in ("last", "best"):
        found[keep] = {
            name: auc_interval(positive, torch.from_numpy(scores[f"{keep} {name}"]))._asdict()
            for name in recipe.attacks
            if f"{keep} {name}" in scores
        }
    return found


def _worst(recipe: DetectorEvaluation, scores: Arrays) -> Tensor:
    """The highest logit (N,) of each image. The best iterate, which an attack in bfloat16 chose, may be lower than the
    last."""
    names = [f"{keep} {name}" for name in recipe.attacks for keep in ("best", "last")]
    return torch.stack([torch.from_numpy(scores[name]) for name in names if name in scores]).amax(0)


def _mean_intervals(recipe: DetectorEvaluation, parts: Parts, labels: Tensor) -> dict[str, Any]:
    """The means over the detectors with their intervals, in the shape of a row."""
    first = next(iter(parts.values()))
    keys = ["negative", *(f"{keep} {name}" for keep in ("last", "best") for name in recipe.attacks)]
    scores = {key: [torch.from_numpy(scores[key]) for scores in parts.values()] for key in keys if key in first}
    scores["worst"] = [_worst(recipe, scores) for scores in parts.values()]
    places = [(_rows(labels == k), _rows(labels != k)) for k in recipe.detectors]
    positive = [torch.from_numpy(scores["positive"]) for scores in parts.values()]

    def sides(key: str) -> list[Sides]:
        return [
            Sides(own, rows, other, others if key == "negative" else evenly(others, recipe.count))
            for own, other, (rows, others) in zip(positive, scores[key], places, strict=True)
        ]

    found = {key: mean._asdict() for key, mean in mean_auc_intervals({key: sides(key) for key in scores}, labels).items()}
    return {
        "natural": found["negative"],
        "worst": found["worst"],
        "last": {name: found[f"last {name}"] for name in recipe.attacks if f"last {name}" in found},
        "best": {name: found[f"best {name}"] for name in recipe.attacks},
    }


def _rows(chosen: Tensor) -> Tensor:
    return chosen.nonzero().flatten()


@torch.no_grad()
def _logits(logit: Callable[[Tensor], Tensor], x: Tensor) -> NDArray[Any]:
    return in_batches(logit, x).cpu().numpy()


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


KIND = Kind(
    name="detectors",
    recipe=DetectorEvaluation,
    chunk=250,
    parts=parts,
    passes=passes,
    compute=compute,
    summary=summary,
)
