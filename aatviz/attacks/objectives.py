"""Objectives: what an attack minimises. An attack never sees a model, only a callable x' -> (loss, gradient)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor, nn

from aatviz import losses
from aatviz.attacks.checks import check_choice, check_labels
from aatviz.detectors import DetectorBank

LossName = Literal[
    "classifier_margin", "detectors_max", "combined", "cross_entropy", "cw", "target_logit", "detector_logit"
]
LOSSES: tuple[str, ...] = get_args(LossName)
TARGETED = ("target_logit", "detector_logit")


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
        name: one of `LOSSES`. `classifier_margin` attacks f, `combined` f and H, the others H.
        victim: a system; or a `DetectorBank` or classifier, whose logits then serve as both z_f and z_H.
        y: the true classes (N,), for the untargeted losses.
        target: the class (or detector k) to reach, for the targeted losses: one number, or one per sample (N,).
        bf16: passes in bfloat16, twice as fast on processors that have it. Score what you report in float32.

    Raises:
        ValueError: for an unknown name, or where `y` or `target` is missing or out of range.
    """
    check_choice("The loss", name, LOSSES)
    if name in TARGETED:
        if target is None:
            raise ValueError(f"{name} needs target=, the class whose logit is to rise.")
        return _targeted(name, _bank_or_module(victim), target, bf16)
    if y is None:
        raise ValueError(f"{name} needs y=, the true classes (N,).")
    return _untargeted(name, victim, y, bf16)


def _bank_or_module(victim: Victim | nn.Module) -> nn.Module:
    return victim if isinstance(victim, nn.Module) else victim.detectors


def _targeted(name: LossName, module: nn.Module, target: Tensor | int, bf16: bool) -> Objective:
    if name == "detector_logit" and not isinstance(module, DetectorBank):
        raise ValueError("detector_logit attacks one detector of a bank; for a classifier use target_logit.")

    def loss(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(target, int) and isinstance(module, DetectorBank):
            if not 0 <= target < module.classes:
                raise ValueError(f"target lies in 0..{module.classes - 1}; got {target}.")
            value = -module.logit(x_adv, target).float()
        else:
            logits = module(x_adv).float()
            wanted = torch.as_tensor(target, device=x_adv.device).expand(len(x_adv))
            value = losses.target_logit(logits, check_labels("target", wanted, len(x_adv), logits.shape[1]))
        return value, value

    return AutogradObjective(loss, (module,), bf16)


def _untargeted(name: LossName, victim: Victim | nn.Module, y: Tensor, bf16: bool) -> Objective:
    is_module = isinstance(victim, nn.Module)
    f = victim if isinstance(victim, nn.Module) else victim.classifier
    h = _bank_or_module(victim)

    def loss(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        if name == "combined":
            z_f = f(x_adv).float()
            z_h = z_f if is_module else h(x_adv).float()
            labels = check_labels("y", y, len(x_adv), z_f.shape[1])
            return losses.combined(z_f, z_h, labels), losses.combined_rank(z_f, z_h, labels)
        logits = (f if name == "classifier_margin" else h)(x_adv).float()
        value = getattr(losses, name)(logits, check_labels("y", y, len(x_adv), logits.shape[1]))
        return value, value

    return AutogradObjective(loss, (f, h), bf16)
