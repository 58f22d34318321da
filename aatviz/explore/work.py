"""The functions that the app's worker processes run. Each is given a system, the arguments of several runs, and a callback.

Nothing here knows the app. A function returns one result for each argument, in their order. It calls `step` at every step of
an attack; an exception from `step` ends the work.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from aatviz.attacks.settings import AttackSettings
from aatviz.data import load_data
from aatviz.evaluate.honest.trial import Trial, run_trial
from aatviz.evaluate.images import evenly
from aatviz.explore.attack_grid.result import CompareSettings
from aatviz.explore.attack_grid.run import Stored, compare, load_comparison, models_of, natural_logits
from aatviz.explore.attack_path import Trace, trace_together
from aatviz.explore.generation.result import Generated, GenerateSettings
from aatviz.explore.generation.run import generate
from aatviz.runtime.hardware import one_thread
from aatviz.store.systems import System, load_system

Step = Callable[..., None]


class Weights(NamedTuple):
    """The system that runs share: its folder, and the hash of its weights, so that changed weights are read again."""

    folder: Path
    hash: str


class AttackRun(NamedTuple):
    """Attacks on one image (1,C,H,W) of class y."""

    attacks: list[AttackSettings]
    x: Tensor
    y: int


@lru_cache(maxsize=4)
def system_of(weights: Weights) -> System:
    """The system, kept in memory."""
    return load_system(weights.folder)


def ready(weights: Weights, runs: list[None], step: Step) -> list[None]:
    """Load the networks into memory before the first run needs them."""
    system_of(weights)
    return runs


def attack_paths(weights: Weights, runs: list[AttackRun], step: Step) -> list[list[Trace]]:
    """The traces of every run, with the logits that its page shows.

    Several runs must have attacks with equal `together_key`s: each attack then takes all their images as one batch.
    """
    system = system_of(weights)
    x, y = torch.cat([run.x for run in runs]), torch.tensor([run.y for run in runs])
    with one_thread():
        batches = zip(*(run.attacks for run in runs), strict=True)
        traces = [trace_together(system, batch, x, y, step, all_logits=False) for batch in batches]
    return [list(of_one) for of_one in zip(*traces, strict=True)]


def comparisons(weights: Weights, runs: list[CompareSettings], step: Step) -> list[Stored]:
    """Every comparison, on the bundled sample."""
    system = system_of(weights)
    x, y = load_data(system.card.dataset, split="sample")
    kept = load_comparison(system)
    made = []
    for settings in runs:
        grid = compare(system, settings, x, y, callback=step)
        natural = kept.natural if kept else {model: natural_logits(system, model, x, y, step) for model in models_of(system)}
        made.append(Stored(comparison=grid, natural=natural))
    return made


def generations(weights: Weights, runs: list[GenerateSettings], step: Step) -> list[Generated]:
    """Every generation."""
    return [generate(system_of(weights), settings, step) for settings in runs]


def protocol_attacks(weights: Weights, runs: list[Trial], step: Step) -> list[Tensor]:
    """The scores of every trial on its images of the bundled sample."""
    system = system_of(weights)
    x, y = load_data(system.card.dataset, split="sample")
    return [run_trial(system, trial, evenly(x, trial.count), evenly(y, trial.count), step) for trial in runs]
