"""The multi-targeted attack: every wrong class in turn, the best accepted misclassification kept (Tramer et al., 2020)."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from aatviz.attacks.checks import (
    LARGEST_SEED,
    Array,
    Classes,
    ClassIndices,
    Eps,
    check_eps,
    check_images,
    check_seed,
    check_start,
)
from aatviz.attacks.geometry import Norm, per_sample
from aatviz.attacks.pgd import pgd
from aatviz.attacks.victims import Victim

TOGETHER = 512
"""The most images in one batch. An image counts once for every target that the batch tries on it."""


def batches(count: int, targets: int) -> int:
    """How many runs of PGD it takes to try that many targets on `count` images; with few images, all targets fit in one."""
    return math.ceil(targets / max(TOGETHER // max(count, 1), 1))


@torch.inference_mode(False)
def multi_targeted(
    victim: Victim,
    x: Array,
    y: Classes,
    *,
    norm: Norm = "Linf",
    eps: Eps = 0.3,
    start: Array | None = None,
    bf16: bool = False,
    seed: int = 0,
    **settings: Any,
) -> Tensor:
    """Push every image towards each class but its own, and keep the misclassified x' with the highest score.

    Where no x' is misclassified, the one with the smallest margin of the true class is kept.

    Args:
        victim: the generative, the integrated or the robust classifier of a system.
        x: natural images (N,C,H,W), in [0,1] within 1e-6, a tensor or a NumPy array.
        y: their classes (N,).
        norm, eps, start: as those of `aatviz.pgd`, the same for every target.
        bf16: passes in bfloat16, and only the choice between the K-1 results in float32.
        seed: of the random starts. A batch begins with `seed` + the number of targets tried before it.
        settings: the other arguments of `aatviz.pgd` for every target: steps, restarts, callback and so on. The callback is
            called in each of the `batches`, with N images for every target of the batch.

    Returns:
        x' (N,C,H,W), inside ball and box. Each target has the same steps as alone.

    Raises:
        ValueError: as `aatviz.pgd`; for a y that is none of the victim's classes; for a victim of one class only; where the
            victim's logits are NaN.
    """
    x, seed = check_images(x), check_seed(seed)
    classes = victim.count(x)
    if classes < 2:
        raise ValueError(
            f"The victim {victim.name} knows one class only: there is no other that an image could be taken for."
        )
    size, begin = check_eps(eps, norm, x), None if start is None else check_start(start, x)
    indices = ClassIndices("y", y)
    indices.check_range(classes)
    own = indices.for_images(x)
    targets = [(own + offset) % classes for offset in range(1, classes)]
    together = math.ceil(len(targets) / batches(len(x), len(targets)))

    def tried() -> Iterator[Tensor]:
        yield x
        for place in range(0, len(targets), together):
            group = targets[place : place + together]
            goal = victim.targeted(own.repeat(len(group)), torch.cat(group), bf16)
            ball: dict[str, Any] = {"norm": norm, "eps": size.repeat(len(group)) if isinstance(size, Tensor) else size}
            if begin is not None:
                ball["start"] = begin.repeat(len(group), 1, 1, 1)
            yield from pgd(
                goal, x.repeat(len(group), 1, 1, 1), **ball, **settings, seed=(seed + place) % (LARGEST_SEED + 1)
            ).split(len(x))

    return worst(victim, tried(), own)


def worst(victim: Victim, candidates: Iterable[Tensor], y: Tensor) -> Tensor:
    """For each image the candidate that is worst for the victim, by `Victim.rank`: the worst case over any attacks.

    Args:
        candidates: the results of the attacks, (N,C,H,W) each.
        y: the true classes (N,).

    Raises:
        ValueError: without any candidate; for another number of classes than of images; where the victim's logits are NaN.
    """
    best: Tensor | None = None
    for x_adv in candidates:
        rank = victim.rank_of(x_adv, y)
        if bool(rank.isnan().any()):
            raise ValueError(
                f"The victim {victim.name} has no number for {int(rank.isnan().sum())} of {len(rank)} images: its logits "
                "are NaN. Look for weights that are NaN or infinite."
            )
        if best is None:
            best, best_rank = x_adv, rank
        best = torch.where(per_sample(rank < best_rank, x_adv), x_adv, best)
        best_rank = torch.minimum(rank, best_rank)
    if best is None:
        raise ValueError("The worst of no attack at all is not known: give at least one candidate.")
    return best
