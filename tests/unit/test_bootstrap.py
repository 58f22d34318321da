"""Means over detectors with intervals from a bootstrap over the test images that the detectors share."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from aatviz import metrics
from aatviz.metrics import Hits, Sides, bootstrap, mean_auc_interval, mean_share_interval
from aatviz.metrics.format import bounds, interval, means_of

CLASSES, EACH, SHIFT, NOISE = 5, 40, 1.5, 0.3
LABELS = torch.arange(CLASSES).repeat(EACH)


def places(chosen: Tensor) -> Tensor:
    return chosen.nonzero().flatten()


def detectors(generator: torch.Generator) -> list[Sides]:
    """Scores of five detectors. What an image adds to its score as a negative, N(0, 1), is the same for all of them."""
    effect = torch.randn(len(LABELS), generator=generator)
    found = []
    for k in range(CLASSES):
        own, other = places(k == LABELS), places(k != LABELS)
        positive = SHIFT + NOISE * torch.randn(len(own), generator=generator)
        negative = effect[other] + NOISE * torch.randn(len(other), generator=generator)
        found.append(Sides(positive, own, negative, other))
    return found


def as_if_independent(found: list[Sides]) -> metrics.Interval:
    """sum_k var_k / K^2 with DeLong's variances: what ignores that detectors share images."""
    each = [metrics.auc_interval(sides.positive, sides.negative) for sides in found]
    spreads = [
        (math.log(one.high / (1 - one.high)) - math.log(one.low / (1 - one.low)))
        / (2 * metrics.Z95)
        * one.value
        * (1 - one.value)
        for one in each
    ]
    value = sum(one.value for one in each) / len(each)
    half = metrics.Z95 * math.sqrt(sum(spread**2 for spread in spreads)) / len(each)
    return metrics.Interval(value, value - half, value + half, 0)


@pytest.mark.slow
@pytest.mark.long
def test_the_interval_covers_the_true_mean_where_detectors_share_images_and_the_independent_one_does_not() -> None:
    """300 sets of images; three deviations of 0.95 are 0.038."""
    true = float(torch.special.ndtr(torch.tensor(SHIFT / math.sqrt(NOISE**2 + 1 + NOISE**2))))
    generator = torch.Generator().manual_seed(0)
    hits = {"bootstrap": 0, "independent": 0}
    for _ in range(300):
        found = detectors(generator)
        for name, mean in (("bootstrap", mean_auc_interval(found, LABELS)), ("independent", as_if_independent(found))):
            hits[name] += mean.low <= true <= mean.high
    assert hits["bootstrap"] / 300 == pytest.approx(0.95, abs=0.038)
    assert hits["independent"] / 300 < 0.90


def test_every_draw_is_the_auc_of_the_images_that_it_drew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights as repetitions, with ties, against the plain AUC."""
    generator = torch.Generator().manual_seed(1)
    sides = detectors(generator)[0]
    sides = sides._replace(positive=sides.positive.round(decimals=1), negative=sides.negative.round(decimals=1))
    weights = next(bootstrap._weights(LABELS, seed=3))[:, :5]
    values = bootstrap._weighted_auc(sides)(weights)
    for row, value in zip(weights.T.long(), values, strict=True):
        positive = sides.positive.repeat_interleave(row[sides.positive_rows])
        negative = sides.negative.repeat_interleave(row[sides.negative_rows])
        assert float(value) == pytest.approx(metrics.auc(positive, negative), abs=1e-9)


def test_images_are_drawn_within_their_class_and_the_same_ones_for_the_same_seed() -> None:
    first, again, other = (torch.cat(list(bootstrap._weights(LABELS, seed=seed)), dim=1) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (len(LABELS), bootstrap.RESAMPLES)
    for k in range(CLASSES):
        assert (first[k == LABELS].sum(0) == EACH).all()


def test_of_one_detector_the_interval_is_about_delongs() -> None:
    sides = detectors(torch.Generator().manual_seed(2))[0]
    mean, delong = mean_auc_interval([sides], LABELS), metrics.auc_interval(sides.positive, sides.negative)
    assert (mean.value, mean.n) == (delong.value, delong.n)
    assert mean.high - mean.low == pytest.approx(delong.high - delong.low, rel=0.15)


def test_perfect_detectors_have_an_interval_that_more_images_narrow() -> None:
    lows = []
    for each in (10, 100):
        labels = torch.arange(2).repeat(each)
        rows = [(places(labels == k), places(labels != k)) for k in range(2)]
        found = mean_auc_interval([Sides(torch.ones(each), own, torch.zeros(each), other) for own, other in rows], labels)
        assert (found.value, found.high, found.n) == (1.0, 1.0, 2 * each)
        lows.append(found.low)
    assert 0 < lows[0] < lows[1] < 1
    assert all(one <= other for one, other in pairwise(lows))


def test_perfect_detectors_of_few_own_images_have_a_wide_interval() -> None:
    """Three images of each class against a thousand of neither."""
    labels = torch.tensor([0] * 3 + [1] * 3 + [2] * 1000)
    others = (labels == 2).nonzero().flatten()
    sides = [Sides(torch.ones(3), (labels == k).nonzero().flatten(), torch.zeros(1000), others) for k in (0, 1)]
    found = mean_auc_interval(sides, labels)
    assert (found.value, found.n) == (1.0, 2000)
    assert found.low == metrics.wilson(6, 6).low


def test_the_mean_of_shares_is_a_binomial_one_where_one_detector_asks() -> None:
    hits = torch.arange(len(LABELS)) % 4 == 0
    found = mean_share_interval([Hits(hits, torch.arange(len(LABELS)))], LABELS)
    plain = metrics.share(hits)
    assert found.value == plain.value
    assert found.high - found.low == pytest.approx(plain.high - plain.low, rel=0.15)


def test_what_cannot_be_counted_is_refused() -> None:
    sides = detectors(torch.Generator().manual_seed(0))[0]
    with pytest.raises(ValueError, match="got none"):
        mean_auc_interval([], LABELS)
    with pytest.raises(ValueError, match="160 scores and 159 places"):
        mean_auc_interval([sides._replace(negative_rows=sides.negative_rows[1:])], LABELS)
    with pytest.raises(ValueError, match="not a number"):
        mean_auc_interval([sides._replace(negative=torch.full((160,), torch.nan))], LABELS)


def test_an_interval_is_written_in_one_way() -> None:
    value = metrics.Interval(0.98765, 0.97654, 0.99123, 9000)
    assert interval(value) == interval(value._asdict()) == "0.9877 (0.9765 to 0.9912)"
    assert interval(value, 1, percent=True, with_n=True) == "98.8% (97.7% to 99.1%, n = 9,000)"
    assert bounds(value, 2) == "0.98 to 0.99"


def test_a_record_without_intervals_of_its_means_is_given_none() -> None:
    row = {"natural": value(0.9), "worst": value(0.5), "last": {"Adam": value(0.6)}, "best": {}}
    record = {"rows": [row, row], "mean": {"natural": 0.9, "worst": 0.5, "last": {"Adam": 0.6}, "best": {}, "paper": {}}}
    means = means_of(record)
    assert means["last"]["Adam"] == {"value": 0.6, "n": 20}
    assert interval(means["worst"]) == "0.5000 (no interval)"


def value(of: float) -> dict[str, float]:
    return {"value": of, "low": of - 0.1, "high": of + 0.1, "n": 10}
