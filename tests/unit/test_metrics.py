"""Equations 7, 8, 14 and 15 by hand, AUC by counting pairs, intervals against published values."""

import pytest
import torch
from torch import Tensor

from aatviz import metrics
from aatviz.models.decisions import accepted

SCORES = torch.tensor([2.0, 1.0, 1.0, 0.0, -3.0])
MARKED = torch.tensor([True, True, False, True, False])
"""Misclassified (equations 8 and 15) or correct (equation 14)."""
THRESHOLDS = torch.tensor([-5.0, -3.0, 0.5, 1.0, 1.5, 2.0, 3.0])


def test_equation_7_counts_the_accepted_ties_included() -> None:
    torch.testing.assert_close(metrics.true_positive_rate(SCORES, THRESHOLDS), torch.tensor([5, 5, 3, 3, 1, 1, 0]) / 5.0)


@pytest.mark.parametrize(
    "equation", [metrics.false_positive_rate, metrics.accuracy_with_reject, metrics.error_with_reject], ids=["8", "14", "15"]
)
def test_equations_8_14_and_15_count_marked_and_accepted_out_of_all_samples(equation: object) -> None:
    """N counts the rejected and the unmarked as well: the rates of T = -infinity are 3/5, not 3/3."""
    assert callable(equation)
    torch.testing.assert_close(equation(SCORES, MARKED, THRESHOLDS), torch.tensor([3, 3, 2, 2, 1, 1, 0]) / 5.0)
    assert float(equation(SCORES, MARKED, 1.0)) == pytest.approx(2 / 5)
    assert float(equation(SCORES, torch.zeros(5, dtype=torch.bool), -9.0)) == 0


def test_a_sample_that_f_still_gets_right_is_no_false_positive_however_high_its_logit() -> None:
    scores = torch.tensor([99.0, -99.0])
    assert float(metrics.false_positive_rate(scores, torch.tensor([False, True]), 0.0)) == 0


@pytest.mark.parametrize(
    "marks", [MARKED.int(), MARKED.long(), MARKED.to(torch.uint8), MARKED.float(), MARKED[:4], MARKED[0]]
)
def test_marks_that_are_no_booleans_for_each_sample_are_an_error(marks: Tensor) -> None:
    """As indices, 0 and 1 would count the first two samples over and over."""
    with pytest.raises(ValueError, match=r"one boolean per score \(5,\)"):
        metrics.false_positive_rate(SCORES, marks, 0.0)


def test_whole_scores_are_held_against_the_threshold_itself() -> None:
    scores = torch.tensor([0, 1, 2, 3])
    torch.testing.assert_close(metrics.rate(scores, torch.tensor([0.0, 0.5, 2.5])).tolist(), [1.0, 0.75, 0.25])
    assert accepted(torch.zeros(4, dtype=torch.long), scores, 0.5).tolist() == [False, True, True, True]
    assert accepted(torch.tensor([0, 1, 0, 1]), scores, [0.5, 1.5]).tolist() == [False, False, True, True]


def test_the_rate_of_nothing_is_an_error_and_not_0() -> None:
    with pytest.raises(ValueError, match="no sample"):
        metrics.false_positive_rate(torch.zeros(0), torch.zeros(0, dtype=torch.bool), 0.0)


def brute_force_auc(positive: Tensor, negative: Tensor) -> float:
    difference = positive[:, None] - negative[None]
    return float((difference > 0).double().mean() + (difference == 0).double().mean() / 2)


@pytest.mark.parametrize("levels", [3, 10, 1_000_000], ids=["many ties", "some ties", "none"])
def test_auc_is_the_share_of_pairs_in_the_right_order_ties_half(levels: int) -> None:
    generator = torch.Generator().manual_seed(levels)
    positive = torch.randint(0, levels, (40,), generator=generator).float() + levels // 4
    negative = torch.randint(0, levels, (70,), generator=generator).float()
    expected = brute_force_auc(positive, negative)
    assert metrics.auc(positive, negative) == pytest.approx(expected, abs=1e-12)
    interval = metrics.auc_interval(positive, negative)
    assert interval.value == pytest.approx(expected, abs=1e-12)
    assert 0 <= interval.low < interval.value < interval.high <= 1
    assert interval.n == 70


def test_auc_by_hand() -> None:
    """Pairs of (1, 3) against (1, 2): tie, lose, win, win = 2.5 of 4."""
    assert metrics.auc(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0])) == 0.625


def test_a_perfect_auc_has_an_interval_that_says_how_few_samples_it_rests_on() -> None:
    few, many = (metrics.auc_interval(torch.ones(n), torch.zeros(n)) for n in (10, 1000))
    assert few.value == many.value == few.high == many.high == 1
    assert 0.6 < few.low < many.low < 1


@pytest.mark.parametrize(("positive", "negative"), [(3, 1000), (1000, 3)])
def test_a_perfect_auc_rests_on_the_smaller_side(positive: int, negative: int) -> None:
    found = metrics.auc_interval(torch.ones(positive), torch.zeros(negative))
    assert (found.value, found.high, found.n) == (1.0, 1.0, negative)
    assert found.low == metrics.wilson(3, 3).low
    alone = metrics.auc_interval(torch.tensor([0.5]), torch.linspace(0, 1, 1000))
    assert alone.low < 0.3
    assert alone.high > 0.7


@pytest.mark.parametrize(("positive", "negative"), [(0, 3), (3, 0)])
def test_auc_needs_both_sides(positive: int, negative: int) -> None:
    with pytest.raises(ValueError, match=f"{positive} positive and {negative} negative"):
        metrics.auc(torch.ones(positive), torch.ones(negative))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_that_of_newcombe_1998(successes: int, n: int, low: float, high: float) -> None:
    interval = metrics.wilson(successes, n)
    assert interval == pytest.approx((successes / n, low, high, n), abs=5e-5)
    mirrored = metrics.wilson(n - successes, n)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 3), (4, 3)])
def test_an_impossible_proportion_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"got {successes} of {n}"):
        metrics.wilson(successes, n)


@pytest.mark.slow
def test_the_auc_interval_covers_the_true_value_about_19_times_in_20() -> None:
    """600 samples of 60 + 60 normal scores one deviation apart: AUC = Phi(1/sqrt 2). Three deviations of 0.95 are 0.027."""
    true = float(torch.special.ndtr(torch.tensor(0.5).sqrt()))
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(600, 2, 60, generator=generator)
    intervals = [metrics.auc_interval(positive + 1, negative) for positive, negative in draws]
    coverage = sum(i.low <= true <= i.high for i in intervals) / len(intervals)
    assert coverage == pytest.approx(0.95, abs=0.027)
