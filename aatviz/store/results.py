"""Where results lie, and the hashes that tell whether a result belongs to these weights and this recipe."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from aatviz.recipes.evaluation import LATER, Evaluation
from aatviz.recipes.paper import evaluations_of
from aatviz.runtime.files import read_json
from aatviz.store.card import Card
from aatviz.store.systems import System

AGAIN = "Restore it, or remove it and measure it again with `aatviz evaluate`."
HISTORY = frozenset(
    ("step", "validation_natural", "validation_adversarial", "train_natural", "train_adversarial"),
)
"""The numbers in each row of a history, apart from seconds."""


def result_file(system: System, recipe: str, kind: str) -> Path:
    """The file of a record ("json") or of its scores ("npz")."""
    return system.folder / "results" / f"{recipe}.{kind}"


def read_record(path: Path) -> dict[str, Any]:
    """A record as an evaluation wrote it. ValueError, with the file, where it holds something else."""
    record = read_json(path)
    recipe = record.get("recipe") if isinstance(record, dict) else None
    texts = [record.get(key) for key in ("kind", "recipe_hash", "weights_hash")] if isinstance(recipe, dict) else [None]
    if not (
        isinstance(recipe, dict) and isinstance(recipe.get("count"), int) and all(isinstance(one, str) for one in texts)
    ):
        raise ValueError(
            f"{path} is no record of an evaluation: expected an object with kind, recipe (an object with its count), "
            f"recipe_hash and weights_hash. {AGAIN}"
        )
    return dict(record)


def read_history(path: Path) -> list[dict[str, float]]:
    """The scores of a network in training, a row for each evaluation. ValueError, with the file, where it holds something
    else."""
    rows = read_json(path)
    whole = isinstance(rows, list) and all(
        isinstance(row, dict) and row.keys() >= HISTORY and all(isinstance(value, int | float) for value in row.values())
        for row in rows
    )
    if not whole:
        raise ValueError(
            f"{path} is no history of a training: expected a list of objects with the numbers {', '.join(sorted(HISTORY))}. "
            "Restore it, or remove it: nothing but the report and the Detectors page needs it."
        )
    return list(rows)


def misfit(record: dict[str, Any], evaluation: Evaluation, weights: str) -> str:
    """The reason why a record does not count, to be put after the word "measured". Empty where it was measured on the
    weights of this hash, with the settings that the evaluation has today; the number of images does not matter.

    KeyError where the record has no hashes.
    """
    if record["weights_hash"] != weights:
        return "on other weights"
    return "" if record["recipe_hash"] == recipe_hash(evaluation) else "with other settings than the recipe has today"


def valid_records(folder: Path, card: Card) -> dict[str, dict[str, Any]]:
    """All records in a checkpoint folder that belong to these weights and today's recipes, by the recipe's name, sorted by
    it. ValueError for a file that is no record."""
    weights, evaluations = card.weights_hash, evaluations_of(card)
    files = {name: folder / "results" / f"{name}.json" for name in sorted(evaluations)}
    records = {name: read_record(file) for name, file in files.items() if file.is_file()}
    return {name: record for name, record in records.items() if not misfit(record, evaluations[name], weights)}


def recipe_hash(evaluation: Evaluation) -> str:
    """A hash over all fields that change a measured number, except the count of images: so without words and the paper's
    numbers. A field in `LATER` counts only where it changes something."""
    settings = dataclasses.asdict(evaluation)
    words = ("about", "count", "paper", "paper_rate")
    kept = {key: value for key, value in settings.items() if key not in words and (key, value) not in LATER.items()}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def weights_hash(system: System) -> str:
    """`Card.weights_hash` of a system; its files were checked against the card when they were read."""
    return system.card.weights_hash
