"""The multi-targeted attack: every wrong class in turn, the best accepted misclassification kept (Tramer et al., 2020)."""

from typing import Any, Literal, Protocol, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.attacks.checks import ClassIndices, check_choice, check_images
from aatviz.attacks.geometry import per_sample
from aatviz.attacks.objectives import AutogradObjective
from aatviz.attacks.pgd import pgd
from aatviz.detectors import DetectorBank, GenerativeClassifier, IntegratedClassifier
from aatviz.losses import classifier_margin, max_other, pick

Rejecting = Literal["generative", "integrated"]


class RejectingVictim(Protocol):
    """What the attack needs of a system."""

    @property
    def detectors(self) -> DetectorBank: ...
    @property
    def classifier(self) -> nn.Module: ...
    @property
    def generative(self) -> GenerativeClassifier: ...


def multi_targeted(
    system: RejectingVictim, x: Tensor, y: Tensor, *, victim: Rejecting, bf16: bool = False, **settings: Any
) -> Tensor:
    """Push every image towards each class but its own, and keep the misclassified x' with the highest winning logit.

    Where nothing fools the classifier, the x' that came nearest to it is kept.

    Args:
        system: its generative or its integrated classifier is attacked.
        x: natural images (N,C,H,W), in [0,1] within 1e-6.
        y: their classes (N,).
        victim: "generative" or "integrated".
        bf16: passes in bfloat16, and only the choice between the K-1 results in float32.
        settings: the arguments of `aatviz.pgd` for every target: norm, eps, steps, restarts, callback and so on.

    Returns:
        x' (N,C,H,W), inside ball and box: K-1 runs of PGD in all.

    Raises:
        ValueError: as `aatviz.pgd`, and for a wrong victim, or classes that are none.
    """
    x = check_images(x)
    check_choice("victim", victim, get_args(Rejecting))
    y = ClassIndices("y", y).for_images(x)
    classes = system.detectors.classes
    best_x, best_rank = x, rank_of(system, victim, x, y)
    for offset in range(1, classes):
        x_adv = pgd(towards(system, victim, y, (y + offset) % classes, bf16), x, **settings)
        rank = rank_of(system, victim, x_adv, y)
        better = rank < best_rank
        best_x = torch.where(per_sample(better, x), x_adv, best_x)
        best_rank = torch.where(better, rank, best_rank)
    return best_x


def towards(system: RejectingVictim, victim: Rejecting, y: Tensor, target: Tensor, bf16: bool = False) -> AutogradObjective:
    """The objective of one target t (N,): first be taken for a t, then raise z(h_t).

    Generative: (z_y - z_t) while the true class still wins over t, and -z_t always. Integrated: loss 9 towards t while f
    does not say t, then -z(h_t). Iterates are ranked by `rank_of`, whatever the target.
    """

    def generative(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        z_h = system.detectors(x_adv).float()
        behind = (pick(z_h, y) - pick(z_h, target)).clamp_min(0)
        return behind - pick(z_h, target), _rank_generative(system.generative, z_h, y)

    def integrated(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        z_f, z_h = system.classifier(x_adv).float(), system.detectors(x_adv).float()
        behind = max_other(z_f, target) - pick(z_f, target)
        loss = torch.where(behind >= 0, behind, -pick(z_h, target))
        return loss, _rank_integrated(z_f, z_h, y)

    modules: tuple[nn.Module, ...] = (system.detectors,)
    if victim == "generative":
        return AutogradObjective(generative, modules, bf16)
    return AutogradObjective(integrated, (*modules, system.classifier), bf16)


@torch.no_grad()
def rank_of(system: RejectingVictim, victim: Rejecting, x: Tensor, y: Tensor) -> Tensor:
    """Orders images (N,C,H,W) by what they are worth to the attacker, (N,): smaller is better. A misclassified image is
    below 0, the more so the higher its winning logit; any other lies above, by its margin."""
    z_h = system.detectors(x)
    if victim == "generative":
        return _rank_generative(system.generative, z_h, y)
    return _rank_integrated(system.classifier(x), z_h, y)


def _rank_generative(generative: GenerativeClassifier, z_h: Tensor, y: Tensor) -> Tensor:
    label, logit = generative.decide(z_h)
    return torch.where(label != y, -F.softplus(logit), classifier_margin(z_h, y).clamp_min(0))


def _rank_integrated(z_f: Tensor, z_h: Tensor, y: Tensor) -> Tensor:
    label, logit = IntegratedClassifier.decide(z_f, z_h)
    return torch.where(label != y, -F.softplus(logit), classifier_margin(z_f, y).clamp_min(0))
