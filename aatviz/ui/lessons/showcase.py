"""The stored results of the lessons' attacks: each image before and after, with the logits of all networks."""

import dataclasses
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from aatviz.data import load_data
from aatviz.explore.attack_path import Trace, trace_attack
from aatviz.explore.stored_run import Arrays, load_run, part, store_run
from aatviz.store.systems import System
from aatviz.ui.lessons.catalogue import LESSONS
from aatviz.ui.lessons.lesson import AttackCase

FILE = "lessons"
"""The name of the stored results' file."""
Stored = dict[str, list[Trace]]
"""By the lesson's name: the victim's trace, then the robust classifier's where it is compared. Two iterates each."""


def build_lessons(system: System) -> Path:
    """Run the lessons' attacks on a system, write their results to `results/lessons.npz` and return that file."""
    x, _ = load_data(system.card.dataset, split="sample")
    arrays: dict[str, NDArray[Any]] = {}
    for lesson in LESSONS:
        if lesson.case is None:
            continue
        index = sample_index(system, lesson.case)
        for attack in lesson.case.attacks:
            trace = ends(trace_attack(system, attack, x[index : index + 1], lesson.case.digit))
            arrays |= {f"{lesson.name}.{attack.victim}.{name}": array for name, array in trace.to_arrays().items()}
    return store_run(system, FILE, arrays)


def load_lessons(system: System) -> Stored:
    """The stored results, if they were made with these very weights, without lessons whose settings have changed since.

    ValueError where the file is damaged.
    """
    return load_run(system, FILE, _from_arrays) or {}


def _from_arrays(arrays: Arrays) -> Stored:
    stored: Stored = {}
    for lesson in LESSONS:
        attacks = lesson.case.attacks if lesson.case else []
        parts = [part(arrays, f"{lesson.name}.{attack.victim}.") for attack in attacks]
        if not parts or any("note" not in one for one in parts):
            continue
        traces = [Trace.from_arrays(one) for one in parts]
        if [trace.settings for trace in traces] == attacks and traces[0].y == lesson.case.digit:  # type: ignore[union-attr]
            stored[lesson.name] = traces
    return stored


def sample_index(system: System, case: AttackCase) -> int:
    """The place of the case's image in the bundled sample."""
    _, y = load_data(system.card.dataset, split="sample")
    return int((y == case.digit).nonzero()[case.nth])


def ends(trace: Trace) -> Trace:
    """The trace with only its start and its result, as steps 0 and 1."""
    keep = [0, trace.kept]
    parts = {name: getattr(trace, name)[keep] for name in ("images", "z_h", "z_f", "z_r", "loss")}
    return dataclasses.replace(trace, kept=1, **parts)
