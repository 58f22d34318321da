"""The attacks of the honest protocol on one victim, all in the same ball; and one number for every image and attack.

That number is the score with which the attacked image is misclassified, or minus infinity where it is not. The image is a
false positive at T exactly where the number is at least T. So one run serves every T, and the worst case over attacks is a
maximum.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from aatviz.attacks import apgd, multi_targeted, norm, pgd, square
from aatviz.attacks.geometry import Norm
from aatviz.attacks.multi_targeted import batches
from aatviz.attacks.optimizers import OptimizerName
from aatviz.attacks.pgd import Callback
from aatviz.attacks.victims import OWN_LOSS, Victim
from aatviz.models.decisions import VictimName
from aatviz.recipes.evaluation import HonestEvaluation
from aatviz.store.card import CARD, Card, Need
from aatviz.store.systems import System, cards, load_system, system_folder

NEEDS: tuple[Need, ...] = ("full_bank", "robust_classifier")
"""What a system must have to be attacked by the protocol, or to be the source of transferred examples."""
UNTARGETED: dict[VictimName, tuple[str, ...]] = {
    "generative": ("classifier", "detectors", "combined", "detectors margin"),
    "integrated": ("classifier", "detectors", "combined", "combined surrogate"),
    "robust": ("margin",),
}
"""The scenarios with which PGD attacks each victim. Where nothing is rejected, it pays an attacker of the generative
classifier to lower the true class's logit too; loss 10 does not do that, "detectors margin" does."""
BY_APGD: dict[VictimName, tuple[str, ...]] = {
    "generative": ("detectors", "detectors margin"),
    "integrated": ("combined",),
    "robust": ("margin",),
}
"""The scenarios with which APGD attacks each victim."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The ball, and the budget of every attack of the protocol."""

    norm: Norm
    eps: float
    steps: int = 100
    restarts: int = 2
    """Runs of the untargeted attacks: the first from the image itself, the others from random starts. The attack on the
    victim's own loss is also tried with `many_runs`."""
    queries: int = 2000
    """Queries of the black-box attack for one image."""

    @property
    def step_size(self) -> float:
        """Linf: Adam's, 0.01 for 0.3 as in the paper. L2: long steps along the gradient, which find what Adam does not."""
        return self.eps / 30 if self.norm == "Linf" else 0.4 * self.eps

    @property
    def optimizer(self) -> OptimizerName:
        """The inner optimizer of PGD."""
        return "adam" if self.norm == "Linf" else "momentum"

    def pgd(self, **changes: Any) -> dict[str, Any]:
        """The arguments of one run of `aatviz.pgd` from the image itself, with these changes."""
        ball: dict[str, Any] = {"norm": self.norm, "eps": self.eps, "optimizer": self.optimizer}
        return ball | {"step_size": self.step_size, "steps": self.steps} | changes


def many_runs(classes: int) -> int:
    """Runs of the attacks that are to show whether more of them help: as many as the multi-targeted attack has targets, and
    where there are few classes more."""
    return max(classes - 1, 9)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One attack with its budget bound."""

    run: Callable[[Tensor, Tensor, int], Tensor]
    """Images (N,C,H,W), their classes (N,), a seed -> x' (N,C,H,W) in ball and box."""
    calls: int
    """How often it queries the victim about one image: for a gradient, or, as a black box, for a score alone."""
    targets: int = 1
    """How many targets share batches; see `multi_targeted`."""

    def callbacks(self, count: int) -> int:
        """How often its callback is called for `count` images."""
        return batches(count, self.targets) * (self.calls // self.targets)


def attacks(
    victim: Victim,
    budget: Budget,
    other: System | None = None,
    bf16: bool = False,
    callback: Callback | None = None,
) -> dict[str, Attack]:
    """The attacks by name.

    Args:
        other: the system from which examples are transferred. The transfer is left out where it is None, or where the victim
            has the same networks in both systems.
        bf16: whether passes run in bfloat16.
        callback: as that of `aatviz.pgd`.
    """
    ball: dict[str, Any] = {"norm": budget.norm, "eps": budget.eps, "callback": callback}
    by_pgd = budget.pgd(callback=callback)
    own, classes = OWN_LOSS[victim.name], len(victim.system.detectors.classes)
    many = many_runs(classes)

    def untargeted(loss: str, restarts: int = budget.restarts, seen_by: Victim = victim) -> Attack:
        def run(x: Tensor, y: Tensor, seed: int) -> Tensor:
            return pgd(seen_by.untargeted(loss, y, bf16), x, **by_pgd, restarts=restarts, seed=seed)

        return Attack(run=run, calls=restarts * (budget.steps + 1))

    def every_target(x: Tensor, y: Tensor, seed: int) -> Tensor:
        return multi_targeted(victim, x, y, bf16=bf16, **by_pgd, seed=seed)

    def auto(loss: str) -> Attack:
        def run(x: Tensor, y: Tensor, seed: int) -> Tensor:
            settings: dict[str, Any] = {"steps": budget.steps, "random_start": False, "restarts": many, "seed": seed}
            return apgd(victim.untargeted(loss, y, bf16), x, **ball, **settings)

        return Attack(run=run, calls=many * (budget.steps + 1))

    def black_box(x: Tensor, y: Tensor, seed: int) -> Tensor:
        return square(lambda x_adv: victim.rank_of(x_adv, y), x, **ball, queries=budget.queries, seed=seed)

    named = {loss: untargeted(loss) for loss in UNTARGETED[victim.name]}
    named[f"{own}, {many} restarts"] = untargeted(own, many)
    named["multi-targeted"] = Attack(run=every_target, calls=(classes - 1) * (budget.steps + 1), targets=classes - 1)
    named |= {"APGD" if loss == own else f"APGD, {loss}": auto(loss) for loss in BY_APGD[victim.name]}
    named["Square"] = Attack(run=black_box, calls=budget.queries + 1)
    if other is not None and victim.differs(other):
        named["transfer"] = untargeted(own, seen_by=Victim(name=victim.name, system=other))
    return named


def fooled_scores(victim: Victim, x: Tensor, x_adv: Tensor, y: Tensor, budget: Budget) -> Tensor:
    """The score (N,) of every x' (N,C,H,W) that is misclassified and lies in the ball around x and in [0,1]; minus infinity
    for all others. y (N,) are the true classes."""
    label, score = victim.judge(x_adv)
    inside = (norm(x_adv - x, budget.norm) <= budget.eps + 1e-5) & (x_adv.flatten(1).aminmax(dim=1).min >= 0)
    inside &= x_adv.flatten(1).amax(1) <= 1
    return torch.where((label != y) & inside, score, -torch.inf)


def budget(system: System, recipe: HonestEvaluation) -> Budget:
    """The budget of each attack, in the ball that the system is trained for."""
    return _budget(system.card, recipe)


def _budget(card: Card, recipe: HonestEvaluation) -> Budget:
    spent = {"steps": recipe.steps, "restarts": recipe.restarts, "queries": recipe.queries}
    return Budget(norm=card.norm, eps=card.eps, **spent)


def transfer_source(system: System) -> System | None:
    """Another shipped system for the same data and ball, whose adversarial examples are tried on this one; None where there
    is none."""
    name = _source(system.card)
    return None if name is None else _loaded(name, _stamp(name))


def depends(system: System, recipe: HonestEvaluation) -> dict[str, Any]:
    """What the protocol's numbers depend on beside the recipe and the system's own weights, as JSON."""
    return depends_of(system.card, recipe)


def depends_of(card: Card, recipe: HonestEvaluation) -> dict[str, Any]:
    """The same, from the system's card alone."""
    name, spent = _source(card), _budget(card, recipe)
    return {
        "losses": {victim: list(names) for victim, names in UNTARGETED.items()},
        "by_apgd": {victim: list(names) for victim, names in BY_APGD.items()},
        "optimizer": spent.optimizer,
        "step_size": spent.step_size,
        "transfer": None if name is None else [name, cards()[name].weights_hash],
    }


def _source(of: Card) -> str | None:
    """The name of the first system for the same threat that has all of `NEEDS` and other weights than this one (a copy of
    this system under another name does not count)."""
    for name, card in cards().items():
        other = name != of.system and card.threat == of.threat and not card.lacks(*NEEDS)
        if other and card.weights_hash != of.weights_hash:
            return name
    return None


_Stamp = tuple[tuple[str, int], ...]


def _stamp(name: str) -> _Stamp:
    """The system's files with the times of their last changes: while these stay the same, the files are read only once."""
    folder = system_folder(name)
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in (folder / CARD, *folder.glob("*.safetensors"))))


@lru_cache(maxsize=2)
def _loaded(name: str, _: _Stamp) -> System:
    return load_system(name)
