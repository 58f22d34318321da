"""Objectives: right gradients, modules left as they were found, and inputs checked."""

import copy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aatviz.attacks import COMBINED, LOSSES, TARGETED, objective, pgd
from aatviz.models import losses
from aatviz.models.detectors import DetectorBank

CLASSES = 4
UNTARGETED = [name for name in LOSSES if name not in TARGETED]


def network(outputs: int, dtype: torch.dtype = torch.float64) -> nn.Module:
    """Smooth, so that finite differences hold; with dropout, which eval mode must switch off."""
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Softplus(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(3 * 16, outputs)).to(
        dtype
    )


@dataclass
class TinySystem:
    detectors: DetectorBank
    classifier: nn.Module


def system(*, shared: bool = False, dtype: torch.dtype = torch.float64) -> TinySystem:
    torch.manual_seed(0)
    nets = [network(CLASSES, dtype)] if shared else [network(1, dtype) for _ in range(CLASSES)]
    return TinySystem(DetectorBank(nets, CLASSES), network(CLASSES, dtype))


def batch(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(5, 1, 6, 6, generator=generator, dtype=dtype), torch.tensor([0, 1, 2, 3, 1])


def arguments(name: str, y: Tensor) -> dict[str, Any]:
    return {"target": (y + 1) % CLASSES} if name in TARGETED else {"y": y}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_equals_finite_differences(name: Any, shared: bool) -> None:
    victim, (x, y) = system(shared=shared), batch()
    goal = objective(name, victim, **arguments(name, y))
    loss, grad = goal(x)
    assert loss.shape == (5,)
    assert grad.shape == x.shape

    def value(x: Tensor) -> Tensor:
        if name not in COMBINED:
            return goal(x)[0]
        f, h = victim.classifier.eval(), victim.detectors.eval()  # what is ranked is not what is differentiated
        return getattr(losses, name)(f(x), h(x), y)

    generator = torch.Generator().manual_seed(2)
    h = 1e-5
    for _ in range(4):
        direction = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        slope = (value(x + h * direction) - value(x - h * direction)) / (2 * h)
        torch.testing.assert_close((grad * direction).flatten(1).sum(1), slope, atol=1e-7, rtol=1e-6)


def test_the_batch_holds_both_cases_of_the_combined_loss() -> None:
    """Guards the test above: f is right about some of these images and wrong about others."""
    x, y = batch()
    right = system().classifier.eval()(x).argmax(1) == y
    assert right.any()
    assert not right.all()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", TARGETED)
def test_one_target_for_all_equals_the_same_target_for_each(name: Any, shared: bool) -> None:
    victim, (x, _) = system(shared=shared), batch()
    for target in (torch.full((5,), 2), torch.tensor(2)):
        for one, other in zip(objective(name, victim, target=2)(x), objective(name, victim, target=target)(x), strict=True):
            torch.testing.assert_close(one, other)


def test_on_a_separate_bank_one_target_runs_one_network() -> None:
    victim, (x, _) = system(), batch()
    calls = []
    for k, net in enumerate(victim.detectors.networks):
        net.register_forward_hook(lambda *_, k=k: calls.append(k))
    objective("detector_logit", victim, target=3)(x)
    assert calls == [3]


@pytest.mark.parametrize("name", LOSSES)
def test_the_callers_modules_are_left_as_they_were(name: Any) -> None:
    """One dropout in train mode, the rest in eval; some parameters frozen; no gradient is written, none is random."""
    victim, (x, y) = system(), batch()
    modules = (victim.detectors, victim.classifier)
    for module in modules:
        module.eval()
        for part in module.modules():
            if isinstance(part, nn.Dropout):
                part.train()
    victim.detectors.networks[0].requires_grad_(False)
    modes = [part.training for module in modules for part in module.modules()]
    needs = [parameter.requires_grad for module in modules for parameter in module.parameters()]
    values = [parameter.clone() for module in modules for parameter in module.parameters()]
    goal = objective(name, victim, **arguments(name, y))
    first, second = goal(x), goal(x)
    pgd(goal, x, steps=2)
    assert [part.training for module in modules for part in module.modules()] == modes
    assert [parameter.requires_grad for module in modules for parameter in module.parameters()] == needs
    for parameter, value in zip((p for m in modules for p in m.parameters()), values, strict=True):
        assert parameter.grad is None
        assert torch.equal(parameter, value)
    assert torch.equal(first[0], second[0])  # dropout was off
    assert not first[0].requires_grad
    assert not first[1].requires_grad


def test_modes_come_back_after_an_error_in_the_network() -> None:
    victim = system()
    victim.classifier.train()
    with pytest.raises(RuntimeError):
        objective("classifier_margin", victim, y=torch.tensor([0]))(torch.rand(1, 1, 2, 2, dtype=torch.float64))
    assert all(part.training for part in victim.classifier.modules())


def test_an_objective_works_where_gradients_are_switched_off() -> None:
    victim, (x, y) = system(), batch()
    with torch.no_grad():
        assert objective("detectors_max", victim, y=y)(x)[1].abs().sum() > 0


@pytest.mark.parametrize("name", UNTARGETED)
def test_an_untargeted_loss_attacks_the_module_that_it_names(name: Any) -> None:
    victim, (x, y) = system(), batch()
    called = set()
    victim.classifier.register_forward_hook(lambda *_: called.add("f"))
    for net in victim.detectors.networks:
        net.register_forward_hook(lambda *_: called.add("H"))
    objective(name, victim, y=y)(x)
    assert called == {"classifier_margin": {"f"}, **{key: {"f", "H"} for key in COMBINED}}.get(name, {"H"})


@pytest.mark.parametrize("name", [name for name in UNTARGETED if name not in COMBINED])
def test_a_classifier_alone_can_be_the_victim(name: Any) -> None:
    victim, (x, y) = system(), batch()
    goal = objective(name, victim.classifier, y=y)
    assert goal(x)[1].abs().sum() > 0


@pytest.mark.parametrize("name", LOSSES)
def test_bf16_is_close_to_float32_and_comes_back_as_float32(name: Any) -> None:
    victim, (x, y) = system(dtype=torch.float32), batch(torch.float32)
    exact, rounded = (objective(name, victim, **arguments(name, y), bf16=bf16)(x) for bf16 in (False, True))
    for one, other in zip(exact, rounded, strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(one, other, atol=0.02, rtol=0.05)
    assert not torch.equal(exact[1], rounded[1])  # it did run in bfloat16


@pytest.mark.parametrize("name", COMBINED)
def test_in_bf16_too_an_image_counts_as_fooled_only_where_it_is_in_float32(name: Any) -> None:
    """Loss 13 turns back at f's decision boundary: a best iterate that fools f in bfloat16 alone is none."""
    victim, (x, _) = system(dtype=torch.float32), batch(torch.float32)
    with torch.no_grad():
        z_f = victim.classifier.eval()(x)
    y = z_f.argmax(1)
    assert not torch.equal(z_f, z_f.bfloat16().float())
    assert torch.equal(objective(name, victim, y=y, bf16=True)(x)[0], losses.classifier_margin(z_f, y))


BAD = {
    "unknown loss": ("nonsense", {"y": torch.zeros(5).long()}, "detectors_max"),
    "no y": ("detectors_max", {}, "needs y="),
    "no target": ("target_logit", {}, "needs target="),
    "y too high": ("detectors_max", {"y": torch.tensor([0, 4])}, "y lies in 0..3; got 4"),
    "y too high for both": ("combined", {"y": torch.tensor([0, 4])}, "y lies in 0..3; got 4"),
    "y negative": ("cw", {"y": torch.tensor([0, -1])}, "y is a class index, at least 0; got -1"),
    "y no whole number": ("cw", {"y": torch.tensor([0.5, 1.0])}, "whole numbers; got torch.float32"),
    "y a table": ("cw", {"y": torch.zeros(5, 4).long()}, r"one class per image \(N,\); got the shape \(5, 4\)"),
    "target too high": ("detector_logit", {"target": 4}, "target lies in 0..3; got 4"),
    "one target too high": ("target_logit", {"target": torch.tensor([0, 4])}, "target lies in 0..3; got 4"),
    "target negative": ("target_logit", {"target": -1}, "at least 0; got -1"),
}


@pytest.mark.parametrize(("name", "given", "message"), BAD.values(), ids=list(BAD))
def test_bad_arguments_are_refused_at_the_door(name: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        objective(name, system(), **given)


@pytest.mark.parametrize(("name", "given"), [("classifier_margin", {"y": 3}), ("target_logit", {"target": 3})])
def test_a_label_beyond_a_plain_modules_outputs_is_refused_at_the_first_call(name: Any, given: dict[str, int]) -> None:
    labels = {key: torch.full((5,), value) for key, value in given.items()}
    goal = objective(name, network(3), **labels)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"lies in 0\.\.2; got 3"):
        goal(batch()[0])


@pytest.mark.parametrize("name", ["detectors_max", "target_logit"])
def test_as_many_labels_as_images_are_needed(name: Any) -> None:
    goal = objective(name, system(), **arguments(name, torch.tensor([0, 1])))
    with pytest.raises(ValueError, match=r"one class per image \(5,\); got 2"):
        goal(batch()[0])


def test_the_combined_loss_needs_a_classifier_and_a_bank() -> None:
    with pytest.raises(ValueError, match="needs a system"):
        objective("combined", system().detectors, y=batch()[1])


def test_detector_logit_needs_a_bank() -> None:
    with pytest.raises(ValueError, match="target_logit"):
        objective("detector_logit", system().classifier, target=1)


@pytest.mark.parametrize("name", ["detectors_max", "combined"])
def test_the_cheaper_gradient_of_a_separate_bank_is_the_full_one(name: Any) -> None:
    """On K networks only the strongest detector of each sample runs backward; the plain maximum is the oracle."""
    torch.manual_seed(3)
    bank = DetectorBank([network(1) for _ in range(CLASSES)], CLASSES).eval()
    system = TinySystem(detectors=bank, classifier=network(CLASSES).eval())
    x, y = torch.rand(24, 1, 6, 6, dtype=torch.float64), torch.arange(24) % CLASSES
    loss, grad = objective(name, system, y=y)(x)

    x_plain = x.clone().requires_grad_()
    z_f, z_h = system.classifier(x_plain), bank(x_plain)
    plain = losses.detectors_max(z_h, y) if name == "detectors_max" else losses.combined(z_f, z_h, y)
    rank = plain if name == "detectors_max" else losses.combined_rank(z_f, z_h, y)
    (expected,) = torch.autograd.grad(plain.sum(), x_plain)
    assert len(losses.max_other(z_h, y).unique()) > 1
    assert torch.allclose(grad, expected)
    assert torch.allclose(loss, rank)


@pytest.mark.parametrize("name", ["cross_entropy", "cw", "classifier_margin", "detectors_max"])
def test_a_network_in_float16_has_the_gradients_of_the_same_in_float32(name: Any) -> None:
    """A classifier that leads by 25 has a cross-entropy gradient of 1e-11, which is 0 in float16."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False)).requires_grad_(False)
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[8.0, 8.0, 8.0, 4.0], [-8.0, 0.0, 2.0, 1.0]]))
    half = copy.deepcopy(network).half()
    x, y = torch.full((2, 1, 2, 2), 0.75), torch.tensor([0, 0])
    modules = [DetectorBank([one], 2) if name == "detectors_max" else one for one in (network, half)]
    (loss, grad), (loss_16, grad_16) = (objective(name, one, y=y)(x) for one in modules)
    torch.testing.assert_close(loss_16, loss)
    torch.testing.assert_close(grad_16, grad, rtol=1e-3, atol=0.0)
    assert grad.abs().amax() > 0
