"""A whole training by a recipe of a budget, in one process with one thread, that writes down how it goes.

For a page, which reads the notes from another process. The networks are those of `aatviz train`, bit for bit: the same loop,
the same recipe.
"""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from aatviz import evaluate
from aatviz.data import dataset, open_split
from aatviz.evaluate.speed import seconds_per_pass
from aatviz.explore.detector_records import protocol, store_sample_logits
from aatviz.explore.example_images import build_examples
from aatviz.explore.training_pictures import pictures
from aatviz.recipes import Job
from aatviz.recipes.budget import Budget, budget, read, write
from aatviz.recipes.paper import evaluations_of
from aatviz.report.complete import complete
from aatviz.runtime.files import read_json, remove_leftovers, write_arrays, write_json
from aatviz.runtime.hardware import one_thread
from aatviz.runtime.typed_json import from_json
from aatviz.store.cards import update_card
from aatviz.store.systems import System, load_system
from aatviz.store.weights import read_note
from aatviz.thresholds.curves import RECIPE as CURVES
from aatviz.train import loop
from aatviz.train.budget import SLACK, fit

PROGRESS, PICTURES = "progress.json", "pictures"
"""In the folder of the notes: how far it is; and a file of pictures for each evaluation of the bank."""
SAVE_SECONDS, TELL_SECONDS = 10.0, 0.5
"""Between two savings, to go on from; and between two notes."""
BESIDE = 0.6
"""The time of an evaluation's pictures, as a share of that of the evaluation."""
SPARE = 10.0
"""Seconds that the first evaluation may take longer than planned: it loads what it needs. The networks together may take
half as long again as planned, and these seconds; where the machine has become slower, the last ones end early."""
MEASURING, FEWEST, MOST = 0.15, 10, 200
"""What the measurement of the finished system may take, as a share of the training; and the images that it attacks."""

Step = Callable[..., object]


class Order(NamedTuple):
    """What is to be trained, and where its files go."""

    recipe: str
    """Of `aatviz.recipes.budget`, with a name for the system."""
    dataset: str
    folder: Path
    """The checkpoint folder."""
    notes: Path


@dataclass(kw_only=True)
class Notes:
    """How far a training is, as the file of notes holds it."""

    recipe: str
    """With the number of steps, once it is known."""
    stage: str = "timing"
    """"timing" a few steps, the name of the network in training, "measuring" the system, or "done"."""
    planned: dict[str, float] = field(default_factory=dict)
    """The expected seconds of each stage, in their order."""
    steps: dict[str, int] = field(default_factory=dict)
    """The steps of each network that are done."""
    seconds: float = 0.0
    """Spent so far."""
    rows: dict[str, tuple[dict[str, float], ...]] = field(default_factory=dict)
    """The history of each network, a row for each evaluation."""
    said: tuple[str, ...] = ()
    """Sentences about what could not be done."""

    @property
    def share(self) -> float:
        """The share of the work that is done, in [0,1]."""
        if self.stage == "done":
            return 1.0
        whole, total = sum(self.planned.values()), read(self.recipe).steps
        done = sum(self.planned.get(name, 0.0) * steps / max(total, 1) for name, steps in self.steps.items())
        return min(done / whole, 1.0) if whole else 0.0

    @property
    def seconds_left(self) -> float:
        """As planned at first, and then more and more by the pace so far."""
        whole, share = sum(self.planned.values()), self.share
        pace = self.seconds / (whole * share) if share > 0 else 1.0
        trust = min(4 * share, 1.0)
        return whole * (1 - share) * (trust * pace + 1 - trust)


def read_notes(folder: Path) -> Notes | None:
    """The notes in this folder; None where there are none yet. ValueError where the file is damaged."""
    path = folder / PROGRESS
    return from_json(Notes, read_json(path), str(path)) if path.exists() else None


def train(_: None, orders: list[Order], step: Step) -> list[Path]:
    """Carry out every order, or go on where an earlier run of it was ended, and return the checkpoint folders. `step` is
    called at every update; what it raises ends the work. For a worker process (`aatviz.runtime.worker`)."""
    with one_thread():
        return [_Run(order, step).whole() for order in orders]


class _Run:
    def __init__(self, order: Order, step: Step) -> None:
        self.order, self.step = order, step
        self.of = dataset(order.dataset)
        self.notes = read_notes(order.notes) or Notes(recipe=order.recipe)
        self.began, self.before, self.told = time.monotonic(), self.notes.seconds, 0.0

    def whole(self) -> Path:
        folder, settings = self.order.folder, read(self.notes.recipe)
        remove_leftovers(folder)
        if not self.notes.planned:
            settings = self._timed(settings)
        plan = budget(settings, self.of)
        ends = time.monotonic() + SPARE
        for job in plan.jobs:
            self._stage(job.name)
            ends += 0.0 if loop.finished(job, folder) else SLACK * self.notes.planned[job.name]
            file = loop.train(
                job,
                plan.dataset,
                folder,
                report=self._report,
                watch=lambda at, network, job=job: self._watch(job, at, network),  # type: ignore[misc]
                enough=lambda ends=ends: time.monotonic() > ends,  # type: ignore[misc]
                save_seconds=SAVE_SECONDS,
            )
            ended_at = read_note(file).get("ended_at")
            self.notes.steps[job.name] = ended_at or job.steps
            if ended_at:
                early = f"{job.name} ended at step {ended_at:,} of {job.steps:,}, with its best weights so far."
                self.notes.said = (*self.notes.said, f"The machine became slower than it was at first: {early}")
        complete(plan, folder, True, lambda why: setattr(self.notes, "said", (*self.notes.said, why)))
        self._stage("measuring")
        self._measure(load_system(folder))
        self._stage("done")
        return folder

    def _timed(self, settings: Budget) -> Budget:
        self._stage("timing")
        fitted, allowed = fit(settings, self.of, self.step, BESIDE)
        self.notes.recipe = write(fitted)
        self.notes.planned = {name: round(seconds / SLACK, 2) for name, seconds in allowed.items()}
        self.notes.planned["measuring"] = round(MEASURING * sum(self.notes.planned.values()), 2)
        return fitted

    def _report(self, progress: loop.Progress) -> None:
        self.notes.steps[progress.job] = progress.step
        if progress.score is not None:
            rows = self.notes.rows.get(progress.job, ())  # after going on, an evaluation may come again
            kept = tuple(row for row in rows if row["step"] < progress.step)
            self.notes.rows[progress.job] = (*kept, progress.score)
        if progress.score is not None or time.monotonic() - self.told > TELL_SECONDS:
            self._tell()
        self.step()

    def _watch(self, job: Job, at: int, network: nn.Module) -> None:
        if job.method == "aat_shared":
            few = open_split(self.order.dataset, "validation")
            rows = slice(0, 500)
            made = pictures(job, network, few.images(rows), few.labels[rows], at)
            write_arrays(self.order.notes / PICTURES / f"{at:07}.npz", made.to_arrays())

    def _measure(self, system: System) -> None:
        """What the pages Detectors and Thresholds show, on as many images as the time allows."""
        found = evaluations_of(system.card)
        seconds, each = self.notes.planned["measuring"] / 2, seconds_per_pass(system, False)
        for name in (protocol(system), CURVES):
            self.step()
            one = evaluate.cost(system, dataclasses.replace(found[name], count=FEWEST)) * each / FEWEST
            asked = dataclasses.replace(found[name], count=min(max(int(seconds / max(one, 1e-9)), FEWEST), MOST))
            for part in evaluate.parts(system, asked):
                evaluate.run_part(system, asked, part)
                self.step()
            evaluate.finish(system, asked)
        store_sample_logits(system)
        build_examples(system)
        update_card(system.folder)

    def _stage(self, name: str) -> None:
        self.notes.stage = name
        self._tell()

    def _tell(self) -> None:
        self.told = time.monotonic()
        self.notes.seconds = round(self.before + self.told - self.began, 2)
        known: dict[str, Any] = dataclasses.asdict(self.notes)
        write_json(self.order.notes / PROGRESS, known)
