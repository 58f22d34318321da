"""One attack of the honest protocol on some images of the bundled sample, as the Robustness page runs it."""

from dataclasses import dataclass

from torch import Tensor

from aatviz.attacks.pgd import Callback
from aatviz.attacks.victims import Victim
from aatviz.evaluate.honest.protocol import Attack, Budget, attacks, budget, fooled_scores, transfer_source
from aatviz.models.decisions import VictimName
from aatviz.recipes.evaluation import HonestEvaluation
from aatviz.store.systems import System


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One attack on one victim, in a ball of this size."""

    victim: VictimName
    attack: str
    """One of `attacks_of`."""
    count: int
    """Images, spread evenly over the sample."""
    eps: float


def spent(system: System, eps: float) -> Budget:
    """The protocol's own budget for this system, in a ball of this size."""
    trained = budget(system, HonestEvaluation())
    return Budget(norm=trained.norm, eps=eps, steps=trained.steps, restarts=trained.restarts, queries=trained.queries)


def attacks_of(system: System, victim: VictimName, eps: float, callback: Callback | None = None) -> dict[str, Attack]:
    """The protocol's attacks on this victim, by name."""
    return attacks(Victim(name=victim, system=system), spent(system, eps), transfer_source(system), callback=callback)


def run_trial(system: System, trial: Trial, x: Tensor, y: Tensor, callback: Callback | None = None) -> Tensor:
    """The scores (N,) that are compared with a threshold; minus infinity where an image is not misclassified.

    Args:
        x, y: the trial's images (N,C,H,W) in [0,1] and their classes (N,).
        callback: called at every step of the attack.
    """
    attack = attacks_of(system, trial.victim, trial.eps, callback)[trial.attack]
    victim = Victim(name=trial.victim, system=system)
    x, y = x.to(system.device), y.to(system.device)
    return fooled_scores(victim, x, attack.run(x, y, 0), y, spent(system, trial.eps)).cpu()
