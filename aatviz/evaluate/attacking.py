"""One attack of an evaluation on one chunk of images; its best and its last iterates are checked and kept."""

import dataclasses

from torch import Tensor, nn

from aatviz.attacks import Iterate, norm, objective, pgd
from aatviz.attacks.objectives import LossName
from aatviz.recipes.spec import AttackSpec
from aatviz.store.systems import System


def attack(
    victim: System | nn.Module,
    loss: LossName,
    spec: AttackSpec,
    x: Tensor,
    *,
    y: Tensor | None = None,
    target: int | None = None,
    bf16: bool,
    seed: int,
) -> tuple[Tensor, Tensor]:
    """The best iterate of every image (N,C,H,W), and its last one (N,C,H,W), from the restart that ended with the least
    loss.

    Args:
        victim, loss, y, target, bf16: as for `aatviz.objective`.
        spec: the attack; both iterates are returned, whatever its `keep` says.
        x: natural images (N,C,H,W), in [0,1].
        seed: of the random starts.

    Raises:
        AssertionError: where a result left the ball or the box.
    """
    goal = objective(loss, victim, y=y, target=target, bf16=bf16)
    last = _Last(spec.steps)
    settings = dataclasses.asdict(spec) | {"keep": "best"}
    best = pgd(goal, x, **settings, seed=seed, callback=last)
    assert last.x_adv is not None
    for x_adv in (best, last.x_adv):
        inside = norm(x_adv - x, spec.norm).max() <= spec.eps + 1e-5 and x_adv.min() >= 0 and x_adv.max() <= 1
        if not inside:  # also for NaN
            raise AssertionError("An attack left the ball or the box; its numbers would be worthless.")
    return best, last.x_adv


class _Last:
    """A callback of PGD: keeps each sample's last iterate, from the restart that ended with its least loss."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.x_adv: Tensor | None = None
        self._loss: Tensor | None = None

    def __call__(self, it: Iterate) -> None:
        if it.step != self.steps:
            return
        if self.x_adv is None or self._loss is None:
            self.x_adv, self._loss = it.x_adv, it.loss
            return
        better = it.loss < self._loss
        self.x_adv = it.x_adv.where(better[:, None, None, None], self.x_adv)
        self._loss = it.loss.where(better, self._loss)
