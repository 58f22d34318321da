"""The parts of every evaluation: computed in chunks, each a file of its own, put together into one record in the end.

A record is `<system>/results/<recipe>.json` with its scores in an `.npz` of the same name. It carries the hash of the
weights and of the recipe it was made from: where both still hold, nothing is computed again.
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np
import torch

from aatviz.evaluate import detectors, distortion, real_images, side_by_side, systems
from aatviz.evaluate.cost import counted
from aatviz.evaluate.honest import run as honest
from aatviz.evaluate.honest.protocol import depends
from aatviz.evaluate.images import Arrays, Parts
from aatviz.recipes.evaluation import (
    DetectorEvaluation,
    DistortionEvaluation,
    Evaluation,
    HonestEvaluation,
    RealImagesEvaluation,
    SideBySideEvaluation,
    SystemEvaluation,
)
from aatviz.runtime.files import read_arrays, read_json, write_arrays, write_json
from aatviz.store.results import misfit, recipe_hash, result_file, weights_hash
from aatviz.store.systems import System

Report = Callable[[str, float], None]
"""Called with a part's name and the share of it that is done."""


class Kind(Protocol):
    """What one kind of evaluation computes. Modules are these: `aatviz.evaluate.detectors` and its neighbours."""

    KIND: str
    """What the record calls itself."""
    CHUNK: int
    """Attacked images between two files: an interruption costs no more than these."""

    def parts(self, system: System, recipe: Any) -> dict[str, int]:
        """The parts that can be computed on their own, with the attacked images of each; 0 for what is one piece."""

    def passes(self, system: System, recipe: Any, part: str) -> float:
        """About how many passes forward and backward through one network of the bank each attacked image takes."""

    def compute(self, system: System, recipe: Any, part: str, start: int, bf16: bool) -> Arrays:
        """The scores of one chunk, that of the images from `start`."""

    def summary(self, system: System, recipe: Any, parts: Parts) -> dict[str, Any]:
        """Every number of the record, from the stored scores alone."""


_KINDS: dict[type[Evaluation], ModuleType] = {
    DetectorEvaluation: detectors,
    SystemEvaluation: systems,
    SideBySideEvaluation: side_by_side,
    DistortionEvaluation: distortion,
    RealImagesEvaluation: real_images,
    HonestEvaluation: honest,
}


def parts(system: System, recipe: Evaluation) -> list[str]:
    """The parts that can be computed on their own."""
    return list(_kind(recipe).parts(system, recipe))


def cost(system: System, recipe: Evaluation) -> float:
    """About how many passes forward and backward through one network of the bank are still to be computed."""
    if stored(system, recipe) is not None:
        return 0.0
    kind = _kind(recipe)
    return sum(
        kind.passes(system, recipe, part) * count * sum(not file.exists() for file in files) / len(files)
        for part, count in kind.parts(system, recipe).items()
        for files in [_chunk_files(system, recipe, part, count)]
    )


def run_part(
    system: System, recipe: Evaluation, part: str, bf16: bool = False, report: Report = lambda *_: None
) -> list[Path]:
    """Compute what is still missing of one part, and return its files. ValueError with the parts there are."""
    kind = _kind(recipe)
    counts = kind.parts(system, recipe)
    if part not in counts:
        raise ValueError(f"{recipe.name} has no part {part!r}; it has {', '.join(map(repr, counts))}.")
    files = _chunk_files(system, recipe, part, counts[part])
    for place, file in enumerate(files):
        if not file.exists():
            started = time.monotonic()
            with counted(system) as passes:
                arrays = kind.compute(system, recipe, part, place * kind.CHUNK, bf16)
            spent = {
                "seconds": time.monotonic() - started,
                "forward": passes.forward,
                "backward": passes.backward,
                "precision": "bf16" if bf16 else "fp32",
            }
            write_arrays(file, arrays | {name: np.array(value) for name, value in spent.items()})
        report(part, (place + 1) / len(files))
    return files


def finish(system: System, recipe: Evaluation) -> dict[str, Any]:
    """Put the parts together into the record, write it, and remove the parts. ValueError while one is missing."""
    files = {part: _chunk_files(system, recipe, part, count) for part, count in _kind(recipe).parts(system, recipe).items()}
    if missing := [part for part, chunks in files.items() if not all(chunk.exists() for chunk in chunks)]:
        raise ValueError(f"{recipe.name} is not complete: {', '.join(missing)} still to be computed.")
    spent = dict.fromkeys(("seconds", "forward", "backward"), 0.0)
    found: Parts = {}
    precisions: set[str] = set()
    for part, chunks in files.items():
        arrays = [read_arrays(chunk) for chunk in chunks]
        for name in spent:
            spent[name] += sum(float(array.pop(name)) for array in arrays)
        precisions |= {str(array.pop("precision")) for array in arrays}
        keys = dict.fromkeys(key for array in arrays for key in array)
        found[part] = {key: np.concatenate([array[key] for array in arrays if key in array]) for key in keys}
    merged = {f"{part}.{name}": array for part, scores in found.items() for name, array in scores.items()}
    write_arrays(result_file(system, recipe.name, "npz"), merged)
    cost = {"seconds": round(spent["seconds"], 1), "forward": int(spent["forward"]), "backward": int(spent["backward"])}
    record = _write_record(system, recipe, found, cost | {"precision": " and ".join(sorted(precisions))})
    for chunk in (chunk for chunks in files.values() for chunk in chunks):
        chunk.unlink()
    return record


def refresh(system: System, recipe: Evaluation, record: dict[str, Any]) -> dict[str, Any]:
    """Compute the numbers of a stored record again from its scores, and write it; no attack is run."""
    found: Parts = {}
    for key, array in read_arrays(result_file(system, recipe.name, "npz")).items():
        part, _, name = key.rpartition(".") if key.rpartition(".")[0] in parts(system, recipe) else key.partition(".")
        found.setdefault(part, {})[name] = array
    measured = dataclasses.replace(recipe, count=record["recipe"]["count"])
    cost = {key: record.get(key) for key in ("seconds", "forward", "backward", "precision")}
    return _write_record(system, measured, found, cost)


def stored(system: System, recipe: Evaluation, least: int | None = None) -> dict[str, Any] | None:
    """The record of this recipe on these very weights, or None: with as many images as the recipe asks for, or `least`."""
    path = result_file(system, recipe.name, "json")
    if not path.exists():
        return None
    record: dict[str, Any] = read_json(path)
    enough = record["recipe"]["count"] >= (recipe.count if least is None else least)
    fits = not misfit(record, recipe, weights_hash(system)) and record.get("depends") == _depends(system, recipe)
    return record if enough and fits else None


def _write_record(system: System, recipe: Evaluation, found: Parts, cost: dict[str, Any]) -> dict[str, Any]:
    kind = _kind(recipe)
    record = {
        "system": system.name,
        "kind": kind.KIND,
        "recipe": dataclasses.asdict(recipe),
        "recipe_hash": recipe_hash(recipe),
        "weights_hash": weights_hash(system),
        "depends": _depends(system, recipe),
        "torch": torch.__version__,
        "seeds": f"for each {kind.CHUNK} images of a part, the number of the first of them",
        **cost,
        **kind.summary(system, recipe, found),
    }
    write_json(result_file(system, recipe.name, "json"), record)
    return record


def _depends(system: System, recipe: Evaluation) -> dict[str, Any] | None:
    """What the numbers depend on beside the recipe and the system's own weights; None: nothing."""
    return depends(system, recipe) if isinstance(recipe, HonestEvaluation) else None


def _kind(recipe: Evaluation) -> Kind:
    return cast(Kind, _KINDS[type(recipe)])


def _chunk_files(system: System, recipe: Evaluation, part: str, count: int) -> list[Path]:
    """The files that a complete part consists of, in order."""
    chunk = _kind(recipe).CHUNK
    starts = range(0, count, chunk) if count else [0]
    key = f"{recipe_hash(recipe)}-{weights_hash(system)}-{recipe.count}"
    if others := _depends(system, recipe):
        key += f"-{hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()[:8]}"
    slug = "".join(letter if letter.isalnum() else "-" for letter in part)
    return [system.folder / "results" / "parts" / f"{recipe.name}-{slug}-{key}-{start}.npz" for start in starts]
