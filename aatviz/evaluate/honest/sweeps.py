"""Sweeps over one setting of an attack at a time: more steps, other step sizes, larger balls up to the whole box."""

import math

import torch
from torch import Tensor

from aatviz.attacks import Iterate, Objective, pgd
from aatviz.attacks.geometry import Norm
from aatviz.attacks.victims import OWN_LOSS, Victim
from aatviz.evaluate.honest.protocol import Budget, fooled_scores
from aatviz.recipes.evaluation import HonestEvaluation

SWEEPS = ("steps", "step_size", "eps")
Settings = list[dict[str, float]]


def settings(recipe: HonestEvaluation, sweep: str, norm: Norm, eps: float, pixels: int) -> Settings:
    """The settings {"eps", "step_size", "steps"} of a sweep, in order: for "steps" and "eps", from weak to strong."""

    def at(radius: float) -> dict[str, float]:
        return {"eps": radius, "step_size": Budget(norm=norm, eps=radius).step_size, "steps": float(recipe.steps)}

    if sweep == "steps":
        return [at(eps) | {"steps": float(steps)} for steps in recipe.sweep_steps]
    if sweep == "step_size":
        return [at(eps) | {"step_size": share * eps} for share in recipe.sweep_step_sizes]
    radii = sorted({share * eps for share in recipe.sweep_eps} | {whole_box(norm, pixels)})
    return [at(radius) for radius in radii if radius <= whole_box(norm, pixels)]


def nearest(chain: Settings, sweep: str, own: float) -> int:
    """The place of the setting of a sweep that is nearest to `own`, the protocol's."""
    return min(range(len(chain)), key=lambda place: abs(chain[place][sweep] - own))


def holds(chain: Settings, sweep: str, own: float) -> bool:
    """Whether a setting of a sweep is the protocol's, `own`, but for 2 % of it."""
    return math.isclose(chain[nearest(chain, sweep, own)][sweep], own, rel_tol=0.02)


def whole_box(norm: Norm, pixels: int) -> float:
    """The radius at which the ball around any image holds all images: 1 for Linf, the root of the pixel count for L2."""
    return 1.0 if norm == "Linf" else math.sqrt(pixels)


def run(
    victim: Victim, recipe: HonestEvaluation, sweep: str, x: Tensor, y: Tensor, norm: Norm, eps: float, bf16: bool, seed: int
) -> Tensor:
    """The scores (L,N) with which images are misclassified, or minus infinity, for each of the sweep's L settings.

    The attack is PGD from the image itself on the victim's own loss; the best iterate is kept. The sweep over steps is one
    run, whose best iterate so far is taken at each of its lengths. That over eps has runs from random starts as well.
    """
    goal = victim.untargeted(OWN_LOSS[victim.name], y, bf16)
    chain = settings(recipe, sweep, norm, eps, x[0].numel())
    if sweep == "steps":
        longest = max(recipe.sweep_steps)
        best = _Best({int(setting["steps"]) for setting in chain})
        pgd(goal, x, **Budget(norm=norm, eps=eps).pgd(steps=longest, seed=seed, callback=best))
        found = [best.at[int(setting["steps"])] for setting in chain]
    else:
        runs = recipe.sweep_restarts if sweep == "eps" else 1
        found = [_attack(goal, x, norm, setting, runs, seed) for setting in chain]
    rows = [
        fooled_scores(victim, x, x_adv, y, Budget(norm=norm, eps=setting["eps"]))
        for setting, x_adv in zip(chain, found, strict=True)
    ]
    return torch.stack(rows)


def _attack(goal: Objective, x: Tensor, norm: Norm, setting: dict[str, float], runs: int, seed: int) -> Tensor:
    steps, budget = int(setting["steps"]), Budget(norm=norm, eps=setting["eps"])
    return pgd(goal, x, **budget.pgd(step_size=setting["step_size"], steps=steps, restarts=runs, seed=seed))


class _Best:
    """A callback of PGD: keeps the best iterate of every image so far, at each of the given steps."""

    def __init__(self, steps: set[int]) -> None:
        self.steps = steps
        self.at: dict[int, Tensor] = {}
        self._x: Tensor | None = None
        self._loss: Tensor | None = None

    def __call__(self, it: Iterate) -> None:
        if self._x is None or self._loss is None:
            self._x, self._loss = it.x_adv, it.loss
        better = it.loss < self._loss
        self._x = torch.where(better.view(-1, 1, 1, 1), it.x_adv, self._x)
        self._loss = torch.where(better, it.loss, self._loss)
        if it.step in self.steps:
            self.at[it.step] = self._x
