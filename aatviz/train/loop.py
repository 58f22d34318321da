"""The training of one network: the same loop for every method, resumable to the bit.

Everything random in a step comes from the job's seed and the step's number, so that a checkpoint needs no generator state.
It holds the weights, their average, the optimizer's moments, the best weights so far and the history.
"""

import dataclasses
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aatviz.data import as_floats, open_split
from aatviz.models.networks import NETWORKS
from aatviz.recipes import Job, digest
from aatviz.runtime.files import read_bytes, write_json
from aatviz.runtime.hardware import describe, fast_bf16, seconds_spent
from aatviz.store import pretrained
from aatviz.store.weights import build_network, hash_of_weights, note_of, read_note, save_network
from aatviz.train import team
from aatviz.train.batches import Images, images_of
from aatviz.train.state import State, full, known_by, refuse_other_recipe, restore, save, shortened
from aatviz.train.updates import Updates
from aatviz.train.validation import evaluate

SAVE_SECONDS = 120.0
MOST_JUDGED = 1000
"""How many validation images count where images are decoded on the fly: in each evaluation they are read anew."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What the loop reports after every step. `loss` is None at most steps, since reading it waits for a GPU; `score` is a
    row of the history after an evaluation, else None."""

    job: str
    step: int
    steps: int
    loss: float | None
    seconds_left: float
    score: dict[str, float] | None


def train(
    job: Job,
    dataset: str,
    folder: Path,
    device: str = "cpu",
    report: Callable[[Progress], None] = lambda _: None,
    watch: Callable[[int, nn.Module], None] = lambda _, __: None,
    enough: Callable[[], bool] = lambda: False,
    save_seconds: float | None = None,
) -> Path:
    """Train one network, or go on where a run was cut off, and return the file of its best weights.

    Writes `<folder>/<job>.safetensors`, and the history in `<folder>/history/<job>.json`. A finished job is not trained
    again. In a team of processes (`aatviz.train.team`) all call this, and the first one writes.

    Args:
        job: the network, the method and all settings.
        dataset: the name of a data set on this machine.
        folder: the checkpoint folder.
        device: "cpu", "cuda", "cuda:1" or "mps".
        report: called after every step.
        watch: called after every evaluation with the step and the network that was judged, which it must not change.
        enough: asked after every step; where it says True, this step is the last one, whatever the recipe says. The note of
            the weights then has the step as "ended_at".
        save_seconds: between two savings of all that a run needs to go on; None: `SAVE_SECONDS`.

    Raises:
        DataNotFound: where the data set is not on this machine.
        FileNotFoundError: where the weights to start from are missing.
        ValueError: where the folder holds a run of another recipe, of other images, or from other starting weights.
    """
    final = folder / f"{job.name}.safetensors"
    bf16 = fast_bf16(device) and (device != "cpu" or NETWORKS.bf16_pays(job.network))
    if finished(job, folder):
        return final

    training, validation = (open_split(dataset, split) for split in ("train", "validation"))
    x, y = images_of(training, device), training.labels.to(device)
    judged = slice(MOST_JUDGED if validation.on_the_fly else None)
    x_val, y_val = validation.images(judged).to(device), validation.labels[judged].to(device)
    note = note_of(job, (x.shape[1], x.shape[2], x.shape[3]))
    before = {"seconds": 0.0, "evaluation_seconds": 0.0}
    beginning: dict[str, str | None] = {"start_sha256": None, "start_weights": None}
    start = start_file(job, folder)
    updates = Updates(job, x, y, start, bf16)
    learner = updates.learner
    if start:
        beginning = _beginning(start)
        before = read_note(start) if start.parent.name == "stage" else before
    origin = {"recipe_hash": digest(job), "data_hash": training.content_hash, **beginning}
    state = restore(folder, job, learner, origin)
    updates.step = state.step

    ended_at, between = 0, SAVE_SECONDS if save_seconds is None else save_seconds
    started, first_step, last_save = time.monotonic(), state.step, time.monotonic()
    evaluate_at = {round(job.steps * (i + 1) / job.evaluations) for i in range(job.evaluations)}
    while state.step < job.steps and not ended_at:
        tick = seconds_spent(device)
        loss = updates.make()
        state.step = updates.step
        ended_at = state.step if state.step < job.steps and enough() else 0
        judged_now = state.step in evaluate_at or ended_at
        reported = loss.item() if state.step % 50 == 0 or judged_now else None  # waits for a GPU
        state.seconds += seconds_spent(device) - tick

        row = None
        if judged_now:
            row = _evaluate(job, learner.judged, state, (x, y), (x_val, y_val), bf16)
            watch(state.step, learner.judged)
        pace = (time.monotonic() - started) / (state.step - first_step)
        report(
            Progress(
                job=job.name,
                step=state.step,
                steps=job.steps,
                loss=reported,
                seconds_left=pace * (job.steps - state.step),
                score=row,
            )
        )
        due = time.monotonic() - last_save > between and team.first()
        if due and state.step % job.replay == 0:  # perturbations are not saved
            save(full(folder, job.name), learner, state, origin)
            last_save = time.monotonic()

    if not team.first():
        return final
    best = build_network(note)
    best.load_state_dict(state.best)
    spent = {"seconds": state.seconds, "evaluation_seconds": sum(row["evaluation_seconds"] for row in state.history)}
    note |= {
        "recipe": dataclasses.asdict(job),
        "dataset": dataset,
        **{name: round(before[name] + value, 1) for name, value in spent.items() if name in before},
        "device": describe(device),
        "precision": "bf16" if bf16 else "fp32",
        "torch": torch.__version__,
        **origin,
    }
    note |= {"shortened_at": state.shortened_at} if state.shortened_at else {}
    note |= {"ended_at": ended_at} if ended_at else {}
    write_json(folder / "history" / f"{job.name}.json", state.history)
    save_network(final, best, note)
    _forget_states(job, folder)
    return final


def finished(job: Job, folder: Path) -> bool:
    """Whether the job's weights are in the folder. ValueError where they are of another recipe, or started from other
    weights than those that are there now."""
    final = folder / f"{job.name}.safetensors"
    if not final.exists():
        return False
    _refuse_other_origin(read_note(final), job, folder, final)
    _forget_states(job, folder)  # of a run that was killed when all was done
    return True


def _forget_states(job: Job, folder: Path) -> None:
    for file in (full(folder, job.name), shortened(folder, job.name)):
        file.unlink(missing_ok=True)


def start_file(job: Job, folder: Path) -> Path | None:
    """The weight file that this job starts from, or None. FileNotFoundError where it has not been trained yet, or where
    pretrained weights are not on this machine and cannot be fetched."""
    if name := pretrained.named(job.start_from):
        return pretrained.weights(name)
    path = _start_place(job, folder)
    if path and not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {job.name} starts from it. Train that first.")
    return path


def _start_place(job: Job, folder: Path) -> Path | None:
    """Where the weights that this job starts from belong; None for random weights."""
    name = pretrained.named(job.start_from)
    return pretrained.place(name) if name else (folder / job.start_from).resolve() if job.start_from else None


def _evaluate(
    job: Job,
    network: nn.Module,
    state: State,
    training: tuple[Images, Tensor],
    validation: tuple[Tensor, Tensor],
    bf16: bool,
) -> dict[str, float]:
    """Evaluate the network: one row of the history, with the seconds of the updates so far and of this evaluation. The
    weights are kept in `state` where they are the best so far."""
    device = str(training[0].device)
    started, count = seconds_spent(device), job.validation_count
    few = len(validation[0])
    on_validation = evaluate(job, network, *validation, count, bf16)
    on_training = evaluate(job, network, as_floats(training[0][:few]), training[1][:few], max(count // 2, 1), bf16)
    row = {"step": float(state.step), "seconds": round(state.seconds, 1)}
    row |= {f"validation_{name}": value for name, value in on_validation.items()}
    row |= {f"train_{name}": value for name, value in on_training.items()}
    row["evaluation_seconds"] = round(seconds_spent(device) - started, 1)
    state.history.append(row)
    score = on_validation["natural" if job.method == "natural" else "adversarial"]
    if score >= state.best_score:
        state.best_score = score
        state.best = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
    return row


def _refuse_other_origin(note: dict[str, Any], job: Job, folder: Path, path: Path) -> None:
    """ValueError where finished weights are of another recipe, or started from other weights than those in `start_from`.
    Shipped systems have no weights of stages; then only the recipe is compared."""
    refuse_other_recipe(note, job, path)
    start = _start_place(job, folder)
    if start and start.is_file() and "start_sha256" in note and note[known_by(note)] != _beginning(start)[known_by(note)]:
        raise ValueError(
            f"{path} was begun with other starting weights than {start} holds now. Remove it to train {job.name} anew."
        )


def _beginning(start: Path) -> dict[str, str | None]:
    """The two hashes by which the weights that a job starts from are recognised: of the whole file, and of its tensors."""
    return {"start_sha256": hashlib.sha256(read_bytes(start)).hexdigest(), "start_weights": hash_of_weights(start)}
