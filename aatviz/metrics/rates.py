"""The paper's metrics: equations 7, 8, 14, 15 at every threshold, AUC, and intervals for what is published.

Scores are detector logits; a sample is accepted where its score is at least T. Inputs are tensors (N,).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from aatviz.runtime.hardware import in_float64

Z95 = 1.959963984540054


class Interval(NamedTuple):
    """A measured value with its 95 % interval and the numbers of samples behind it."""

    value: float
    low: float
    high: float
    n: int


def rate(accepted: Tensor, threshold: float | Tensor, counted: Tensor | None = None) -> Tensor:
    """1/N |{x : score(x) >= T, counted(x)}| for scores (N,) and thresholds of any shape: the rates, in their shape.

    The one formula behind equations 7, 8, 14 and 15: they differ only in which samples are `counted` (N,), bool.
    ValueError for NaN, which is neither above nor below any T; where there are no samples; and for marks that are no
    booleans, one per sample: 0 and 1 would be taken for the places of two samples.
    """
    if not len(accepted):
        raise ValueError("The rate of no sample at all is not known: give at least one score.")
    if counted is not None and (counted.dtype != torch.bool or counted.shape != accepted.shape):
        raise ValueError(
            f"Which samples count is one boolean per score {tuple(accepted.shape)}; got {counted.dtype} of the shape "
            f"{tuple(counted.shape)}. Make it one by a comparison, such as labels != y."
        )
    if not accepted.is_floating_point():
        accepted = accepted.double()  # a threshold of 0.5 is none among whole numbers
    limits = torch.as_tensor(threshold, dtype=accepted.dtype)
    if bool(accepted.isnan().any()) or bool(limits.isnan().any()):
        raise ValueError("Scores, and the thresholds that they are held against, are numbers; one of them is NaN.")
    scores = accepted if counted is None else accepted[counted]
    ordered = scores.sort().values
    return (len(scores) - torch.searchsorted(ordered, limits.reshape(-1)).reshape(limits.shape)) / len(accepted)


def true_positive_rate(scores: Tensor, threshold: float | Tensor) -> Tensor:
    """Equation 7: the share of natural samples that is accepted."""
    return rate(scores, threshold)


def false_positive_rate(scores: Tensor, misclassified: Tensor, threshold: float | Tensor) -> Tensor:
    """Equation 8: the share of perturbed samples that is misclassified and accepted."""
    return rate(scores, threshold, misclassified)


def accuracy_with_reject(scores: Tensor, correct: Tensor, threshold: float | Tensor) -> Tensor:
    """Equation 14: the share of natural samples that is classified correctly and accepted."""
    return rate(scores, threshold, correct)


def error_with_reject(scores: Tensor, misclassified: Tensor, threshold: float | Tensor) -> Tensor:
    """Equation 15: the share of perturbed samples that is misclassified and accepted."""
    return rate(scores, threshold, misclassified)


def auc(positive: Tensor, negative: Tensor) -> float:
    """The area under the ROC curve of natural in-class scores (P,) against (attacked) out-of-class scores (N,), ties counted
    half. ValueError where a side is empty."""
    if not len(positive) or not len(negative):
        raise ValueError(f"AUC needs scores on both sides; got {len(positive)} positive and {len(negative)} negative.")
    truth = torch.cat([torch.ones(len(positive)), torch.zeros(len(negative))])
    from sklearn.metrics import roc_auc_score  # here: loading it takes a second, and the app's first page needs no AUC

    return float(roc_auc_score(truth.numpy(), torch.cat([positive, negative]).cpu().double().numpy()))


def auc_interval(positive: Tensor, negative: Tensor) -> Interval:
    """The AUC of scores (P,) and (N,) with DeLong's 95 % interval (DeLong et al., 1988), taken on the logit scale so that it
    stays below 1; n is N. Where the scores have no variance that could be told, as where no pair is in the wrong order, it
    is Wilson's for a share of as many images as the smaller side has."""
    value = auc(positive, negative)
    n = len(negative)
    placements_pos = _placements(positive, negative)
    placements_neg = _placements(negative, positive)
    variance = float(placements_pos.var() / len(positive) + placements_neg.var() / n) if n > 1 < len(positive) else 0.0
    if variance == 0 or not 0 < value < 1:
        fewer = min(len(positive), n)
        return Interval(value, *wilson(round(value * fewer), fewer)[1:3], n)
    return Interval(value, *bounds_around(value, math.sqrt(variance)), n)


def wilson(successes: int, n: int) -> Interval:
    """A proportion with Wilson's 95 % score interval. ValueError unless 0 <= successes <= n and n >= 1."""
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"A proportion needs 0 <= successes <= n and n >= 1; got {successes} of {n}.")
    p, z2 = successes / n, Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # At the ends the bound is exactly 0 or 1, which rounding would miss by 1e-16, leaving p outside its own interval.
    return Interval(p, centre - half if successes else 0.0, centre + half if successes < n else 1.0, n)


def share(hits: Tensor) -> Interval:
    """The proportion of True among booleans of any shape, with Wilson's 95 % interval. ValueError where there are none."""
    return wilson(int(hits.sum()), hits.numel())


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def bounds_around(value: float, deviation: float) -> tuple[float, float]:
    """The 95 % interval of a value inside (0,1), symmetric on the logit scale, from its standard deviation."""
    centre, spread = _logit(value), Z95 * deviation / (value * (1 - value))
    return 1 / (1 + math.exp(spread - centre)), 1 / (1 + math.exp(-spread - centre))


def _placements(own: Tensor, other: Tensor) -> Tensor:
    """For each own score, the share of the other scores below it, ties counted half."""
    ordered, own = in_float64(other).sort().values, in_float64(own)
    below = torch.searchsorted(ordered, own) + torch.searchsorted(ordered, own, right=True)
    return below.double() / (2 * len(other))
