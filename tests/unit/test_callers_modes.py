"""The modes that a caller is in: attacks, objectives and classifiers give what they give outside of them."""

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
from attack_cases import ATTACKS, CLASSES, Attack, SmallSystem, batch, small_system
from torch import nn

from aatviz.attacks import multi_targeted, objective, pgd
from aatviz.attacks.victims import WITH_REJECT, Victim
from aatviz.models.decisions import VictimName
from aatviz.models.networks import MadryNet


@contextmanager
def float64_by_default() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def bfloat16_by_autocast() -> AbstractContextManager[Any]:
    return torch.autocast("cpu", dtype=torch.bfloat16)


MODES: dict[str, Any] = {
    "inference": torch.inference_mode,
    "no gradients": torch.no_grad,
    "gradients off": lambda: torch.set_grad_enabled(False),
    "autocast": bfloat16_by_autocast,
    "float64": float64_by_default,
}
every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=list(MODES))
every_attack = pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))


@every_mode
@every_attack
def test_an_attack_gives_the_same_in_every_mode(attack: Attack, mode: Any) -> None:
    system, (x, y) = small_system(), batch()
    expected = attack(system, x, y)
    with mode():
        found = attack(system, x, y)
    assert torch.equal(found, expected)
    assert found.dtype == torch.float32
    assert not found.requires_grad


@every_attack
def test_all_may_have_been_made_in_inference_mode(attack: Attack) -> None:
    """Images, labels, eps, start and the networks themselves: no gradient goes through such tensors."""
    expected = attack(small_system(), *batch())
    with torch.inference_mode():
        system, (x, y) = small_system(), batch()
        inside = attack(system, x, y)
    assert torch.equal(inside, expected)
    assert torch.equal(attack(system, x, y), expected)


@every_attack
def test_what_an_attack_returns_in_inference_mode_can_be_attacked_again(attack: Attack) -> None:
    system, (x, y) = small_system(), batch()
    with torch.inference_mode():
        first = attack(system, x, y)
    assert torch.equal(attack(system, first, y), attack(system, first.clone(), y))


@every_mode
def test_a_random_start_is_the_same_in_every_mode(mode: Any) -> None:
    system, (x, y) = small_system(), batch()
    for p in ("Linf", "L2"):
        for attack in ("pgd", "apgd", "square"):
            settings = {} if attack == "square" else {"random_start": True}
            expected = ATTACKS[attack](system, x, y, norm=p, **settings)
            with mode():
                assert torch.equal(ATTACKS[attack](system, x, y, norm=p, **settings), expected)


@every_mode
@pytest.mark.parametrize("bf16", [False, True])
def test_an_objective_may_be_made_in_one_mode_and_used_in_another(bf16: bool, mode: Any) -> None:
    x, y = batch()
    expected = pgd(objective("detectors_max", small_system(), y=y, bf16=bf16), x, steps=2)
    system = small_system()
    with mode():
        goal = objective("detectors_max", system, y=y.clone(), bf16=bf16)
        first = goal(x)
    second = goal(x)
    assert torch.equal(first[1], second[1])
    assert torch.equal(pgd(goal, x, steps=2), expected)
    with torch.inference_mode():
        assert torch.equal(goal(x.clone())[1], second[1])


@every_mode
@pytest.mark.parametrize("bf16", [False, True])
def test_madrys_network_by_hand_is_the_same_in_every_mode(bf16: bool, mode: Any) -> None:
    torch.manual_seed(0)
    network = MadryNet(CLASSES, width=32).eval().requires_grad_(False)
    x, y = torch.rand(3, 1, 28, 28), torch.tensor([0, 1, 3])

    def run() -> torch.Tensor:
        return pgd(objective("cross_entropy", network, y=y, bf16=bf16), x, steps=2)

    with mode():
        inside = run()
    assert torch.equal(inside, run())


@every_attack
def test_networks_in_train_mode_are_attacked_as_in_eval_mode_and_left_as_they_were(attack: Attack) -> None:
    """Their running statistics too, and torch's own generator, which dropout would draw from."""
    system, (x, y) = with_dropout(), batch()
    expected = attack(system, x, y)
    modules = (system.detectors, system.classifier, system.robust_classifier)
    for module in modules:
        module.train()
    before = [copy.deepcopy(module.state_dict()) for module in modules]
    state = torch.get_rng_state()
    assert torch.equal(attack(system, x, y), expected)
    assert torch.equal(torch.get_rng_state(), state)
    for module, old in zip(modules, before, strict=True):
        assert all(part.training for part in module.modules())
        assert all(torch.equal(old[name], value) for name, value in module.state_dict().items())


@pytest.mark.parametrize("name", WITH_REJECT)
def test_a_victim_in_train_mode_is_judged_as_in_eval_mode(name: VictimName) -> None:
    system, (x, y) = with_dropout(), batch()
    victim = Victim(name=name, system=system)
    expected = *victim.judge(x), victim.rank_of(x, y), multi_targeted(victim, x, y, steps=2)
    modules = (system.detectors, system.classifier, system.robust_classifier)
    for module in modules:
        module.train()
    before = [copy.deepcopy(module.state_dict()) for module in modules]
    found = *victim.judge(x), victim.rank_of(x, y), multi_targeted(victim, x, y, steps=2)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    for module, old in zip(modules, before, strict=True):
        assert module.training
        assert all(torch.equal(old[key], value) for key, value in module.state_dict().items())


def test_a_classifier_in_train_mode_or_under_autocast_decides_as_in_eval_mode() -> None:
    system, (x, _) = with_dropout(), batch()
    classifiers = (system.generative, system.integrated)
    expected = [(one.scores(x), one.predict(x, 0.0)) for one in classifiers]
    modules = (system.detectors, system.classifier)
    for module in modules:
        module.train()
    with torch.autocast("cpu"):
        found = [(one.scores(x), one.predict(x, 0.0)) for one in classifiers]
    for one, other in zip(found, expected, strict=True):
        assert all(torch.equal(part, wanted) for part, wanted in zip(one, other, strict=True))
    assert all(part.training for module in modules for part in module.modules())


def with_dropout() -> SmallSystem:
    """A small system whose networks would lose half of their logits in train mode."""
    found = small_system()
    for module in (*found.detectors.networks, found.classifier, found.robust_classifier):
        assert isinstance(module, nn.Sequential)
        module.append(nn.Dropout(0.5).eval())
    return found


def test_an_objective_of_the_users_own_has_its_gradient_in_inference_mode() -> None:
    def goal(x_adv: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = x_adv.clone().requires_grad_()
        loss = leaf.square().flatten(1).sum(1)
        return loss, torch.autograd.grad(loss.sum(), leaf)[0]

    x, _ = batch()
    expected = pgd(goal, x, steps=3)
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            found = pgd(goal, x, steps=3)
        assert torch.equal(found, expected)
        assert not found.requires_grad


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_classifiers_and_victims_work_in_inference_mode(mode: Any) -> None:
    system, (x, y) = small_system(), batch()
    expected = system.generative.predict(x), system.integrated.predict(x), system.integrated.scores(x)
    with mode():
        found = system.generative.predict(x), system.integrated.predict(x), system.integrated.scores(x)
        Victim(name="robust", system=system).judge(x)
        Victim(name="integrated", system=system).rank_of(x, y)
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))
