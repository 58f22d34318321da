"""The parts of every evaluation: they are computed in chunks, each a file of its own, and joined into one record at the end.

A record is `<system>/results/<recipe>.json`, with its scores in an `.npz` file of the same name. It carries the hashes of
the weights and of the recipe that it was made from: while both are unchanged, nothing is computed again.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aatviz.evaluate import detectors, distortion, real_images, robust_logits, side_by_side, stages, systems
from aatviz.evaluate.cost import counted
from aatviz.evaluate.honest import run as honest
from aatviz.evaluate.honest import thorough
from aatviz.evaluate.images import Arrays, Parts
from aatviz.evaluate.kind import Kind, Part
from aatviz.recipes.evaluation import Evaluation
from aatviz.runtime.files import making_sense_of, read_arrays, write_arrays, write_json
from aatviz.runtime.hardware import seconds_spent
from aatviz.store.results import AGAIN, misfit, read_record, recipe_hash, result_file, weights_hash
from aatviz.store.systems import System

Report = Callable[[str, float], None]
"""Called with a part's name and the share of it that is done."""
KINDS: dict[type, Kind[Any]] = {
    module.KIND.recipe: module.KIND
    for module in (detectors, robust_logits, stages, systems, side_by_side, distortion, real_images, honest, thorough)
}
"""Every kind of evaluation, by the type of its recipes."""


TRIED = ("settings",)
"""What a summary says about the attacks, not about their scores: a record keeps what it was measured with."""


def kind_of(recipe: Evaluation) -> Kind[Any]:
    """The kind of evaluation that this recipe belongs to."""
    return KINDS[type(recipe)]


def lacks(system: System, recipe: Evaluation) -> str:
    """One sentence to show about what this evaluation needs and the system does not have; empty where it can be measured."""
    return system.lacks(*kind_of(recipe).needs, what=f"The evaluation {recipe.name}")


def parts(system: System, recipe: Evaluation) -> list[str]:
    """The names of the parts that can be computed on their own. Raises Lacking where the system lacks what they need."""
    return [part.name for part in _parts(system, recipe)]


def cost(system: System, recipe: Evaluation) -> float:
    """About how many passes, forward and backward through one network of the bank, are still to be made."""
    if stored(system, recipe) is not None:
        return 0.0
    passes = kind_of(recipe).passes
    return sum(
        passes(system, recipe, part) * part.count * sum(not file.exists() for file in files) / len(files)
        for part in _parts(system, recipe)
        for files in [_chunk_files(system, recipe, part)]
    )


def run_part(
    system: System, recipe: Evaluation, part: str, bf16: bool = False, report: Report = lambda *_: None
) -> list[Path]:
    """Compute the missing chunks of one part, and return all its files.

    Args:
        part: a name from `parts`.
        bf16: whether attacks run in bfloat16.
        report: called at first, and after every chunk, with the part's name and the share of it that is done.

    Raises:
        ValueError: for an unknown part, with the known ones.
        Lacking: where the system lacks what the evaluation needs.
    """
    kind = kind_of(recipe)
    found = {one.name: one for one in _parts(system, recipe)}
    if part not in found:
        raise ValueError(f"{recipe.name} has no part {part!r}; it has {', '.join(map(repr, found))}.")
    files = _chunk_files(system, recipe, found[part])
    missing = [place for place, file in enumerate(files) if not file.exists()]
    report(part, 1 - len(missing) / len(files))
    for done, place in enumerate(missing, len(files) - len(missing) + 1):
        started = seconds_spent(str(system.device))
        with counted(system) as passes:
            rows = slice(place * kind.chunk, (place + 1) * kind.chunk)
            arrays = kind.compute(system, recipe, found[part], rows, bf16)
        spent = {
            "seconds": seconds_spent(str(system.device)) - started,
            "forward": passes.forward,
            "backward": passes.backward,
            "precision": "bf16" if bf16 else "fp32",
        }
        write_arrays(files[place], arrays | {name: np.array(value) for name, value in spent.items()})
        report(part, done / len(files))
    return files


def finish(system: System, recipe: Evaluation) -> dict[str, Any]:
    """Join the parts into the record, write it, remove the parts, and return the record. ValueError while one is missing."""
    files = {part.name: _chunk_files(system, recipe, part) for part in _parts(system, recipe)}
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
    tidy(system, recipe)
    return record


def tidy(system: System, recipe: Evaluation) -> None:
    """Remove the files of the parts of a record that is written; no data set is needed."""
    for chunk in (system.folder / "results" / "parts").glob(f"{recipe.name}-*-{_key(system, recipe)}-*.npz"):
        chunk.unlink(missing_ok=True)


def refresh(system: System, recipe: Evaluation, record: dict[str, Any]) -> dict[str, Any]:
    """Compute the numbers of a stored record again from its stored scores, write the record and return it. No attack is run;
    what the record says about its measurement stays."""
    measured = dataclasses.replace(recipe, count=record["recipe"]["count"])
    found = apart(read_arrays(result_file(system, recipe.name, "npz")), parts(system, measured))
    words = {"recipe": dataclasses.asdict(measured)}
    tried = {key: record[key] for key in TRIED if key in record}
    with making_sense_of(result_file(system, recipe.name, "npz"), AGAIN):
        fresh: dict[str, Any] = record | words | kind_of(recipe).summary(system, measured, found) | tried
    write_json(result_file(system, recipe.name, "json"), fresh)
    return fresh


def apart(arrays: Arrays, names: Iterable[str]) -> Parts:
    """The arrays of each of these parts, from those of a whole record with keys "PART.NAME". Where a key could belong to two
    parts, it belongs to the one with the longer name. ValueError where a part has no array."""
    found: Parts = {part: {} for part in sorted(names, key=len, reverse=True)}
    for key, array in arrays.items():
        part = next((part for part in found if key.startswith(f"{part}.")), None)
        if part is not None:
            found[part][key.removeprefix(f"{part}.")] = array
    if missing := [part for part, scores in found.items() if not scores]:
        raise ValueError(f"The stored scores hold none of {', '.join(missing)}. Measure them again.")
    return {part: found[part] for part in names}


def stored(system: System, recipe: Evaluation, least: int | None = None) -> dict[str, Any] | None:
    """The record of this recipe on these very weights, with at least as many images as the recipe asks for, or as `least`;
    None where there is no such record."""
    path = result_file(system, recipe.name, "json")
    if not path.exists():
        return None
    record = read_record(path)
    enough = record["recipe"]["count"] >= (recipe.count if least is None else least)
    fits = not misfit(record, recipe, weights_hash(system)) and record.get("depends") == kind_of(recipe).depends(
        system, recipe
    )
    return record if enough and fits else None


def _write_record(system: System, recipe: Evaluation, found: Parts, cost: dict[str, Any]) -> dict[str, Any]:
    kind = kind_of(recipe)
    record = {
        "system": system.name,
        "kind": kind.name,
        "recipe": dataclasses.asdict(recipe),
        "recipe_hash": recipe_hash(recipe),
        "weights_hash": weights_hash(system),
        "depends": kind.depends(system, recipe),
        "torch": torch.__version__,
        "seeds": f"for each {kind.chunk} images of a part, the number of the first of them",
        **cost,
        **kind.summary(system, recipe, found),
    }
    write_json(result_file(system, recipe.name, "json"), record)
    return record


def _parts(system: System, recipe: Evaluation) -> list[Part]:
    kind = kind_of(recipe)
    system.require(*kind.needs, what=f"The evaluation {recipe.name}")
    return kind.parts(system, recipe)


def _chunk_files(system: System, recipe: Evaluation, part: Part) -> list[Path]:
    """The files of a complete part, in order."""
    kind = kind_of(recipe)
    starts = range(0, part.count, kind.chunk) if part.count else [0]
    slug, key = "".join(letter if letter.isalnum() else "-" for letter in part.name), _key(system, recipe)
    return [system.folder / "results" / "parts" / f"{recipe.name}-{slug}-{key}-{start}.npz" for start in starts]


def _key(system: System, recipe: Evaluation) -> str:
    """A key in the names of all parts of a record, made from everything that they depend on."""
    key = f"{recipe_hash(recipe)}-{weights_hash(system)}-{recipe.count}"
    if others := kind_of(recipe).depends(system, recipe):
        key += f"-{hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()[:8]}"
    return key
