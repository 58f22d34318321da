"""What the Robustness page asks the worker for: one attack of the honest protocol on some digits of the bundled sample."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import streamlit as st
from torch import Tensor

from aatviz.attacks.victims import Victim, VictimName
from aatviz.evaluate import evenly
from aatviz.evaluate.honest.protocol import Attack, Budget, attacks, budget, fooled_scores, transfer_source
from aatviz.recipes.evaluation import HonestEvaluation
from aatviz.store.systems import System
from aatviz.ui.session.jobs import Job
from aatviz.ui.session.runs import Request, Runs
from aatviz.ui.session.timing import seconds_per_call

runs = Runs("robustness", "Attack them")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a visitor tries."""

    victim: VictimName
    attack: str
    count: int
    eps: float


def names(system: System, victim: VictimName) -> list[str]:
    """The attacks that there are against this victim."""
    return list(_attacks(system, victim, system.card["eps"], None))


def request(system: System, choice: Choice, x: Tensor, y: Tensor) -> Request:
    """The attack on `count` images spread evenly over the bundled sample x (N,1,28,28), y (N,)."""
    attack = _attacks(system, choice.victim, choice.eps, None)[choice.attack]
    total = attack.callbacks(choice.count)
    images, labels = evenly(x, choice.count), evenly(y, choice.count)

    def work(job: Job) -> Tensor:
        chosen = _attacks(system, choice.victim, choice.eps, job.advance)[choice.attack]
        victim = Victim(name=choice.victim, system=system)
        return fooled_scores(victim, images, chosen.run(images, labels, 0), labels, _budget(system, choice.eps))

    return Request(
        system=system,
        choice=choice,
        work=work,
        total=total,
        seconds=lambda: _seconds_per_call(system, str(system.folder), choice, images, labels) * total,
        steps=f"{choice.count} images, {attack.calls:,} questions about each",
    )


def snippet(system: System, choice: Choice) -> str:
    """Python that gives the same scores."""
    spent = _budget(system, choice.eps)
    settings = ", ".join(f"{name}={value!r}" for name, value in dataclasses.asdict(spent).items())
    lines = [
        "import aatviz",
        "from aatviz.evaluate.images import evenly",
        "from aatviz.evaluate.honest.protocol import Budget, attacks, fooled_scores, transfer_source",
        "from aatviz.attacks.victims import Victim",
        "",
        f'system = aatviz.load_system("{system.name}")',
        f'victim = Victim(name="{choice.victim}", system=system)',
        f'sample = aatviz.load_data("{system.card["dataset"]}", split="sample")',
        f"x, y = (evenly(values, {choice.count}) for values in sample)",
        f"budget = Budget({settings})",
        f'attack = attacks(victim, budget, transfer_source(system))["{choice.attack}"]',
        "scores = fooled_scores(victim, x, attack.run(x, y, 0), y, budget)  # minus infinity: not misclassified",
        'print((scores > float("-inf")).float().mean())',
    ]
    return "\n".join(lines)


def _budget(system: System, eps: float) -> Budget:
    trained = budget(system, HonestEvaluation())
    return Budget(norm=trained.norm, eps=eps, steps=trained.steps, restarts=trained.restarts, queries=trained.queries)


def _attacks(system: System, victim: VictimName, eps: float, callback: Any) -> dict[str, Attack]:
    return attacks(Victim(name=victim, system=system), _budget(system, eps), transfer_source(system), callback=callback)


@st.cache_data(max_entries=64, show_spinner=False)
def _seconds_per_call(_system: System, folder: str, choice: Choice, _x: Tensor, _y: Tensor) -> float:
    """The time between two calls of the attack's callback, from its first few."""
    return seconds_per_call(lambda watch: _attacks(_system, choice.victim, choice.eps, watch)[choice.attack].run(_x, _y, 0))
