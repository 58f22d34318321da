"""Writing cards, and keeping their numbers up to date with the records."""

import dataclasses
import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch

from aatviz.data import open_split
from aatviz.data.registry import dataset
from aatviz.recipes import Job, Recipe, digest
from aatviz.recipes.spec import OF_DETECTORS
from aatviz.runtime.files import read_json, write_json
from aatviz.store.card import CARD, SCHEMA, parse_card, read_card
from aatviz.store.gaussians import FILE as GAUSSIANS
from aatviz.store.results import valid_records
from aatviz.store.weights import read_note

LONG = ("honest", "thorough")
"""The kinds of records that are too long for a card: the honest protocol and what goes beyond it."""


def write_card(recipe: Recipe, folder: Path) -> bool:
    """Write the card once all weights of the system are there; False while one is still missing. A system has a robust
    classifier where its recipe trains one, or where the system has one whose classifiers it uses.

    Raises ValueError for a recipe whose bank does not fit its data set.
    """
    bank, files, classes = detector_classes(recipe), _files(recipe, folder), len(dataset(recipe.dataset).classes)
    deciding = [*files["detectors"], files["classifier"], *([files["robust"]] if "robust" in files else [])]
    if not all((folder / path).is_file() for path in deciding):
        return False
    extra = {kind: path for kind, path in _extra_files(recipe).items() if (folder / path).is_file()}
    kept = [*deciding, *([extra["judge"]] if "judge" in extra else [])]
    weights = {path: _describe_weights(folder / path) for path in kept}
    labels = open_split(recipe.dataset, "train").labels.numpy()
    card = {
        "schema": SCHEMA,
        "system": recipe.system,
        "about": recipe.about,
        "kind": "shared" if len(files["detectors"]) < len(bank) else "separate",
        "dataset": recipe.dataset,
        "classes": classes,
        "detector_classes": bank,
        "norm": recipe.norm,
        "eps": recipe.eps,
        "prominence": recipe.prominence,
        "files": files | extra,
        "priors": (np.bincount(labels, minlength=classes) / len(labels)).round(6).tolist(),
        "recipe": dataclasses.asdict(recipe),
        "recipe_hash": digest(recipe),
        "weights": weights,
        "gaussians": _describe_gaussians(folder / extra["gaussians"]) if "gaussians" in extra else None,
        "seconds": {
            "detectors": round(sum(weights[path]["seconds"] for path in files["detectors"]), 1),
            "classifiers": round(sum(weights[path]["seconds"] for path in deciding if path not in files["detectors"]), 1),
        },
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": version("torchvision"),
            "numpy": np.__version__,
            "safetensors": safetensors.__version__,
        },
        "metrics": {},
    }
    parse_card(card)
    write_json(folder / CARD, card)
    update_card(folder)
    return True


def update_card(folder: Path) -> None:
    """Copy the records in `results/` that belong to these weights and to today's recipes into the card's metrics. Only those
    of `LONG` kinds are left out."""
    raw = read_json(folder / CARD)
    records = valid_records(folder, parse_card(raw, str(folder / CARD)))
    raw["metrics"] = {name: _summary(record) for name, record in records.items() if record["kind"] not in LONG}
    write_json(folder / CARD, raw)


def detector_classes(recipe: Recipe) -> list[int]:
    """The class that each column of the bank stands for. ValueError for a bank that does not fit the data set."""
    jobs, classes = _bank_jobs(recipe), len(dataset(recipe.dataset).classes)
    shared = [job for job in jobs if job.method == "aat_shared"]
    bank = list(range(shared[0].outputs)) if shared else [job.target for job in jobs if job.target is not None]
    if not bank or len(jobs) != (1 if shared else len({*bank})) or bank[-1] >= classes or (shared and len(bank) != classes):
        raise ValueError(
            f"{recipe.name} trains {', '.join(job.name for job in jobs) or 'no detectors'}; expected, for {recipe.dataset}, "
            f"one shared bank of {classes} outputs, or separate detectors of different classes among 0 to {classes - 1}."
        )
    return bank


def _bank_jobs(recipe: Recipe) -> list[Job]:
    """The jobs that train the bank, in the order of its columns."""
    jobs = [job for job in recipe.jobs if job.method in OF_DETECTORS and not job.name.startswith("stage/")]
    return sorted(jobs, key=lambda job: job.target or 0)


def _files(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """The weight files of detectors and classifiers, by their kind."""
    beside = _beside(recipe)
    files = {
        "detectors": [f"{job.name}.safetensors" for job in _bank_jobs(recipe)],
        "classifier": f"{beside}classifier.safetensors",
    }
    return files | ({"robust": f"{beside}robust.safetensors"} if _has_robust(recipe, folder) else {})


def _has_robust(recipe: Recipe, folder: Path) -> bool:
    if not recipe.classifiers_from:
        return any(job.name == "robust" for job in recipe.jobs)
    other = folder / _beside(recipe)
    return not (other / CARD).is_file() or read_card(other).files.robust is not None


def _extra_files(recipe: Recipe) -> dict[str, str]:
    """The files that only the generation of images needs."""
    return {"judge": f"{_beside(recipe)}judge.safetensors", "gaussians": f"{_beside(recipe)}{GAUSSIANS}"}


def _beside(recipe: Recipe) -> str:
    """The path to the folder of the classifiers, where another system's are used."""
    return f"../{recipe.classifiers_from}/" if recipe.classifiers_from else ""


def _describe_gaussians(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return read_note(path) | {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _describe_weights(path: Path) -> dict[str, Any]:
    note = read_note(path)
    kept = ("seconds", "device", "precision", "torch", "dataset", "data_hash", "recipe_hash", "start_sha256")
    content = path.read_bytes()
    seed = note["recipe"]["seed"]
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "seed": seed,
        **{key: note.get(key) for key in kept},
        **{key: note[key] for key in ("evaluation_seconds",) if key in note},  # missing in old weights
    }


def _summary(record: dict[str, Any]) -> dict[str, Any]:
    """A record without the fields that the card has already."""
    left_out = ("system", "weights_hash", "recipe_hash")
    return {key: value for key, value in record.items() if key not in left_out}
