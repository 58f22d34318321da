"""What a run needs to go on where it stopped: in full, to the bit; or shortened to a few megabytes, to carry it away."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aatviz.recipes import Job, digest
from aatviz.runtime.files import read_tensors, write_tensors
from aatviz.train.learner import Learner, part


@dataclass
class State:
    """All that a run needs to go on where it stopped, besides the tensors of the `Learner`."""

    step: int = 0
    seconds: float = 0.0
    """Seconds of the updates, without the evaluations between them."""
    best: dict[str, Tensor] = field(default_factory=dict)
    best_score: float = -1.0
    history: list[dict[str, float]] = field(default_factory=list)
    shortened_at: list[int] = field(default_factory=list)
    """The steps at which the run went on from a shortened state: with rounded weights and a new optimizer."""


def full(folder: Path, job: str) -> Path:
    """The file of a run's whole state."""
    return folder / "state" / f"{job}.safetensors"


def shortened(folder: Path, job: str) -> Path:
    """The file of a run's shortened state, which counts where there is no whole one."""
    return folder / "paused" / f"{job}.safetensors"


def save(path: Path, learner: Learner, state: State, origin: dict[str, Any]) -> None:
    """Write the whole state."""
    tensors = learner.tensors() | {f"best.{name}": value for name, value in state.best.items()}
    kept: dict[str, Any] = {"step": state.step, "seconds": state.seconds, "history": state.history}
    write_tensors(path, tensors, kept | {"best_score": state.best_score, "shortened_at": state.shortened_at} | origin)


def shorten(path: Path, to: Path) -> int:
    """Write a shortened copy of a whole state, about a sixth of its size, and return the step that it is at.

    It holds what is judged (the averaged weights where there are some) and the best weights so far, as float16. A run that
    goes on from it ends with other bits than one that was never stopped; the note of its weights says so. ValueError where
    rounded weights would be infinite or NaN.
    """
    tensors, kept = read_tensors(path)
    judged = part(tensors, "average.module.") or part(tensors, "network.")
    halves = {
        f"{place}.{name}": _half(one)
        for place, those in (("network", judged), ("best", part(tensors, "best.")))
        for name, one in those.items()
    }
    if lost := [name for name, value in halves.items() if not value.isfinite().all()]:
        raise ValueError(f"{path}: {', '.join(lost)} would hold infinities or NaN as float16.")
    write_tensors(to, halves, kept | {"shortened_at": [*kept.get("shortened_at", []), kept["step"]]})
    return int(kept["step"])


def _half(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() else value


def restore(folder: Path, job: Job, learner: Learner, origin: dict[str, Any]) -> State:
    """Load what a run left in the folder into the learner; a new `State` where it left nothing. ValueError where that run
    was of another recipe, of other images, or from other starting weights."""
    path = next((file for file in (full(folder, job.name), shortened(folder, job.name)) if file.exists()), None)
    if path is None:
        return State()
    tensors, kept = read_tensors(path)
    refuse_other_recipe(kept, job, path)
    for name, what in (("data_hash", "other images"), (known_by(kept), "other starting weights")):
        if kept.get(name) != origin[name]:
            raise ValueError(f"{path} was begun with {what} than there are now. Remove it to begin {job.name} anew.")
    learner.load(tensors)
    best = {name: value.float() if value.dtype == torch.float16 else value for name, value in part(tensors, "best.").items()}
    return State(kept["step"], kept["seconds"], best, kept["best_score"], kept["history"], kept.get("shortened_at", []))


def known_by(note: dict[str, Any]) -> str:
    """The hash that tells whether a run began with certain weights. Old notes have only that of the file, which changes even
    when the same training just takes longer."""
    return "start_weights" if "start_weights" in note else "start_sha256"


def refuse_other_recipe(note: dict[str, Any], job: Job, path: Path) -> None:
    """ValueError where the note is not of today's recipe."""
    if note.get("recipe_hash") != digest(job):
        raise ValueError(
            f"{path} was made by another recipe than today's {job.name}. "
            "Move it away, or train into another folder with --out."
        )
