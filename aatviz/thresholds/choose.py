"""Choosing T, or one T_k for each detector, on images on which no reported number is measured.

The paper reports rates at every universal T, and leaves the choice open: "the optimal value of each detector's
detection threshold T_k should be determined by optimizing a utility function" (section 4.2). Two ways to choose are here:
a share of clean images that may be rejected, and the least expected cost of misses and false alarms.

record = curves.load(aatviz.load_system("mnist-linf-0.3-shared"))
choose(record.generative, 0.01)                        # T that rejects 1 % of the held-out images
choose(record.generative, Costs(miss=10), classes=10)  # T_0 ... T_9 of least expected cost
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from aatviz import metrics
from aatviz.store.systems import System
from aatviz.thresholds import curves
from aatviz.thresholds.curves import Decided, Decisions, Threshold

GRID = 0.1
"""Thresholds are chosen among the multiples of this: finer differences are much smaller than the interval of any rate."""
REJECTION = 0.01
"""The share of held-out clean images that the default T rejects at most, judged by the generative classifier."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The costs of the two mistakes of a reject option, in any unit, and how often to expect an attack. ValueError for a
    negative or infinite cost, or a prior outside [0,1]."""

    miss: float = 10.0
    """One attacked image that is accepted although misclassified."""
    false_alarm: float = 1.0
    """One natural image that is rejected."""
    prior: float = 0.1
    """The share of attacked images among all that come in, in [0,1]."""

    def __post_init__(self) -> None:
        for name in ("miss", "false_alarm"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"A cost ({name}) is a number from 0 up; got {getattr(self, name)!r}.")
        if not 0 <= self.prior <= 1:
            raise ValueError(f"The share of attacked images (prior) lies between 0 and 1; got {self.prior!r}.")


def choose(decisions: Decisions, by: float | Costs, classes: int | None = None) -> Threshold:
    """T, or with `classes` (K) the thresholds T_0 ... T_{K-1}: by a share of rejected clean images, or by costs.

    A share is kept by `accepting`, on the held-out images alone. Costs are minimised by `cheapest`, on the held-out images
    and the first of the two `halves` of the attacked ones; so report the effect of T on the second half only. No natural
    test image has a part in the choice. ValueError for a share outside [0,1), or where there are no images to choose on.
    """
    held_out, attacked = decisions.held_out, halves(decisions.perturbed)[0]
    if isinstance(by, Costs):
        if classes is None:
            return cheapest(held_out, attacked, by)
        return cheapest_per_class(held_out, attacked, by, classes)
    return accepting(held_out, by) if classes is None else accepting_per_class(held_out, by, classes)


def accepting(held_out: Decided, rejection: float) -> float:
    """The highest T on the grid that rejects at most this share of the held-out natural images, 0 <= rejection < 1."""
    return accepting_scores(held_out.logit, rejection)


def accepting_scores(held_out: Tensor, rejection: float) -> float:
    """`accepting`, from the scores (N,) of the held-out images. ValueError for a share outside [0,1), no image, or a NaN."""
    if not 0 <= rejection < 1:
        raise ValueError(f"The share of rejected images is at least 0 and below 1; got {rejection!r}.")
    if not len(held_out):
        raise ValueError("There are no held-out images to choose a threshold on; got 0.")
    if bool(held_out.isnan().any()):
        raise ValueError("The scores of held-out images are numbers; one of them is NaN. Measure them again.")
    rejected = int(len(held_out) * rejection + 1e-9)
    score = held_out.sort().values[rejected]
    threshold = on_grid(float(score))
    above = bool(torch.as_tensor(threshold, dtype=score.dtype) > score)  # by less than a rounding error, yet it would reject
    return round(threshold - GRID, 1) if above else threshold


def accepting_per_class(held_out: Decided, rejection: float, classes: int) -> tuple[float, ...]:
    """T_0 ... T_{K-1}, each by `accepting` on the held-out images for which its class wins.

    A class that wins none of them is given the T of all images together.
    """
    everyone = accepting(held_out, rejection)
    return _each(held_out, classes, everyone, lambda k: accepting(held_out[held_out.label == k], rejection))


def expected_cost(natural: Decided, attacked: Decided, threshold: Threshold, costs: Costs) -> float:
    """The expected cost of one image, which a choice by costs minimises:

    miss * prior * P(misclassified and accepted | attacked) + false_alarm * (1 - prior) * P(rejected | natural).

    The first probability is the false positive rate of equation 8 (the error of equation 15); the second is one minus the
    true positive rate of equation 7. A natural image that is accepted and misclassified costs nothing here, since thresholds
    are not there to prevent that; nor does an attacked image that is accepted and still right.
    """
    missed = attacked.accepted(threshold) & ~attacked.right
    alarms = ~natural.accepted(threshold)
    return costs.miss * costs.prior * _share(missed) + costs.false_alarm * (1 - costs.prior) * _share(alarms)


def cheapest(natural: Decided, attacked: Decided, costs: Costs) -> float:
    """The T on the grid of least `expected_cost`; of several, the lowest, which rejects the fewest images.

    The highest candidate lies above every logit: where misses cost enough, rejecting everything is the cheapest. ValueError
    without natural or without attacked images.
    """
    if not (len(natural) and len(attacked)):
        raise ValueError(f"Costs need images on both sides; got {len(natural)} natural and {len(attacked)} attacked.")
    everyone = torch.ones(len(natural), dtype=torch.bool)
    return _cheapest(natural, everyone, attacked, ~attacked.right, costs)


def cheapest_per_class(natural: Decided, attacked: Decided, costs: Costs, classes: int) -> tuple[float, ...]:
    """T_0 ... T_{K-1} on the grid of least `expected_cost`.

    The cost is a sum over the winning classes, so that each T_k is chosen by itself. A class that wins no natural image is
    given the T of all images together.
    """

    def choose(k: int) -> float:
        return _cheapest(natural, natural.label == k, attacked, (attacked.label == k) & ~attacked.right, costs)

    return _each(natural, classes, cheapest(natural, attacked, costs), choose)


def halves(attacked: Decided) -> tuple[Decided, Decided]:
    """Two halves of the attacked images: every second one to choose a threshold on, and the others to report its effect."""
    return attacked[::2], attacked[1::2]


def on_grid(threshold: float) -> float:
    """The next multiple of GRID at or below T: downwards, so that no more images are rejected."""
    return round(math.floor(threshold / GRID + 1e-6) * GRID, 1)


def default_threshold(system: System) -> float:
    """The T that pages start with: `accepting` REJECTION on held-out images, judged by the generative classifier.

    0.0, where a detector is undecided, for a system whose curves have not been measured.
    """
    try:
        return accepting(curves.load(system).generative.held_out, REJECTION)
    except (FileNotFoundError, ValueError):
        return 0.0


def _each(decided: Decided, classes: int, otherwise: float, choose: Callable[[int], float]) -> tuple[float, ...]:
    return tuple(choose(k) if (decided.label == k).any() else otherwise for k in range(classes))


def _cheapest(natural: Decided, of_natural: Tensor, attacked: Decided, misses: Tensor, costs: Costs) -> float:
    """The cheapest T for those natural images, and those misclassified attacked ones, that the masks (N,) and (M,) mark.

    No T below all these natural images is tried: it would accept more attacked images and reject no fewer natural ones.
    """
    mine = natural.logit[of_natural]
    low, high = float(mine.min()), max(float(mine.max()), float(attacked.logit.max()))
    tried = [round(i * GRID, 1) for i in range(round(on_grid(low) / GRID), round(on_grid(high) / GRID) + 2)]
    missed = metrics.rate(attacked.logit, torch.tensor(tried), misses)
    kept = metrics.rate(natural.logit, torch.tensor(tried), of_natural)
    total = costs.miss * costs.prior * missed - costs.false_alarm * (1 - costs.prior) * kept
    return tried[int(total.argmin())]


def _share(hits: Tensor) -> float:
    return float(hits.double().mean())
