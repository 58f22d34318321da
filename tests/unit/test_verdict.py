"""From scores to a verdict: errors, thresholds, and the checks for masked gradients, by hand."""

import math

import pytest
import torch
from torch import Tensor

from aatviz.evaluate.honest import run, sweeps, verdict
from aatviz.evaluate.honest.protocol import Budget
from aatviz.recipes.evaluation import HonestEvaluation
from aatviz.thresholds.choose import accepting_scores

NOTHING = -math.inf


def test_errors_and_the_worst_case_by_hand() -> None:
    scores = {"a": torch.tensor([1.0, NOTHING, 3.0, NOTHING]), "b": torch.tensor([NOTHING, 2.0, 1.0, NOTHING])}
    found = verdict.errors(scores, 2.0)
    assert {name: value.value for name, value in found.items()} == {"a": 0.25, "b": 0.25, verdict.EVERY: 0.5}
    assert found["a"].n == 4
    assert verdict.worst_case(scores).tolist() == [1.0, 2.0, 3.0, NOTHING]


def test_the_checks_tell_masked_gradients() -> None:
    yes, no = torch.tensor([1.0, 1.0]), torch.tensor([NOTHING, NOTHING])
    fine = verdict.masking_checks({"detectors": yes, "Square": no}, {"eps": torch.stack([no, yes])}, {}, 0.0)
    assert [check["passed"] for check in fine] == [True, True, True]
    masked = verdict.masking_checks({"detectors": no, "Square": yes}, {"eps": torch.stack([yes, no, no])}, {}, 0.0)
    assert [check["passed"] for check in masked] == [False, False, False]
    assert all("lower bound" in check["words"] for check in masked)
    assert not any("lower bound" in check["words"] for check in fine)
    many = torch.stack([torch.ones(100), torch.cat([torch.ones(90), torch.full((10,), NOTHING)])])
    assert not verdict.masking_checks({"detectors": yes}, {"eps": many}, {}, 0.0)[0]["passed"]
    assert "2 of 2 images are fooled by Square alone" in masked[0]["words"]


def fooled(*counts: int) -> Tensor:
    """Scores (L,100) of a sweep whose settings fool so many of 100 images."""
    return torch.stack([torch.cat([torch.ones(n), torch.full((100 - n,), NOTHING)]) for n in counts])


@pytest.mark.parametrize(("counts", "passed"), [((98, 100, 98), True), ((100, 99, 98, 97), False), ((97, 100, 97), False)])
def test_a_larger_ball_may_do_worse_by_two_of_a_hundred_images(counts: tuple[int, ...], passed: bool) -> None:
    check, _ = verdict.masking_checks({"detectors": torch.ones(2)}, {"eps": fooled(*counts)}, {}, 0.0)
    assert check["passed"] is passed


@pytest.mark.parametrize("sweep", ["steps", "step_size"])
@pytest.mark.parametrize(
    ("counts", "used", "passed"),
    [((10, 60, 62), 1, True), ((60, 57, 60, 60), 1, False), ((5,), 0, True), ((10, 20, 40), 0, False)],
)
def test_an_attack_that_another_setting_still_helps_is_not_done(
    sweep: str, counts: tuple[int, ...], used: int, passed: bool
) -> None:
    """However far the setting lies from the protocol's own."""
    (check,) = verdict.masking_checks({"detectors": torch.ones(2)}, {sweep: fooled(*counts)}, {sweep: used}, 0.0)
    assert check["passed"] is passed
    assert f"own setting: {counts[used]}%" in check["words"]
    assert ("the worst of all is 100.0%" in check["words"]) is not passed


def test_a_check_says_where_no_setting_of_a_sweep_is_the_protocols_own() -> None:
    """In L2 the protocol steps by 0.4 eps, and the sweep by 0.33 eps."""
    for ball, same in ((Budget(norm="Linf", eps=0.3), True), (Budget(norm="L2", eps=2.5), False)):
        own = {"steps": ball.steps, "step_size": ball.step_size, "eps": ball.eps}
        chains = {sweep: sweeps.settings(HonestEvaluation(), sweep, ball.norm, ball.eps, 784) for sweep in sweeps.SWEEPS}
        held = {sweep: sweeps.holds(chain, sweep, own[sweep]) for sweep, chain in chains.items()}
        assert held == {"steps": True, "step_size": same, "eps": True}
    scores, swept = {"a": torch.ones(2)}, {"steps": fooled(9, 9)}
    words = [verdict.masking_checks(scores, swept, {"steps": 0}, 0.0, nearly)[0]["words"] for nearly in ((), ("steps",))]
    assert "The protocol's own setting: 9%" in words[0]
    assert "The setting nearest to the protocol's own: 9%" in words[1]


def test_the_threshold_at_a_cost_keeps_as_much_accuracy_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "COST", 0.2)
    natural = {"score": torch.tensor([5.0, 1, 2, 3, 4]), "right": torch.tensor([True, True, False, True, True])}
    found = run._at_cost(natural, {"a": torch.tensor([2.5, 3.0, 9.0, NOTHING])})
    assert (found["threshold"], found["accuracy"]["value"], found["error"]["a"]["value"]) == (3.0, pytest.approx(0.6), 0.5)
    none = run._at_cost(natural | {"right": torch.zeros(5, dtype=torch.bool)}, {"a": torch.tensor([0.0, NOTHING])})
    assert none["error"]["a"]["value"] == 0.5


@pytest.mark.parametrize(("few", "many", "passed"), [(40, 42, True), (40, 43, False)])
def test_an_attack_that_more_restarts_still_help_is_not_done(few: int, many: int, passed: bool) -> None:
    a, b = fooled(few, many)
    (check,) = verdict.masking_checks({"margin": a, "margin, 9 restarts": b}, {}, {}, 0.0)
    assert check["passed"] is passed
    assert f"{few}.0%" in check["words"]
    assert f"9 restarts {many}.0%" in check["words"]


def test_a_threshold_rejects_no_more_held_out_images_than_asked() -> None:
    held_out = torch.arange(200) / 7
    threshold = accepting_scores(held_out, 0.05)
    assert 0.04 < (held_out < threshold).double().mean().item() <= 0.05
