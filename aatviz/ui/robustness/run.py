"""The Robustness page's request to the worker: one attack of the honest protocol on some images of the bundled sample."""

import dataclasses

import streamlit as st
from torch import Tensor

from aatviz.evaluate import evenly
from aatviz.evaluate.honest.trial import Trial, attacks_of, run_trial, spent
from aatviz.explore import work
from aatviz.models.decisions import VictimName
from aatviz.runtime import printed
from aatviz.store.systems import System
from aatviz.ui.session.runs import Request, Runs
from aatviz.ui.session.timing import seconds_per_call

runs = Runs("robustness", "Attack them")


def names(system: System, victim: VictimName) -> list[str]:
    """The names of the attacks against this victim."""
    return list(attacks_of(system, victim, system.card.eps))


def request(system: System, trial: Trial, x: Tensor, y: Tensor) -> Request:
    """The attack on `count` images spread evenly over the bundled sample x (N,C,H,W), y (N,)."""
    attack = attacks_of(system, trial.victim, trial.eps)[trial.attack]
    total = attack.callbacks(trial.count)
    images, labels = evenly(x, trial.count), evenly(y, trial.count)
    return Request(
        system=system,
        choice=trial,
        function=work.protocol_attacks,
        argument=trial,
        total=total,
        seconds=lambda: _seconds_per_call(system, str(system.folder), trial, images, labels) * total,
        steps=f"{trial.count} images, {attack.calls:,} questions about each",
    )


def snippet(system: System, trial: Trial) -> str:
    """Python that gives the same scores."""
    kept = spent(system, trial.eps)
    settings = ", ".join(f"{name}={value!r}" for name, value in dataclasses.asdict(kept).items())
    lines = [
        "import aatviz",
        "from aatviz.evaluate.images import evenly",
        "from aatviz.evaluate.honest.protocol import Budget, attacks, fooled_scores, transfer_source",
        "from aatviz.attacks.victims import Victim",
        "",
        printed.system_line(system.name),
        f'victim = Victim(name="{trial.victim}", system=system)',
        f'sample = aatviz.load_data({printed.text(system.card.dataset)}, split="sample")',
        f"x, y = (evenly(values, {trial.count}) for values in sample)",
        f"budget = Budget({settings})",
        f'attack = attacks(victim, budget, transfer_source(system))["{trial.attack}"]',
        "scores = fooled_scores(victim, x, attack.run(x, y, 0), y, budget)  # minus infinity: not misclassified",
        'print((scores > float("-inf")).float().mean())',
    ]
    return "\n".join(lines)


@st.cache_data(max_entries=64, show_spinner=False)
def _seconds_per_call(_system: System, folder: str, trial: Trial, _x: Tensor, _y: Tensor) -> float:
    """The time between two calls of the attack's callback, from its first few."""
    return seconds_per_call(lambda watch: run_trial(_system, trial, _x, _y, watch))
