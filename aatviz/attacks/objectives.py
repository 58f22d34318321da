"""Objectives: what an attack minimises. An attack never sees a model, only a callable x' -> (loss, gradient)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor, nn

from aatviz import losses
from aatviz.attacks.checks import ClassIndices, check_choice
from aatviz.detectors import DetectorBank

LossName = Literal[
    "classifier_margin",
    "detectors_max",
    "combined",
    "combined_surrogate",
    "cross_entropy",
    "cw",
    "target_logit",
    "detector_logit",
]
LOSSES: tuple[str, ...] = get_args(LossName)
TARGETED = ("target_logit", "detector_logit")
COMBINED = ("combined", "combined_surrogate")
"""Losses on f and H together."""


class Objective(Protocol):
    """x' (N,C,H,W) -> (loss (N,), by which iterates are ranked; gradient (N,C,H,W), against which an attack steps)."""

    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]: ...


class Victim(Protocol):
    """What `objective` needs of a system: the detector bank H and the classifier f."""

    @property
    def detectors(self) -> DetectorBank: ...
    @property
    def classifier(self) -> nn.Module: ...


class AutogradObjective:
    """The plain objective: one forward pass, and the gradient with respect to x' alone.

    `loss` maps x' to the loss (N,) that is differentiated, and the value (N,) by which iterates are ranked (most
    often the same). Modules are in eval mode during the call and as they were after it; their parameters get no
    gradient. With `bf16` the passes run under autocast; the logits come back as float32.
    """

    def __init__(
        self, loss: Callable[[Tensor], tuple[Tensor, Tensor]], modules: tuple[nn.Module, ...], bf16: bool = False
    ) -> None:
        self.loss, self.modules, self.bf16 = loss, modules, bf16

    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        x_adv = x_adv.detach().requires_grad_()
        with evaluating(self.modules), torch.enable_grad():
            with torch.autocast(x_adv.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                loss, rank = self.loss(x_adv)
            (grad,) = torch.autograd.grad(loss.sum(), x_adv)
        return rank.detach(), grad


@contextmanager
def evaluating(modules: tuple[nn.Module, ...]) -> Iterator[None]:
    """Eval mode for the modules, and afterwards train mode again for those parts that were in it."""
    in_training = [part for module in modules for part in module.modules() if part.training]
    for part in in_training:
        part.training = False
    try:
        yield
    finally:
        for part in in_training:
            part.training = True


def objective(
    name: LossName,
    victim: Victim | nn.Module,
    *,
    y: Tensor | None = None,
    target: Tensor | int | None = None,
    bf16: bool = False,
) -> Objective:
    """The objective that `aatviz.attacks.pgd` minimises.

    Args:
        name: one of `LOSSES`. `classifier_margin` attacks f, `combined` and `combined_surrogate` f and H, the others H.
        victim: a system; or, for every loss but the combined ones, a `DetectorBank` or a classifier alone.
        y: the true classes (N,), for the untargeted losses.
        target: the class (or detector k) to reach, for the targeted losses: one number, or one per sample (N,).
        bf16: passes in bfloat16, twice as fast on processors that have it. Score what you report in float32.

    Raises:
        ValueError: for an unknown name, a victim that the loss does not fit, or where `y` or `target` is missing or out
            of range. How many images there are, and a plain module's number of classes, is known at the first call.
    """
    check_choice("The loss", name, LOSSES)
    if name in TARGETED:
        if target is None:
            raise ValueError(f"{name} needs target=, the class whose logit is to rise.")
        return _targeted(name, _bank_or_module(victim), ClassIndices("target", target), bf16)
    if y is None:
        raise ValueError(f"{name} needs y=, the true classes (N,).")
    return _untargeted(name, victim, ClassIndices("y", y), bf16)


def _bank_or_module(victim: Victim | nn.Module) -> nn.Module:
    return victim if isinstance(victim, nn.Module) else victim.detectors


def _targeted(name: LossName, module: nn.Module, target: ClassIndices, bf16: bool) -> Objective:
    bank = module if isinstance(module, DetectorBank) else None
    if bank:
        target.check_range(bank.classes)
    elif name == "detector_logit":
        raise ValueError("detector_logit attacks one detector of a bank; for a classifier use target_logit.")

    def loss(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        if bank and isinstance(target.values, int):  # on a separate bank a single detector runs, not all of them
            value = -_float(bank.logit(x_adv, target.values))
        else:
            logits = _float(module(x_adv))
            value = losses.target_logit(logits, target.of(logits))
        return value, value

    return AutogradObjective(loss, (module,), bf16)


def _untargeted(name: LossName, victim: Victim | nn.Module, y: ClassIndices, bf16: bool) -> Objective:
    if name in COMBINED:
        return _combined(name, victim, y, bf16)
    if isinstance(victim, nn.Module):
        module = victim
    else:
        module = victim.classifier if name == "classifier_margin" else victim.detectors
    if isinstance(module, DetectorBank):
        y.check_range(module.classes)

    bank = module if isinstance(module, DetectorBank) and name == "detectors_max" else None

    def loss(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = _float(bank.logits_for_max(x_adv, y.for_images(x_adv)) if bank else module(x_adv))
        value = getattr(losses, name)(logits, y.of(logits))
        return value, value

    return AutogradObjective(loss, (module,), bf16)


def _combined(name: LossName, victim: Victim | nn.Module, y: ClassIndices, bf16: bool) -> Objective:
    if isinstance(victim, nn.Module):
        raise ValueError(f"{name} attacks a classifier and a detector bank together: it needs a system, not one module.")
    f, h = victim.classifier, victim.detectors
    y.check_range(h.classes)

    def loss(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        z_f, z_h = _float(f(x_adv)), _float(h.logits_for_max(x_adv, y.for_images(x_adv)))
        return getattr(losses, name)(z_f, z_h, y.of(z_f)), losses.combined_rank(z_f, z_h, y.of(z_h))

    return AutogradObjective(loss, (f, h), bf16)


def _float(logits: Tensor) -> Tensor:
    """At least float32: losses are never taken in half precision."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
