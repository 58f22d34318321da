"""Sample-steps per second of the inner attack inside training, beside those of the engine alone on the same images."""

import contextlib
import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

import aatviz
from aatviz import recipes
from aatviz.recipes import AttackSpec, Job
from aatviz.runtime.hardware import fast_bf16
from aatviz.store.weights import build_network, note_of
from aatviz.train import steps
from aatviz.train.learner import Learner
from benchmarks.peers.measuring import interleaved

JOBS = {"shared": ("mnist-linf-0.3-shared", "shared"), "separate": ("mnist-linf-0.3", "detector-9")}
"""By the kind of bank: the recipe and the job whose training is measured."""
TRAINING, ENGINE = "training", "engine"
UPDATE = 1.5
"""What one image of an update costs in sample-steps: those go forward and back to the image, an update forward, back to the
weights, and back through the layers."""


def run(rounds: int, updates: int) -> dict[str, Any]:
    """Both kinds of bank: medians over the rounds of `updates` updates each."""
    return {kind: _measure(recipes.get(recipe).job(job), rounds, updates) for kind, (recipe, job) in JOBS.items()}


def pace(jobs: dict[str, Job], rounds: int, updates: int) -> dict[str, float]:
    """Seconds of one update of each job, medians of rounds of at least `updates`, in turns. A round of attacks that take
    turns has each of them equally often."""
    counts = {name: math.ceil(updates / cycle) * cycle for name, cycle in ((n, _cycle(job)) for n, job in jobs.items())}
    contestants = {name: _trainer(_learner(job), counts[name]) for name, job in jobs.items()}
    timings = interleaved(contestants, rounds, lambda *_: None)
    return {name: timing.median / counts[name] for name, timing in timings.items()}


SHAPE = (1, 28, 28)
"""MNIST's images."""


def _cycle(job: Job) -> int:
    """The updates after which the first of the inner attacks has its turn again."""
    return job.replay * len(job.attacks)


def _learner(job: Job) -> Learner:
    torch.manual_seed(0)
    return Learner(job, build_network(note_of(job, SHAPE)))


def _trainer(learner: Learner, updates: int) -> Callable[[int], None]:
    """What makes some updates, on other images each time."""
    x, y = aatviz.load_data("mnist", split="sample")
    job, bf16 = learner.job, fast_bf16("cpu")
    middle = job.steps // 2 // _cycle(job) * _cycle(job)
    attacked = None

    def train(number: int) -> None:
        nonlocal attacked
        for update in range(number * updates, (number + 1) * updates):
            batch, replayed = divmod(update, job.replay)
            rows = (torch.arange(job.batch) + batch * job.batch) % len(x)
            start = attacked if replayed else None
            visit = steps.Visit(x=x[rows], y=y[rows], step=middle + update, seed=batch, bf16=bf16, start=start)
            _, attacked = learner.update(visit)

    return train


def _measure(job: Job, rounds: int, updates: int) -> dict[str, Any]:
    learner = _learner(job)
    (spec,), network, x = job.attacks, learner.network, aatviz.load_data("mnist", split="sample")[0]
    attacked: list[tuple[float, int]] = []
    unwatched = _trainer(learner, updates)

    def train(number: int) -> None:
        with _watched(attacked):
            unwatched(number)

    def engine(_: int) -> Tensor:
        images = x[:batch]
        for update in range(updates):
            result = aatviz.pgd(goal, images, **dataclasses.asdict(spec), seed=update)
        return result

    train(0)
    batch = attacked[-1][1]
    frozen = build_network(note_of(job, SHAPE)).requires_grad_(False)
    frozen.load_state_dict(network.state_dict())
    goal = aatviz.objective("target_logit", frozen, target=0, bf16=fast_bf16("cpu"))
    attacked.clear()
    timings = interleaved({TRAINING: train, ENGINE: engine}, rounds, lambda *_: None)
    measured = attacked[updates:]  # the first round warms up
    inside = statistics.median(spec.steps * n / seconds for seconds, n in measured)
    alone = spec.steps * batch * updates / timings[ENGINE].median
    trained = sum(n for _, n in measured) / len(measured)
    positives = job.batch // 2 if job.method == "aat_shared" else trained
    whole = updates * (spec.steps * trained + UPDATE * (trained + positives)) / timings[TRAINING].median
    return {
        "images": round(trained, 1),
        "attack": dataclasses.asdict(spec),
        "engine": alone,
        "inside": inside,
        "ratio": inside / alone,
        "whole": whole,
        "whole_ratio": whole / alone,
        "updates_per_second": updates / timings[TRAINING].median,
    }


@contextlib.contextmanager
def _watched(found: list[tuple[float, int]]) -> Iterator[None]:
    """The seconds and images of every inner attack."""
    plain = steps.attack

    def attack(spec: AttackSpec, goal: Any, x: Tensor, *rest: Any) -> Tensor:
        started = time.perf_counter()
        x_adv = plain(spec, goal, x, *rest)
        found.append((time.perf_counter() - started, len(x)))
        return x_adv

    steps.attack = attack
    try:
        yield
    finally:
        steps.attack = plain


def table(found: dict[str, Any]) -> str:
    """Lines of text."""
    lines = [f"{'bank':10}{'images':>8}{'engine':>10}{'inside':>10}{'ratio':>8}{'whole':>10}{'ratio':>8}{'updates/s':>11}"]
    for kind in JOBS:
        row = found[kind]
        lines.append(
            f"{kind:10}{row['images']:8.0f}{row['engine']:10.0f}{row['inside']:10.0f}{row['ratio']:8.2f}{row['whole']:10.0f}"
            f"{row['whole_ratio']:8.2f}{row['updates_per_second']:11.2f}"
        )
    return "\n".join(lines)
