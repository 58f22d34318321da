"""Mean AUC over the updates of training for each candidate, and over the seconds that these take on an idle machine."""

import statistics
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from aatviz.data import load_data
from aatviz.recipes import AttackSpec, Job
from aatviz.runtime.files import read_json
from aatviz.runtime.hardware import fast_bf16
from aatviz.store.weights import load_network
from aatviz.train.loop import Progress, train
from aatviz.train.validation import evaluate
from benchmarks.training.candidates import TARGET

Curve = list[tuple[float, float]]
"""Updates or seconds, and the mean AUC of the ten detectors on validation images under the strong attack."""
PAPER = AttackSpec(eps=0.3, step_size=0.01, steps=200)
"""Table 1's attack."""
TIMES = ("timed", "seconds_to_target")
"""The keys that `with_times` adds to a row."""


def run(job: Job, dataset: str, folder: Path) -> dict[str, Any]:
    """Train it, or go on; what is done is only read. The bank that it starts from has to be there."""
    after = Path(job.start_from).stem if job.start_from else None
    words = f"from the bank of `{after}`: {about(job)}" if after else about(job)
    return {"about": words, "after": after, "points": _points(job, dataset, folder)}


def shipped(cosines: tuple[Job, Job], history: Path) -> dict[str, Any]:
    """The bank that is shipped, from the history of its second cosine."""
    first, second = cosines
    points = [(first.steps + row["step"], row["validation_adversarial"]) for row in read_json(history)]
    words = f"as shipped: {about(first)}, then {second.steps:,} from the best weights; no history of the first is kept, so "
    words += "the target may be reached sooner"
    return {"about": words, "after": None, "points": points}


def run_separate(jobs: Iterable[Job], dataset: str, folder: Path, after: str) -> dict[str, Any]:
    """Train separate detectors one after the other from the bank of the candidate `after`, whose time counts as well."""
    jobs = list(jobs)
    together = zip(*(_points(job, dataset, folder) for job in jobs), strict=True)
    points = [(sum(done for done, _ in at_once), statistics.mean(auc for _, auc in at_once)) for at_once in together]
    words = f"{len(jobs)} detectors, each finetuned from the bank of `{after}`: {about(jobs[0])} each"
    return {"about": words, "after": after, "points": points}


def _points(job: Job, dataset: str, folder: Path) -> Curve:
    def report(progress: Progress) -> None:
        if progress.score:
            minutes, auc = progress.seconds_left / 60, progress.score["validation_adversarial"]
            print(f"{job.name}: step {progress.step} of {progress.steps}, AUC {auc:.5f}, {minutes:.0f} min left", flush=True)

    train(job, dataset, folder, report=report)
    history = read_json(folder / "history" / f"{job.name}.json")
    return [(row["step"], row["validation_adversarial"]) for row in history]


def test(job: Job, dataset: str, weights: Path, count: int) -> dict[str, Any]:
    """The trained bank's mean AUC on test images, natural and under the paper's attack on `count` for each detector.

    In an order of their own: MNIST's first test images are harder than the others.
    """
    network = load_network(weights)
    judged = replace(job, validation_attack=PAPER)
    x, y = load_data(dataset, split="test")
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    score = evaluate(judged, network, x[order], y[order], count, fast_bf16("cpu"))
    return {"n": count, "attack": asdict(PAPER)} | score


def timed(curves: dict[str, dict[str, Any]], pace: dict[str, float], name: str) -> Curve:
    """The points over seconds; `pace` has the seconds of one update, by candidate. Detectors that start from a bank start
    where that one ended."""
    row = curves[name]
    begin = timed(curves, pace, row["after"])[-1:] if row["after"] else []
    offset = begin[0][0] if begin else 0.0
    return begin + [(offset + updates * pace[name], auc) for updates, auc in row["points"]]


def with_times(curves: dict[str, dict[str, Any]], pace: dict[str, float]) -> dict[str, dict[str, Any]]:
    """The rows with their points over seconds, and the time to the target. Those that `pace` has not timed are left out, and
    those whose bank to start from is not there or not timed."""
    ready = curves.keys() & pace.keys()
    found = {}
    for name, row in curves.items():
        if name in ready and row["after"] in {None, *ready}:
            points = timed(curves, pace, name)
            found[name] = row | {"timed": points, "seconds_to_target": reached(points)}
    return found


def reached(points: Curve) -> float | None:
    """The seconds of the first evaluation that is at the target; None where none is."""
    return next((seconds for seconds, auc in points if auc >= TARGET), None)


def about(job: Job) -> str:
    """What distinguishes the candidates, in words."""
    attacks = " and ".join(_attack(spec) for spec in job.attacks)
    words = [f"in turns {attacks}" if len(job.attacks) > 1 else attacks, f"batches of {job.batch}"]
    words += [f"each {job.replay} times in a row"] if job.replay > 1 else []
    words += ["images moved by a pixel"] if job.shift else []
    words += [f"weights averaged ({job.average:g})"] if job.average else []
    words += [] if job.decay else ["constant learning rate"]
    return f"{', '.join(words)}; {job.steps:,} updates"


def _attack(spec: AttackSpec) -> str:
    start = "" if spec.random_start else " from the image itself"
    return f"{spec.optimizer.capitalize()} {spec.steps} x {spec.step_size:g}{start}"


def table(curves: dict[str, dict[str, Any]]) -> str:
    """Lines of text from timed rows: time to the target, last AUC, words."""
    lines = [f"{'recipe':16}{f's to {TARGET}':>12}{'s in all':>10}{'last AUC':>10}  what"]
    for name, row in curves.items():
        first, (seconds, auc) = row["seconds_to_target"], row["timed"][-1]
        to = "never" if first is None else f"{first:.0f}"
        lines.append(f"{name:16}{to:>12}{seconds:10.0f}{auc:10.5f}  {row['about']}")
    return "\n".join(lines)


def tests(found: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each bank that was tested."""
    return [
        f"{name}: mean AUC {row['adversarial']:.5f} under the paper's attack on {row['n']} test images a detector, "
        f"natural {row['natural']:.5f}"
        for name, row in found.items()
    ]
