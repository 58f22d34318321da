"""Intervals of means over detectors, by a bootstrap over test images.

The detectors of a bank are judged on the same test images, and a hard image is hard for several of them. So the bootstrap
draws images, not scores: all scores of one image come or go together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from aatviz.metrics.rates import Interval, auc, bounds_around, wilson

RESAMPLES = 1000
AT_ONCE = 100
"""Resamples in memory at a time; each takes 4 bytes for every test image."""
EXACT = 1e-12
"""A standard deviation of the means below this is rounding alone."""


class Sides(NamedTuple):
    """The scores of one detector, and the test images that they belong to."""

    positive: Tensor
    """The scores of natural in-class images (P,)."""
    positive_rows: Tensor
    """The places of these images in the test set (P,)."""
    negative: Tensor
    """The scores of out-of-class images (N,), attacked or not."""
    negative_rows: Tensor
    """The places of these images in the test set (N,)."""


class Hits(NamedTuple):
    """A yes or no of one detector about each of its images, and the places of these images."""

    hits: Tensor
    """Yes or no, bool (N,)."""
    rows: Tensor
    """Their places in the test set (N,)."""


Statistic = Callable[[Tensor], Tensor]
"""Weights (I,B) of the test images in B draws -> the value (B,) of one detector; NaN where a side has no image in a draw."""


def mean_auc_intervals(measured: Mapping[str, Sequence[Sides]], labels: Tensor, seed: int = 0) -> dict[str, Interval]:
    """The mean AUC of K detectors under each of several attacks, with its 95 % interval; n is the sum of their out-of-class
    images.

    Args:
        measured: by the attack's name, the scores of each detector.
        labels: the classes (I,) of all test images. Images are drawn with replacement within their class, as often as the
            class has images; the same ones for every attack.
        seed: of the `RESAMPLES` draws.

    Raises:
        ValueError: without a detector; for NaN; where scores and places differ in number; where fewer than half of the draws
            have images for every detector.
    """
    for sides in (sides for detectors in measured.values() for sides in detectors):
        _check(sides.positive, sides.positive_rows, labels)
        _check(sides.negative, sides.negative_rows, labels)
    values = {name: [auc(one.positive, one.negative) for one in detectors] for name, detectors in measured.items()}
    rows = {
        name: ([one.negative_rows for one in detectors], [one.positive_rows for one in detectors])
        for name, detectors in measured.items()
    }
    means = _draws({name: [_weighted_auc(one) for one in detectors] for name, detectors in measured.items()}, labels, seed)
    return {name: _interval(values[name], means[name], *rows[name]) for name in measured}


def mean_auc_interval(detectors: Sequence[Sides], labels: Tensor, seed: int = 0) -> Interval:
    """`mean_auc_intervals` of one attack."""
    return mean_auc_intervals({"": detectors}, labels, seed)[""]


def mean_share_interval(detectors: Sequence[Hits], labels: Tensor, seed: int = 0) -> Interval:
    """The mean over K detectors of the share of their images that are hits, with its interval; as `mean_auc_intervals`."""
    for one in detectors:
        _check(one.hits.float(), one.rows, labels)
    means = _draws({"": [_weighted_share(one) for one in detectors]}, labels, seed)[""]
    return _interval([float(one.hits.double().mean()) for one in detectors], means, [one.rows for one in detectors])


def _draws(statistics: dict[str, list[Statistic]], labels: Tensor, seed: int) -> dict[str, Tensor]:
    """The mean over detectors in every draw, by name."""
    if not all(statistics.values()):
        raise ValueError("A mean needs at least one detector; got none.")
    found: dict[str, list[Tensor]] = {name: [] for name in statistics}
    for weights in _weights(labels, seed):
        for name, of_detectors in statistics.items():
            found[name].append(torch.stack([value(weights) for value in of_detectors]).mean(0))
    return {name: torch.cat(means) for name, means in found.items()}


def _interval(values: list[float], means: Tensor, rows: list[Tensor], *others: list[Tensor]) -> Interval:
    """The mean of the detectors' values with its interval, from the means of all draws. `rows` are the places of the images
    that n counts, `others` those of the images that they are compared with. Where all draws are alike, the interval is
    Wilson's for a share of as many images as the smaller side has."""
    value, n = sum(values) / len(values), sum(map(len, rows))
    means = means[means.isfinite()]  # draws in which a detector has no image on one side are left out
    if len(means) < RESAMPLES // 2:
        raise ValueError(f"{len(means)} of {RESAMPLES} draws have images for every detector; use more images.")
    deviation = float(means.std())
    if deviation < EXACT or not 0 < value < 1:
        images = min(len(torch.cat(side).unique()) for side in (rows, *others))
        return Interval(value, *wilson(round(value * images), images)[1:3], n)
    return Interval(value, *bounds_around(value, deviation), n)


def _weights(labels: Tensor, seed: int) -> Iterator[Tensor]:
    """How often each test image is drawn, (I,B), in batches of `AT_ONCE` of the `RESAMPLES` draws."""
    generator = torch.Generator().manual_seed(seed)
    members = [(labels == k).nonzero().flatten() for k in labels.unique()]
    for _ in range(RESAMPLES // AT_ONCE):
        weights = torch.zeros(len(labels), AT_ONCE)
        for rows in members:
            drawn = rows[torch.randint(len(rows), (len(rows), AT_ONCE), generator=generator)]
            weights.scatter_add_(0, drawn, torch.ones(drawn.shape))
        yield weights


def _weighted_auc(sides: Sides) -> Statistic:
    """The AUC of images with weights, ties counted half."""
    order = sides.negative.double().argsort()
    ordered, rows = sides.negative.double()[order], sides.negative_rows[order]
    positive = sides.positive.double()
    below = torch.searchsorted(ordered, positive), torch.searchsorted(ordered, positive, right=True)

    def value(weights: Tensor) -> Tensor:
        upto = F.pad(weights[rows].cumsum(0), (0, 0, 1, 0))  # whole numbers below 2^24: exact in float32
        beaten = (upto[below[0]].double() + upto[below[1]]) / 2
        own = weights[sides.positive_rows].double()
        return (own * beaten).sum(0) / (own.sum(0) * upto[-1])

    return value


def _weighted_share(one: Hits) -> Statistic:
    def value(weights: Tensor) -> Tensor:
        own = weights[one.rows].double()
        return (own * one.hits[:, None]).sum(0) / own.sum(0)

    return value


def _check(scores: Tensor, rows: Tensor, labels: Tensor) -> None:
    if len(scores) != len(rows) or (len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < len(labels)):
        raise ValueError(
            f"Every score belongs to one of {len(labels)} test images; got {len(scores)} scores and {len(rows)} places."
        )
    if bool(scores.isnan().any()):
        raise ValueError("A score is not a number; nothing can be said of these detectors. Measure them again.")
