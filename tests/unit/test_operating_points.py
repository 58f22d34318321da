"""Choosing thresholds, against cases that are small enough to count by hand."""

import itertools
from pathlib import Path

import pytest
import torch

import aatviz
from aatviz.thresholds import choose as operating_points
from aatviz.thresholds.choose import Costs
from aatviz.thresholds.curves import Decided, Decisions


def decided(logit: list[float], label: list[int], right: list[bool]) -> Decided:
    return Decided(logit=torch.tensor(logit), label=torch.tensor(label), right=torch.tensor(right))


# ten clean images: class 0 wins five of them, class 1 four, class 2 one
CLEAN = decided(
    [0.0, 1.0, 2.0, 3.0, 4.0, -1.04, 1.5, 2.5, 3.5, 7.0],
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 2],
    [True] * 10,
)
# six attacked ones; the fifth is still right, and costs nothing
ATTACKED = decided([0.5, 1.2, 3.2, 0.5, 9.0, -2.0], [0, 0, 1, 1, 0, 0], [False, False, False, False, True, False])


@pytest.mark.parametrize(
    ("rejection", "threshold"),
    [(0.0, -1.1), (0.09, -1.1), (0.1, 0.0), (0.2, 1.0), (0.3, 1.5), (0.9, 7.0)],  # -1.04 is rounded down to the grid
)
def test_the_highest_threshold_that_rejects_no_more_than_a_share(rejection: float, threshold: float) -> None:
    chosen = operating_points.accepting(CLEAN, rejection)
    assert chosen == threshold
    assert float((~CLEAN.accepted(chosen)).float().mean()) <= rejection + 1e-6


def test_a_score_a_hair_below_the_grid_is_not_rejected_by_a_threshold_on_it() -> None:
    on_it = torch.tensor(0.7)
    assert operating_points.accepting_scores(on_it.repeat(9), 0.0) == 0.7
    assert operating_points.accepting_scores(on_it.nextafter(torch.tensor(0.0)).repeat(9), 0.0) == 0.6


def test_a_held_out_score_of_nan_is_an_error() -> None:
    with pytest.raises(ValueError, match="NaN"):
        operating_points.accepting_scores(torch.tensor([1.0, torch.nan, 2.0]), 0.1)


def test_every_class_holds_the_share_by_itself() -> None:
    chosen = operating_points.accepting_per_class(CLEAN, 0.2, 4)
    assert chosen == (1.0, -1.1, 7.0, 1.0)  # 1 of 5; none of 4; none of 1; no image, so the T of all
    for k in range(3):
        own = CLEAN[CLEAN.label == k]
        assert float((~own.accepted(chosen)).float().mean()) <= 0.2 + 1e-6


@pytest.mark.parametrize("rejection", [-0.1, 1.0, 7.0])
def test_an_impossible_share_is_named(rejection: float) -> None:
    with pytest.raises(ValueError, match=rf"got {rejection}"):
        operating_points.accepting(CLEAN, rejection)


def test_the_expected_cost_by_hand() -> None:
    costs = Costs(miss=6.0, false_alarm=10.0, prior=0.25)
    # T = 1.5: of the attacked, only 3.2 is wrong and accepted (9.0 is right); of the clean, 0, 1 and -1.04 are rejected
    assert operating_points.expected_cost(CLEAN, ATTACKED, 1.5, costs) == pytest.approx(6 * 0.25 * 1 / 6 + 10 * 0.75 * 0.3)
    # T_0 = 0, T_1 = 3.5, T_2 = 0: 0.5 and 1.2 of class 0 are missed; -1.04, 1.5 and 2.5 of class 1 are rejected
    own = (0.0, 3.5, 0.0)
    assert operating_points.expected_cost(CLEAN, ATTACKED, own, costs) == pytest.approx(6 * 0.25 * 2 / 6 + 10 * 0.75 * 0.3)


@pytest.mark.parametrize(
    ("costs", "threshold"),
    [
        (Costs(miss=0.0), -1.1),  # misses are free: nothing natural is rejected, and no lower T is better
        (Costs(prior=0.0), -1.1),  # nobody attacks
        (Costs(false_alarm=0.0), 3.3),  # alarms are free: just above the last miss, 3.2
        (Costs(prior=1.0), 3.3),
        (Costs(miss=6.0, false_alarm=1.0, prior=0.5), 3.3),  # 4 clean ones more, 4 x 0.05, for 4 misses of 0.5 each
        (Costs(miss=0.5, false_alarm=1.0, prior=0.5), -1.1),  # a miss costs 0.042, an alarm 0.05: not worth it
    ],
)
def test_the_cheapest_threshold_by_hand(costs: Costs, threshold: float) -> None:
    assert operating_points.cheapest(CLEAN, ATTACKED, costs) == threshold


def test_the_cheapest_thresholds_beat_every_other_choice() -> None:
    costs = Costs(miss=1.5, false_alarm=1.0, prior=0.5)
    chosen = operating_points.cheapest_per_class(CLEAN, ATTACKED, costs, 3)
    found = operating_points.expected_cost(CLEAN, ATTACKED, chosen, costs)
    some = [-1.1, 0.0, 0.6, 1.3, 2.0, 3.3, 7.0, 9.1]
    others = [operating_points.expected_cost(CLEAN, ATTACKED, each, costs) for each in itertools.product(some, repeat=3)]
    assert found <= min(others) + 1e-9
    assert chosen[2] == 7.0  # no attacked image is taken for a 2: its one clean image is accepted


def test_where_a_miss_is_dear_everything_is_rejected() -> None:
    attacked = decided([9.96], [0], [False])
    chosen = operating_points.cheapest(CLEAN, attacked, Costs(miss=1e5))
    assert chosen == 10.0
    assert not CLEAN.accepted(chosen).any()
    assert not attacked.accepted(chosen).any()


def test_no_image_to_choose_on_is_named() -> None:
    nothing = decided([], [], [])
    with pytest.raises(ValueError, match="0 attacked"):
        operating_points.cheapest(CLEAN, nothing, Costs())
    with pytest.raises(ValueError, match="got 0"):
        operating_points.accepting(nothing, 0.01)


def test_only_held_out_images_and_the_first_half_decide() -> None:
    spoilt = decided([50.0] * 10, [0] * 10, [False] * 10)
    attacked = decided([0.5, 50.0, 1.2, 50.0], [0, 0, 0, 0], [False] * 4)
    decisions = Decisions(natural=spoilt, perturbed=attacked, held_out=CLEAN)
    costs = Costs(miss=6.0, false_alarm=1.0, prior=0.5)
    choosing, reporting = operating_points.halves(attacked)
    assert (choosing.logit.tolist(), reporting.logit.tolist()) == ([pytest.approx(0.5), pytest.approx(1.2)], [50.0, 50.0])
    assert operating_points.choose(decisions, costs) == operating_points.cheapest(CLEAN, choosing, costs) == 1.3
    assert operating_points.choose(decisions, 0.2) == 1.0
    assert operating_points.choose(decisions, 0.2, classes=3) == (1.0, -1.1, 7.0)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [({"miss": -1.0}, "miss"), ({"false_alarm": float("inf")}, "false_alarm"), ({"prior": 1.5}, "between 0 and 1")],
)
def test_costs_that_make_no_sense_are_named(wrong: dict[str, float], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Costs(**wrong)


@pytest.mark.parametrize(("value", "expected"), [(0.4334, 0.4), (0.4, 0.4), (-0.05, -0.1), (-0.3, -0.3), (3.0, 3.0)])
def test_the_grid_rounds_downwards(value: float, expected: float) -> None:
    assert operating_points.on_grid(value) == expected


def test_a_system_without_a_record_starts_at_zero(tiny_system_folder: Path) -> None:
    assert operating_points.default_threshold(aatviz.load_system("mnist-linf-0.3-shared")) == 0.0
