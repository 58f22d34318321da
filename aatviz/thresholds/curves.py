"""Curves and counts of the classifiers with a reject option (figure 2), from stored logits: no model is called.

record = curves.load(aatviz.load_system("mnist-linf-0.3-shared"))
curves.at(record.generative, threshold=0.0).error      # a value with its 95 % interval and n
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from aatviz import metrics
from aatviz.metrics import Interval, share
from aatviz.models import decisions as rule
from aatviz.models.decisions import VictimName
from aatviz.models.detectors import GenerativeClassifier
from aatviz.recipes.paper import CURVES, evaluations_of
from aatviz.runtime.files import read_arrays
from aatviz.store.results import misfit, read_record, result_file, weights_hash
from aatviz.store.systems import System

RECIPE = CURVES
"""The evaluation recipe whose record holds the logits."""
JUDGES: tuple[VictimName, ...] = ("generative", "integrated")
"""The classifiers that reject by a detector's logit."""

Threshold = float | Sequence[float]
"""T for all classes, or T_0 ... T_{K-1}; then the threshold of the winning class counts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Decided:
    """One classifier's decisions about N images, before any threshold. ValueError where a logit is NaN."""

    logit: Tensor
    """The winning logits (N,), float32."""
    label: Tensor
    """The winning classes (N,), int64."""
    right: Tensor
    """Whether the winning class is the true one (N,), bool."""

    def __post_init__(self) -> None:
        if bool(self.logit.isnan().any()):
            raise ValueError("The winning logits are numbers; one of them is NaN. Measure them again.")

    def accepted(self, threshold: Threshold) -> Tensor:
        """Which images are accepted (N,), bool: where the winning logit is at least T, or T_k of the winning class k.

        ValueError where there are fewer T_k than classes that win, or one is NaN.
        """
        return rule.accepted(self.label, self.logit, threshold)

    def __len__(self) -> int:
        return len(self.logit)

    def __getitem__(self, which: Tensor | slice) -> "Decided":
        return Decided(logit=self.logit[which], label=self.label[which], right=self.right[which])


@dataclass(frozen=True, kw_only=True, eq=False)
class Decisions:
    """One classifier's decisions on three sets of images; its curves and all choices of thresholds are computed from
    them."""

    natural: Decided
    """Natural test images."""
    perturbed: Decided
    """Test images attacked against this classifier."""
    held_out: Decided
    """Natural images of the validation split: not in the test set, and in no network's training set."""


class Curve(NamedTuple):
    """Equations 7, 8, 14 and 15 at rising thresholds; five tensors (L,). `fpr` and `error` count the same images."""

    threshold: Tensor
    tpr: Tensor
    fpr: Tensor
    accuracy: Tensor
    error: Tensor


@dataclass(frozen=True, kw_only=True)
class AtThreshold:
    """The four rates at one T, or at one T_k for each class, with Wilson intervals; and the counts of images by outcome."""

    threshold: float | tuple[float, ...]
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
    """The stored decisions of a system's classifiers, and the settings of the measurement."""

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

    Raises FileNotFoundError where there is none, ValueError where it is damaged, or was measured on other weights
    or with other settings than the recipe has today; both messages name the command that measures it.
    """
    command = f"`aatviz evaluate {system.name} --recipe {RECIPE}`"
    note, scores = result_file(system, RECIPE, "json"), result_file(system, RECIPE, "npz")
    if not (note.is_file() and scores.is_file()):
        raise FileNotFoundError(f"Nobody has measured the curves of {system.name} yet. Measure them with: {command}")
    try:
        record = read_record(note)
        arrays = {name: torch.from_numpy(array) for name, array in read_arrays(scores).items()}
        if why := misfit(record, evaluations_of(system.card)[RECIPE], weights_hash(system)):
            raise ValueError(f"its numbers were measured {why}")
        return from_arrays(arrays, system.generative, record["recipe"])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
        reason = f"{error} is missing in them" if isinstance(error, KeyError) else error
        raise ValueError(
            f"The curves of {system.name} cannot be used: {reason}. Measure them again with: {command}"
        ) from error


def from_arrays(arrays: dict[str, Tensor], generative: GenerativeClassifier, recipe: dict[str, Any]) -> CurveRecord:
    """A record from the stored logits: "natural.z_h" (N,K), "generative.y" (M,) and so on, as `evaluate` writes them.

    KeyError names what is missing; ValueError for an older format, without held-out images.
    """

    if not any(name.startswith("held_out.") for name in arrays):
        raise ValueError("they are of an older format, without the held-out images that thresholds are chosen on")

    def part(name: str, victim: VictimName) -> Decided:
        return decide(victim, generative, *(arrays[f"{name}.{key}"] for key in ("z_f", "z_h", "y")))

    def robust(name: str) -> Tensor:
        return rule.decide("robust", {"r": arrays[f"{name}.z_r"]}).label == arrays[f"{name}.y"]

    def decisions(victim: VictimName) -> Decisions:
        return Decisions(natural=part("natural", victim), perturbed=part(victim, victim), held_out=part("held_out", victim))

    return CurveRecord(
        generative=decisions("generative"),
        integrated=decisions("integrated"),
        robust_accuracy=share(robust("natural")),
        robust_error=share(~robust("robust")),
        recipe=recipe,
    )


def decide(victim: VictimName, generative: GenerativeClassifier, z_f: Tensor, z_h: Tensor, y: Tensor) -> Decided:
    """The decisions of the generative or the integrated classifier, from logits (N,K) of f and of H, and true classes
    (N,)."""
    label, logit = rule.decide(victim, {"f": z_f, "h": z_h}, priors=generative.priors)
    return Decided(logit=logit, label=label, right=label == y)


def curve(decisions: Decisions, thresholds: Tensor | None = None) -> Curve:
    """The four rates at the given thresholds (L,), or, without any, at every score that changes one of them.

    Those scores are all distinct winning logits, and infinity, where everything is rejected: so the curve is exact.
    """
    natural, perturbed = decisions.natural, decisions.perturbed
    wrong = ~perturbed.right
    if thresholds is None:
        scores = torch.cat([natural.logit, perturbed.logit[wrong]])
        thresholds = torch.cat([scores.unique(), scores.new_tensor([torch.inf])])
    return Curve(
        threshold=thresholds,
        tpr=metrics.true_positive_rate(natural.logit, thresholds),
        fpr=metrics.false_positive_rate(perturbed.logit, wrong, thresholds),
        accuracy=metrics.accuracy_with_reject(natural.logit, natural.right, thresholds),
        error=metrics.error_with_reject(perturbed.logit, wrong, thresholds),
    )


def at(decisions: Decisions, threshold: Threshold) -> AtThreshold:
    """The rates with their 95 % intervals, and the counts, at one T or at one T_k for each class (K,).

    A sample is accepted where its winning logit is at least T, or at least the T_k of its winning class.
    """
    accepted, held = decisions.natural.accepted(threshold), decisions.perturbed.accepted(threshold)
    right, wrong = accepted & decisions.natural.right, accepted & ~decisions.natural.right
    fooled = held & ~decisions.perturbed.right
    return AtThreshold(
        threshold=float(threshold) if isinstance(threshold, int | float) else tuple(threshold),
        tpr=share(accepted),
        fpr=share(fooled),
        accuracy=share(right),
        error=share(fooled),
        natural_right=int(right.sum()),
        natural_wrong=int(wrong.sum()),
        natural_rejected=int((~accepted).sum()),
        caught=int((~held).sum()),
        withstood=int((held & decisions.perturbed.right).sum()),
        fooled=int(fooled.sum()),
    )


def corners(x: Tensor, y: Tensor) -> Tensor:
    """The indices of the corners of a staircase with points x (L,), y (L,): a line through them alone looks the same.

    Left out are repeated points, and points between two others on the same horizontal or vertical line.
    """
    moved = torch.ones(len(x), dtype=torch.bool)
    moved[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    places = moved.nonzero().flatten()
    x, y = x[places], y[places]
    keep = torch.ones(len(x), dtype=torch.bool)
    keep[1:-1] = ~(((x[1:-1] == x[:-2]) & (x[1:-1] == x[2:])) | ((y[1:-1] == y[:-2]) & (y[1:-1] == y[2:])))
    return places[keep]
