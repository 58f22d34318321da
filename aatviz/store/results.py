"""Where results lie, and the hashes by which a result is known to belong to these weights and this recipe."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from aatviz.recipes.evaluation import Evaluation
from aatviz.store.systems import System


def result_file(system: System, recipe: str, kind: str) -> Path:
    """Where a record ("json") or its scores ("npz") lie."""
    return system.folder / "results" / f"{recipe}.{kind}"


def recipe_hash(evaluation: Evaluation) -> str:
    """A hash over everything that changes a number but the count of images: all fields without the words and the paper's."""
    settings = dataclasses.asdict(evaluation)
    kept = {key: value for key, value in settings.items() if key not in ("about", "count", "paper", "paper_rate")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def weights_hash(system: System) -> str:
    """A hash over all weight files of the system, in the card's order."""
    return files_hash(system.folder, system.card["files"])


def files_hash(folder: Path, files: dict[str, Any]) -> str:
    """The same, from the folder and the card's list of files."""
    paths = [*files["detectors"], files["classifier"], files["robust"]]
    digests = [hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in paths]
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
