"""Cards: what a system is, where its weights come from, and every number measured on them."""

import dataclasses
import hashlib
import platform
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
import torchvision

from aatviz.data import open_split
from aatviz.recipes import Recipe, digest
from aatviz.runtime.files import read_json, write_json
from aatviz.store.card import CARD, parse_card
from aatviz.store.gaussians import FILE as GAUSSIANS
from aatviz.store.results import valid_records
from aatviz.store.weights import read_note


def write_card(recipe: Recipe, folder: Path) -> bool:
    """Write the card once all weights of the system are there; False while one is still missing."""
    files = _files(recipe)
    paths = [*files["detectors"], files["classifier"], files["robust"]]
    if not all((folder / path).is_file() for path in paths):
        return False
    extra = {kind: path for kind, path in _extra_files(recipe).items() if (folder / path).is_file()}
    paths += [extra["judge"]] if "judge" in extra else []
    weights = {path: _describe_weights(folder / path) for path in paths}
    labels = open_split(recipe.dataset, "train").labels.numpy()
    classes = int(labels.max()) + 1
    card = {
        "system": recipe.system,
        "about": recipe.about,
        "kind": "shared" if len(files["detectors"]) == 1 else "separate",
        "dataset": recipe.dataset,
        "classes": classes,
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
            "classifiers": round(weights[files["classifier"]]["seconds"] + weights[files["robust"]]["seconds"], 1),
        },
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "numpy": np.__version__,
            "safetensors": safetensors.__version__,
        },
        "metrics": {},
    }
    write_json(folder / CARD, card)
    update_card(folder)
    return True


def update_card(folder: Path) -> None:
    """Bring the metrics of the card in step with those records in `results/` that belong to these weights and to today's
    recipes. That of the honest protocol is left where it is: it is long."""
    raw = read_json(folder / CARD)
    records = valid_records(folder, parse_card(raw, str(folder / CARD)))
    raw["metrics"] = {name: _summary(record) for name, record in records.items() if record["kind"] != "honest"}
    write_json(folder / CARD, raw)


def _files(recipe: Recipe) -> dict[str, Any]:
    shipped = [job for job in recipe.jobs if not job.name.startswith("stage/")]
    detectors = [f"{job.name}.safetensors" for job in shipped if job.method in ("aat", "aat_shared")]
    beside = _beside(recipe)
    return {
        "detectors": detectors,
        "classifier": f"{beside}classifier.safetensors",
        "robust": f"{beside}robust.safetensors",
    }


def _extra_files(recipe: Recipe) -> dict[str, str]:
    """What generation needs, and a system can do without."""
    return {"judge": f"{_beside(recipe)}judge.safetensors", "gaussians": f"{_beside(recipe)}{GAUSSIANS}"}


def _beside(recipe: Recipe) -> str:
    """Where the networks lie that several systems share."""
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
        **{key: note[key] for key in ("evaluation_seconds",) if key in note},  # the first weights do not say
    }


def _summary(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what only a re-computation needs."""
    left_out = ("system", "weights_hash", "recipe_hash")
    return {key: value for key, value in record.items() if key not in left_out}
