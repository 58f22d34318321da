"""Tiny trainings for the tests of the loop: jobs, a run that is killed, and what a run has left."""

import dataclasses
import json
import signal
from pathlib import Path
from typing import Any

from torch import Tensor

from aatviz import recipes
from aatviz.runtime.files import read_tensors
from tests import quick_python

DATASET = recipes.get("tiny").dataset
ALONE: dict[str, Any] = {"start_from": None, "network": "mlp", "arch": (("widths", (32,)),)}
"""From random weights, so that each job can be trained alone, and of a network that takes no time."""
JOBS = {job.name: dataclasses.replace(job, **ALONE) for name in ("tiny", "tiny-separate") for job in recipes.get(name).jobs}

KILLED = """
import dataclasses, os, signal, sys
from pathlib import Path
import torch
from aatviz import recipes
from aatviz.train import loop

name, folder, place, alone = sys.argv[1:]
torch.set_num_threads(1)
loop.SAVE_SECONDS = 0.0

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def report(progress):
    if progress.step == 7:
        if place == "while saving":
            os.fsync = die  # all is written beside, and not renamed
        else:
            die()

recipe = recipes.get("tiny" if name == "shared" else "tiny-separate")
loop.train(dataclasses.replace(recipe.job(name), **eval(alone)), recipe.dataset, Path(folder), report=report)
"""


def kill(name: str, folder: Path, place: str) -> None:
    """Train until a kill -9 after the sixth update, which is saved."""
    killed = quick_python.run("-c", KILLED, name, folder, place, repr(ALONE))
    assert killed.returncode == -signal.SIGKILL, killed.stderr


def weights(path: Path) -> dict[str, Tensor]:
    return read_tensors(path)[0]


def history(folder: Path, job: str) -> list[dict[str, float]]:
    """Without wall times, the only thing that may differ between two runs."""
    rows = json.loads((folder / "history" / f"{job}.json").read_text())
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]
