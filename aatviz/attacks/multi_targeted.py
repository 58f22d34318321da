"""The multi-targeted attack: every wrong class in turn, the best accepted misclassification kept (Tramer et al., 2020)."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from aatviz.attacks.checks import ClassIndices, check_images
from aatviz.attacks.geometry import per_sample
from aatviz.attacks.pgd import pgd
from aatviz.attacks.victims import Victim


def multi_targeted(victim: Victim, x: Tensor, y: Tensor, *, bf16: bool = False, seed: int = 0, **settings: Any) -> Tensor:
    """Push every image towards each class but its own, and keep the misclassified x' with the highest score.

    Where nothing fools the classifier, the x' that came nearest to it is kept.

    Args:
        victim: the generative, the integrated or the robust classifier of a system.
        x: natural images (N,C,H,W), in [0,1] within 1e-6.
        y: their classes (N,).
        bf16: passes in bfloat16, and only the choice between the K-1 results in float32.
        seed: of the random starts, the next one for each next target.
        settings: the other arguments of `aatviz.pgd` for every target: norm, eps, steps, restarts, callback and so on.

    Returns:
        x' (N,C,H,W), inside ball and box: K-1 runs of PGD in all.

    Raises:
        ValueError: as `aatviz.pgd`, and for classes that are none.
    """
    x = check_images(x)
    y = ClassIndices("y", y).for_images(x)
    classes = victim.system.detectors.classes
    goals = (victim.targeted(y, (y + offset) % classes, bf16) for offset in range(1, classes))
    found = (pgd(goal, x, **settings, seed=seed + place) for place, goal in enumerate(goals))
    return worst(victim, chain([x], found), y)


def worst(victim: Victim, candidates: Iterable[Tensor], y: Tensor) -> Tensor:
    """For each image, of classes y (N,), the candidate (N,C,H,W) that is worst for the victim: the per-sample worst case
    over any attacks."""
    best: Tensor | None = None
    for x_adv in candidates:
        rank = victim.rank_of(x_adv, y)
        if best is None:
            best, best_rank = x_adv, rank
        best = torch.where(per_sample(rank < best_rank, x_adv), x_adv, best)
        best_rank = torch.minimum(rank, best_rank)
    if best is None:
        raise ValueError("The worst of no attack at all is not known: give at least one candidate.")
    return best
