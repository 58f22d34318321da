"""The multi-targeted attack: every wrong class in turn, the best accepted misclassification kept (Tramer et al., 2020)."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from aatviz.attacks.checks import ClassIndices, check_images
from aatviz.attacks.geometry import per_sample
from aatviz.attacks.pgd import pgd
from aatviz.attacks.victims import Victim

TOGETHER = 512
"""Images in one batch, at the most: each counts once for every target that is tried on it at the same time."""


def batches(count: int, targets: int) -> int:
    """How many runs of PGD try that many targets on `count` images: of a few images, all targets in one."""
    return math.ceil(targets / max(TOGETHER // max(count, 1), 1))


def multi_targeted(victim: Victim, x: Tensor, y: Tensor, *, bf16: bool = False, seed: int = 0, **settings: Any) -> Tensor:
    """Push every image towards each class but its own, and keep the misclassified x' with the highest score.

    Where nothing fools the classifier, the x' that came nearest to it is kept.

    Args:
        victim: the generative, the integrated or the robust classifier of a system.
        x: natural images (N,C,H,W), in [0,1] within 1e-6.
        y: their classes (N,).
        bf16: passes in bfloat16, and only the choice between the K-1 results in float32.
        seed: of the random starts, the next one for each next batch.
        settings: the other arguments of `aatviz.pgd` for every target: norm, eps (a number), steps, restarts, callback and
            so on. The callback is called in each of the `batches`, with N images for every target of the batch.

    Returns:
        x' (N,C,H,W), inside ball and box. Each target has the same steps as alone.

    Raises:
        ValueError: as `aatviz.pgd`, and for classes that are none.
    """
    x = check_images(x)
    y = ClassIndices("y", y).for_images(x)
    classes = len(victim.system.detectors.classes)
    targets = [(y + offset) % classes for offset in range(1, classes)]
    together = math.ceil(len(targets) / batches(len(x), len(targets)))

    def tried() -> Iterator[Tensor]:
        yield x
        for place in range(0, len(targets), together):
            group = targets[place : place + together]
            goal = victim.targeted(y.repeat(len(group)), torch.cat(group), bf16)
            yield from pgd(goal, x.repeat(len(group), 1, 1, 1), **settings, seed=seed + place).split(len(x))

    return worst(victim, tried(), y)


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
