"""Numbers that are none: an attack that is told NaN says so, and half precision is computed in float32."""

from typing import Any

import pytest
import torch
from attack_cases import ATTACKS, IN_A_BALL, Attack, batch, small_system
from torch import Tensor, nn

from aatviz import metrics
from aatviz.attacks import NORMS, OPTIMIZERS, apgd, min_distortion, norm, objective, pgd, pgd_until_success, square
from aatviz.attacks.victims import WITH_REJECT, Victim
from aatviz.thresholds import curves
from aatviz.thresholds.curves import Decided

every_attack = pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))


@every_attack
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_images_of_half_precision_are_attacked_in_float32(attack: Attack, dtype: torch.dtype) -> None:
    system, (x, y) = small_system(), batch()
    found = attack(system, x.to(dtype), y)
    assert found.dtype == torch.float32
    assert torch.equal(found, attack(system, x.to(dtype).float(), y))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("p", NORMS)
def test_cross_entropy_on_images_of_half_precision_is_a_number(p: Any, dtype: torch.dtype) -> None:
    system, (x, y) = small_system(), batch()
    for keep in ("best", "last"):
        found = pgd(objective("cross_entropy", system, y=y), x.to(dtype), norm=p, steps=3, keep=keep)  # type: ignore[arg-type]
        assert found.isfinite().all()
        assert (norm(found - x.to(dtype).to(found), p) > 0).all()


@every_attack
def test_a_network_of_another_precision_than_the_images_works(attack: Attack) -> None:
    """Images in float64 on weights in float32, and in float32 on weights in bfloat16."""
    system, (x, y) = small_system(), batch()
    assert attack(system, x.double(), y).dtype == torch.float64
    for module in (system.detectors, system.classifier, system.robust_classifier):
        module.bfloat16()
    assert attack(system, x, y).dtype == torch.float32


def broken(what: str, value: float, only: int | None = None) -> Any:
    """A sum of the pixels, whose loss, gradient or both are no number, for all images or one, from the second call on."""
    calls = 0

    def goal(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal calls
        calls += 1
        loss, grad = x_adv.flatten(1).sum(1), torch.ones_like(x_adv)
        rows = slice(None) if only is None else slice(only, only + 1)
        if calls > 1:
            if what != "gradient":
                loss[rows] = value
            if what != "loss":
                grad[rows, 0, 0, 0] = value
        return loss, grad

    return goal


@pytest.mark.parametrize("what", ["loss", "gradient", "both"])
@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize("only", [None, 1])
def test_a_nan_is_an_error_and_never_a_strong_defence(what: str, p: Any, only: int | None) -> None:
    x, _ = batch()
    message = f"no direction for {3 if only is None else 1} of 3 images"
    for optimizer in OPTIMIZERS:
        for keep in ("best", "last"):
            with pytest.raises(ValueError, match=message):
                pgd(broken(what, torch.nan, only), x, norm=p, optimizer=optimizer, keep=keep, steps=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        pgd(broken(what, torch.nan, only), x, norm=p, restarts=3, steps=1, callback=lambda it: it.restart == 1)
    with pytest.raises(ValueError, match=message):
        apgd(broken(what, torch.nan, only), x, norm=p, steps=3)
    with pytest.raises(ValueError, match="no direction"):
        pgd_until_success(lambda rows: broken(what, torch.nan), x, norm=p, steps=3)
    with pytest.raises(ValueError, match=message):
        min_distortion(broken(what, torch.nan, only), lambda x_adv, rows: torch.ones(len(rows)).bool(), x, depth=2, steps=2)
    if what != "gradient":
        goal = broken(what, torch.nan, only)
        with pytest.raises(ValueError, match=message):
            square(lambda x_adv: goal(x_adv)[0], x, norm=p, queries=3)


@pytest.mark.parametrize("value", [torch.inf, -torch.inf])
def test_an_infinite_loss_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="no direction for 3 of 3"):
        pgd(broken("loss", value), batch()[0], steps=2)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("p", NORMS)
def test_a_flat_loss_is_a_number(p: Any, optimizer: Any) -> None:
    x, _ = batch()

    def flat(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros(len(x_adv)), torch.zeros_like(x_adv)

    torch.testing.assert_close(pgd(flat, x, norm=p, optimizer=optimizer, steps=3), x)
    apgd(flat, x, norm=p, steps=3)


def break_weights(system: Any, value: float) -> None:
    for module in (system.detectors, system.classifier, system.robust_classifier):
        next(module.parameters()).data.view(-1)[0] = value


@every_attack
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_an_error(attack: Attack, value: float) -> None:
    system = small_system()
    break_weights(system, value)
    with pytest.raises(ValueError, match=r"no direction|NaN"):
        attack(system, *batch())


@pytest.mark.parametrize("name", WITH_REJECT)
def test_a_victim_whose_weights_are_no_numbers_is_an_error(name: Any) -> None:
    system, (x, y) = small_system(), batch()
    break_weights(system, torch.nan)
    victim = Victim(name=name, system=system)
    assert victim.rank_of(x, y).isnan().all()
    for scenario in ("classifier", "detectors", "combined"):
        with pytest.raises(ValueError, match="no direction for 3 of 3"):
            pgd(victim.untargeted(scenario, y), x, steps=1)
    with pytest.raises(ValueError, match="NaN"):
        victim.judge(x)


class OddGradient(nn.Module):
    """Logits that are numbers, and a gradient that is none: the root of 0 has no slope."""

    def forward(self, x: Tensor) -> Tensor:
        size = (x - x.detach()).square().sum((1, 2, 3)).sqrt()
        return torch.stack([x.sum((1, 2, 3)) + size, -x.sum((1, 2, 3))], dim=1)


@pytest.mark.parametrize("name", ["pgd", "pgd, last", "pgd, restarts", "apgd", "until success"])
def test_a_module_with_a_gradient_of_nan_is_an_error(name: str) -> None:
    x, y = batch()
    with pytest.raises(ValueError, match="no direction for 3 of 3"):
        IN_A_BALL[name](OddGradient(), x, y % 2)


@pytest.mark.parametrize("scores", [torch.tensor([1.0, torch.nan]), torch.tensor([torch.nan, torch.nan])])
def test_rates_of_scores_that_are_no_numbers_are_an_error(scores: Tensor) -> None:
    for thresholds in (0.0, torch.tensor([0.0, 1.0])):
        with pytest.raises(ValueError, match="NaN"):
            metrics.true_positive_rate(scores, thresholds)
    with pytest.raises(ValueError, match="NaN"):
        metrics.true_positive_rate(torch.tensor([1.0, 2.0]), torch.tensor([0.0, torch.nan]))
    with pytest.raises(ValueError, match="NaN"):
        metrics.auc(scores, torch.tensor([1.0, 2.0]))
    with pytest.raises(ValueError, match="NaN"):
        Decided(logit=scores, label=torch.tensor([0, 1]), right=torch.tensor([True, False]))


def test_thresholds_of_nan_are_a_sentence_for_curves() -> None:
    one = Decided(logit=torch.tensor([1.0, 2.0]), label=torch.tensor([0, 1]), right=torch.tensor([True, False]))
    decisions = curves.Decisions(natural=one, perturbed=one, held_out=one)
    for threshold in (torch.nan, (0.0, torch.nan)):
        with pytest.raises(ValueError, match="NaN"):
            curves.at(decisions, threshold)
    with pytest.raises(ValueError, match="NaN"):
        curves.curve(decisions, torch.tensor([0.0, torch.nan]))


@pytest.mark.parametrize("name", ["generative", "integrated"])
def test_classifiers_refuse_thresholds_and_logits_that_are_no_numbers(name: str) -> None:
    system, (x, _) = small_system(), batch()
    with pytest.raises(ValueError, match="NaN"):
        getattr(system, name).predict(x, torch.nan)
    break_weights(system, torch.nan)
    with pytest.raises(ValueError, match="NaN"):
        getattr(system, name).predict(x)
