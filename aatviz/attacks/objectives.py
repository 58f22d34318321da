"""Objectives: what an attack minimises. An attack never sees a model, only a callable x' -> (loss, gradient)."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor, nn

from aatviz.attacks.checks import Classes, ClassIndices, check_choice, check_images, only_read
from aatviz.attacks.geometry import per_sample
from aatviz.attacks.passes import Pass, Prepared, prepared
from aatviz.attacks.shortlist import Shortlist, Shortlisted
from aatviz.models import losses
from aatviz.models.checks import check_fits, image_shape
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import evaluating

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
_PRECISE = (torch.float32, torch.float64)
TARGETED = ("target_logit", "detector_logit")
COMBINED = ("combined", "combined_surrogate")
"""Losses on f and H together."""


class Objective(Protocol):
    """x' (N,C,H,W) -> (loss (N,), by which iterates are ranked; gradient (N,C,H,W), which an attack descends)."""

    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]: ...


class AttackedSystem(Protocol):
    """What `objective` needs of a system: the detector bank H and the classifier f."""

    @property
    def detectors(self) -> DetectorBank: ...
    @property
    def classifier(self) -> nn.Module: ...


class LogitsObjective:
    """A loss on the logits of one or several modules: one forward pass of each, and the gradient with respect to x'.

    `loss` maps the modules' logits, (N,K) each and at least float32, to the loss (N,) that is differentiated, and the value
    (N,) by which iterates are ranked (most often the same). A sample goes backward only through the modules, and the
    detectors of a bank, that its loss depends on. Modules are in eval mode during the call, and afterwards in their own mode
    again. Their parameters get no gradient. The weights are those of the moment of the call, or of the moment when an attack
    begins (`fixed`). Where `bf16` is True for a module, its passes run in bfloat16; the loss never does. Callers keep a
    classifier whose decision switches the loss in its own precision: else the best iterate might fool it in bfloat16 alone.
    Where one module's logits alone count and the loss has a known gradient, `direct` maps them to the loss (N,), which is
    also the rank, and its gradient (N,K): for a small network, autograd through a few logits takes longer than its passes.
    `for_attack` makes an objective that takes this one's place during one attack, and remembers its steps.
    """

    def __init__(
        self,
        loss: Callable[..., tuple[Tensor, Tensor]],
        modules: tuple[nn.Module, ...],
        bf16: tuple[bool, ...],
        direct: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None,
        for_attack: Callable[[], Objective] | None = None,
    ) -> None:
        self.loss, self.modules, self.bf16, self.direct, self.for_attack = loss, modules, bf16, direct, for_attack

    @torch.inference_mode(False)
    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        x_adv = check_images(x_adv)
        return self.fixed()(x_adv)

    def fixed(self) -> Objective:
        """The same objective for one attack: the weights are read once, now, and images are no longer checked, since the
        attack has done it."""
        if self.for_attack:
            return self.for_attack()
        through = [prepared(module, half) for module, half in zip(self.modules, self.bf16, strict=True)]
        return partial(self._at, through, image_shape(*self.modules))

    def _at(self, through: list[Prepared], shape: torch.Size | None, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        check_fits(x_adv, shape)
        with evaluating(self.modules) if any(one.has_mode for one in through) else nullcontext():
            passes = [one(x_adv) for one in through]
            if self.direct:
                value, grad = self.direct(_float(passes[0].logits))
                return value, _backward(passes[0], grad).to(x_adv.dtype)
            logits = [_float(one.logits).requires_grad_() for one in passes]
            with torch.enable_grad():
                loss, rank = self.loss(*logits)
                found = torch.autograd.grad(loss.sum(), logits, allow_unused=True)
            several = len(passes) > 1
            parts = [_backward(one, z, several) for one, z in zip(passes, found, strict=True) if z is not None]
        return rank.detach(), (parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)).to(x_adv.dtype)


def fixed(objective: Objective) -> Objective:
    """The objective for one attack: whether weights have changed is asked once, now, and not at every step."""
    return objective.fixed() if isinstance(objective, LogitsObjective) else objective


def asked(objective: Objective, x_adv: Tensor) -> tuple[Tensor, Tensor]:
    """An objective's loss (N,) and gradient (N,C,H,W) at x', for an attack: without graphs, the gradient in the precision of
    the images, and the loss a copy, since an objective may write all its losses into one place."""
    with only_read(x_adv, "The objective") as shown:
        found = objective(shown)
    if not isinstance(found, tuple | list) or len(found) != 2 or not all(isinstance(part, Tensor) for part in found):
        raise ValueError(
            "An objective gives two tensors, one loss per image (N,) and the gradient (N,C,H,W); got "
            f"{type(found).__name__}. See aatviz.objective."
        )
    loss, grad = found
    return loss.detach().clone(), grad.detach().to(x_adv.dtype)


def begin_run(objective: Objective) -> None:
    """Tell a `fixed` objective that a run begins, which has nothing to do with the steps before."""
    if begin := getattr(objective, "begin", None):
        begin()


def objective(
    name: LossName,
    victim: AttackedSystem | nn.Module,
    *,
    y: Classes | None = None,
    target: Classes | None = None,
    bf16: bool = False,
    shortlist: Shortlist | None = None,
) -> Objective:
    """The objective that `aatviz.attacks.pgd` minimises.

    Args:
        name: one of `LOSSES`. `classifier_margin` attacks f, `combined` and `combined_surrogate` f and H, the others H.
            `cross_entropy` fades where the true class leads by far: in float32, the part of its gradient that goes through
            the true class's own logit is 0 from a lead of 17 on, and all of it from one of 103 on. The others do not.
        victim: a system; or, for every loss but the combined ones, a `DetectorBank` or a classifier alone.
        y: the true classes (N,), for the untargeted losses: a tensor, an array or a list of whole numbers.
        target: the class (or detector k) to reach, for the targeted losses: one number, or one per sample (N,). Like y, it
            names a class of the data set, not a column of the bank: a bank may have detectors of some classes only.
        bf16: passes in bfloat16, twice as fast on processors that have it; in the combined losses only the passes of the
            detectors. Compute the scores that you report in float32.
        shortlist: for `detectors_max` on a separate bank: between full passes, only the strongest rivals of each image run.
            1.8 (bfloat16) to 2.7 times (float32) as fast with ten networks; see `Shortlist`.

    Returns:
        An `Objective`: images (N,C,H,W) in [0,1] -> (loss (N,), gradient (N,C,H,W)).

    Raises:
        ValueError: for an unknown name, a victim that the loss does not fit, or where `y` or `target` is missing, out of
            range, or a class that the bank has no detector of; for a shortlist where one pass has all logits. The number of
            images, and of the classes of a plain module, is checked at the first call.
    """
    check_choice("The loss", name, LOSSES)
    if shortlist:
        _check_shortlist(name, _bank_or_module(victim))
    if name in TARGETED:
        if target is None:
            raise ValueError(f"{name} needs target=, the class whose logit is to rise.")
        return _targeted(name, _bank_or_module(victim), ClassIndices("target", target), bf16)
    if y is None:
        raise ValueError(f"{name} needs y=, the true classes (N,).")
    return _untargeted(name, victim, ClassIndices("y", y), bf16, shortlist)


def _check_shortlist(name: LossName, module: nn.Module) -> None:
    if name != "detectors_max" or not isinstance(module, DetectorBank) or len(module.networks) < 2:
        raise ValueError(
            "A shortlist is for detectors_max on a bank of several networks: elsewhere one pass has all logits."
        )


def _bank_or_module(victim: AttackedSystem | nn.Module) -> nn.Module:
    return victim if isinstance(victim, nn.Module) else victim.detectors


def _targeted(name: LossName, module: nn.Module, target: ClassIndices, bf16: bool) -> Objective:
    if isinstance(module, DetectorBank):
        target = target.among(module.classes)
        if isinstance(target.values, int) and not module.shared:  # one detector runs, not all of them
            module, target = module.networks[target.values], ClassIndices("target", 0)
    elif name == "detector_logit":
        raise ValueError("detector_logit attacks one detector of a bank; for a classifier use target_logit.")

    def loss(logits: Tensor) -> tuple[Tensor, Tensor]:
        value = losses.target_logit(logits, target.of(logits))
        return value, value

    def direct(logits: Tensor) -> tuple[Tensor, Tensor]:
        return losses.target_logit_and_gradient(logits, *target.columns(logits))

    return LogitsObjective(loss, (module,), (bf16,), direct)


def _untargeted(
    name: LossName, victim: AttackedSystem | nn.Module, y: ClassIndices, bf16: bool, shortlist: Shortlist | None
) -> Objective:
    if name in COMBINED:
        return _combined(name, victim, y, bf16)
    if isinstance(victim, nn.Module):
        module = victim
    else:
        module = victim.classifier if name == "classifier_margin" else victim.detectors
    if isinstance(module, DetectorBank):
        y = y.among(module.classes)

    def loss(logits: Tensor) -> tuple[Tensor, Tensor]:
        if logits.shape[1] < 2:  # of one class alone the loss is constant, or infinite
            raise ValueError(f"{name} compares a class with the others, and there is only one. Use detector_logit instead.")
        value = getattr(losses, name)(logits, y.of(logits))
        return value, value

    def direct(logits: Tensor) -> tuple[Tensor, Tensor]:
        return losses.cross_entropy_and_gradient(logits, *y.columns(logits))

    at_once = direct if name == "cross_entropy" and not isinstance(module, DetectorBank) else None
    return LogitsObjective(loss, (module,), (bf16,), at_once, _for_attack(module, y, bf16, shortlist))


def _for_attack(
    module: nn.Module, y: ClassIndices, bf16: bool, shortlist: Shortlist | None
) -> Callable[[], Objective] | None:
    if shortlist is None or not isinstance(module, DetectorBank):
        return None
    networks = tuple(module.networks)
    return lambda: Shortlisted([prepared(one, bf16, several=True) for one in networks], networks, y, shortlist)


def _combined(name: LossName, victim: AttackedSystem | nn.Module, y: ClassIndices, bf16: bool) -> Objective:
    if isinstance(victim, nn.Module):
        raise ValueError(f"{name} attacks a classifier and a detector bank together: it needs a system, not one module.")
    if not victim.detectors.full:
        found = ", ".join(map(str, victim.detectors.classes))
        raise ValueError(f"{name} needs a detector of every class of the classifier; the bank has those of {found}.")
    y.check_range(len(victim.detectors.classes))

    def loss(z_f: Tensor, z_h: Tensor) -> tuple[Tensor, Tensor]:
        if z_f.shape[1] != z_h.shape[1]:
            raise ValueError(
                f"{name} needs a detector of every class of the classifier; got {z_f.shape[1]} classes and "
                f"{z_h.shape[1]} detectors."
            )
        return getattr(losses, name)(z_f, z_h, y.of(z_f)), losses.combined_rank(z_f, z_h, y.of(z_h))

    return LogitsObjective(loss, (victim.classifier, victim.detectors), (False, bf16))


def _backward(through: Pass, grad: Tensor, sparse: bool = False) -> Tensor:
    """The gradient (N,C,H,W) of a pass, from that of its logits (N,K). Float16 has nothing below 6e-8, so that a network in
    it is given each image's row with 1 as its largest part."""
    if through.logits.dtype != torch.float16:
        return through.gradient(grad, sparse)
    peak = grad.abs().amax(1).clamp_min(torch.finfo(grad.dtype).tiny)
    found = through.gradient(grad / per_sample(peak, grad), sparse)
    return found.to(grad.dtype) * per_sample(peak, found)


def _float(logits: Tensor) -> Tensor:
    """At least float32, detached: losses are never taken in half precision."""
    logits = logits.detach()
    return logits if logits.dtype in _PRECISE else logits.to(torch.promote_types(logits.dtype, torch.float32))
