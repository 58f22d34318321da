"""Curves and counts of the classifiers with a reject option (figure 2), from stored logits: no model is called.

record = curves.load(aatviz.load_system("mnist-linf-0.3-shared"))
curves.at(record.generative, threshold=0.0).error      # a value with its 95 % interval and n
"""

import zipfile
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from aatviz import metrics
from aatviz.detectors import GenerativeClassifier, IntegratedClassifier
from aatviz.evaluate import result_file, weights_hash
from aatviz.metrics import Interval, wilson
from aatviz.store.files import read_arrays, read_json
from aatviz.store.systems import System

RECIPE = "curves"
"""The evaluation recipe whose record holds the logits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Decisions:
    """What one classifier decides before any threshold, on N natural images and on M images attacked against it."""

    natural: Tensor
    """The winning logits (N,) of the natural images."""
    natural_right: Tensor
    """Whether the winning class is the true one (N,), bool."""
    perturbed: Tensor
    """The winning logits (M,) of the attacked images."""
    perturbed_right: Tensor
    """Whether the winning class is still the true one (M,), bool."""


class Curve(NamedTuple):
    """Equations 7, 8, 14 and 15 at thresholds that ascend; five tensors (L,). `fpr` and `error` count the same images."""

    threshold: Tensor
    tpr: Tensor
    fpr: Tensor
    accuracy: Tensor
    error: Tensor


@dataclass(frozen=True, kw_only=True)
class AtThreshold:
    """Everything at one T: the four rates, each a Wilson interval, and what became of every image."""

    threshold: float
    tpr: Interval
    fpr: Interval
    accuracy: Interval
    error: Interval
    natural_right: int
    """Natural images that are accepted and right."""
    natural_wrong: int
    """Natural images that are accepted and misclassified."""
    natural_rejected: int
    caught: int
    """Attacked images that are rejected, whatever the winning class."""
    withstood: int
    """Attacked images that are accepted and still right."""
    fooled: int
    """Attacked images that are misclassified and accepted: the only ones that count as errors."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CurveRecord:
    """The decisions of a system's classifiers, and the settings that they were measured with."""

    generative: Decisions
    integrated: Decisions
    robust_accuracy: Interval
    """The robust classifier's accuracy on natural images; it has no reject option, so this does not depend on T."""
    robust_error: Interval
    """Its error under its own attack."""
    recipe: dict[str, Any]
    """The evaluation recipe: count, and for each scenario the loss and the attack."""


def load(system: System) -> CurveRecord:
    """The stored record of a system.

    Raises FileNotFoundError where there is none, ValueError where it is damaged or was measured on other weights;
    both messages name the command that measures it.
    """
    command = f"aatviz evaluate {system.name} --recipe {RECIPE}"
    note, scores = result_file(system, RECIPE, "json"), result_file(system, RECIPE, "npz")
    if not (note.is_file() and scores.is_file()):
        raise FileNotFoundError(f"Nobody has measured the curves of {system.name} yet. Measure them with: {command}")
    try:
        record = read_json(note)
        arrays = {name: torch.from_numpy(array) for name, array in read_arrays(scores).items()}
        if record["weights_hash"] != weights_hash(system):
            raise ValueError("its numbers were measured on other weights")
        return from_arrays(arrays, system.generative, record["recipe"])
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        reason = f"{error} is missing in them" if isinstance(error, KeyError) else error
        raise ValueError(
            f"The curves of {system.name} cannot be used: {reason}. Measure them again with: {command}"
        ) from error


def from_arrays(arrays: dict[str, Tensor], generative: GenerativeClassifier, recipe: dict[str, Any]) -> CurveRecord:
    """A record from the stored logits: "natural.z_h" (N,K), "generative.y" (M,) and so on, as `evaluate` writes them."""

    def decisions(victim: str) -> Decisions:
        winner = {}
        for part in ("natural", victim):
            z_f, z_h = arrays[f"{part}.z_f"], arrays[f"{part}.z_h"]
            winner[part] = generative.decide(z_h) if victim == "generative" else IntegratedClassifier.decide(z_f, z_h)
        return Decisions(
            natural=winner["natural"][1],
            natural_right=winner["natural"][0] == arrays["natural.y"],
            perturbed=winner[victim][1],
            perturbed_right=winner[victim][0] == arrays[f"{victim}.y"],
        )

    return CurveRecord(
        generative=decisions("generative"),
        integrated=decisions("integrated"),
        robust_accuracy=_share(arrays["natural.z_r"].argmax(1) == arrays["natural.y"]),
        robust_error=_share(arrays["robust.z_r"].argmax(1) != arrays["robust.y"]),
        recipe=recipe,
    )


def curve(decisions: Decisions, thresholds: Tensor | None = None) -> Curve:
    """The four rates at the given thresholds (L,), or, without any, at every score that changes one of them.

    Those are all distinct winning logits, and infinity, where everything is rejected: the curve is exact, no grid.
    """
    if thresholds is None:
        scores = torch.cat([decisions.natural, decisions.perturbed[~decisions.perturbed_right]])
        thresholds = torch.cat([scores.unique(), scores.new_tensor([torch.inf])])
    wrong = ~decisions.perturbed_right
    return Curve(
        threshold=thresholds,
        tpr=metrics.true_positive_rate(decisions.natural, thresholds),
        fpr=metrics.false_positive_rate(decisions.perturbed, wrong, thresholds),
        accuracy=metrics.accuracy_with_reject(decisions.natural, decisions.natural_right, thresholds),
        error=metrics.error_with_reject(decisions.perturbed, wrong, thresholds),
    )


def at(decisions: Decisions, threshold: float) -> AtThreshold:
    """The rates with their 95 % intervals, and the counts, at one T. A sample is accepted where its logit is at least T."""
    accepted, held = decisions.natural >= threshold, decisions.perturbed >= threshold
    right, wrong = accepted & decisions.natural_right, accepted & ~decisions.natural_right
    fooled = held & ~decisions.perturbed_right
    return AtThreshold(
        threshold=threshold,
        tpr=_share(accepted),
        fpr=_share(fooled),
        accuracy=_share(right),
        error=_share(fooled),
        natural_right=int(right.sum()),
        natural_wrong=int(wrong.sum()),
        natural_rejected=int((~accepted).sum()),
        caught=int((~held).sum()),
        withstood=int((held & decisions.perturbed_right).sum()),
        fooled=int(fooled.sum()),
    )


def threshold_accepting(decisions: Decisions, share: float) -> float:
    """The highest T that still accepts at least this share of the natural images (0 < share <= 1)."""
    if not 0 < share <= 1:
        raise ValueError(f"The share of accepted images lies above 0 and is at most 1; got {share!r}.")
    rejected = int(len(decisions.natural) * (1 - share) + 1e-9)
    return float(decisions.natural.sort().values[rejected])


def corners(x: Tensor, y: Tensor) -> Tensor:
    """The indices of the points of a staircase (L,), (L,) that a line needs to be drawn exactly; for drawing only.

    Left out are points between two others on the same horizontal or vertical line.
    """
    inner = ((x[1:-1] == x[:-2]) & (x[1:-1] == x[2:])) | ((y[1:-1] == y[:-2]) & (y[1:-1] == y[2:]))
    keep = torch.ones(len(x), dtype=torch.bool)
    keep[1:-1] = ~inner
    return keep.nonzero().flatten()


def _share(hits: Tensor) -> Interval:
    return wilson(int(hits.sum()), len(hits))
