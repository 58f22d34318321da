"""The file of the stored runs: every row says which recipe it is of, and is added alone to what the file holds by then."""

import sys
from pathlib import Path
from typing import Any, Literal

import torch

from aatviz.recipes import digest
from aatviz.runtime.files import read_json, write_json
from benchmarks.training import candidates

Section = Literal["curves", "tests"]
Rows = dict[str, dict[str, Any]]
"""By the candidate's name."""
SECTIONS: tuple[Section, ...] = ("curves", "tests")


def load(file: Path) -> dict[str, Any]:
    """All that is stored; a file that is not there yet holds no rows."""
    empty: dict[str, Any] = {section: {} for section in SECTIONS}
    return empty | (read_json(file) if file.is_file() else {})


def put(file: Path, **entries: Any) -> None:
    """Write these entries, and leave the others as the file has them by now: another run may have written meanwhile."""
    _write(file, load(file) | entries)


def add(file: Path, section: Section, name: str, row: dict[str, Any]) -> None:
    """Write one row, with its hash. What is stored under that name of another recipe than today's goes, its pace as well."""
    stored = load(file)
    for kept in SECTIONS:
        if name in stored[kept] and not is_todays(kept, name, stored[kept][name]):
            print(f"{kept}: the stored row of {name} is of another recipe than today's, and goes", file=sys.stderr)
            del stored[kept][name]
    if name not in stored["curves"]:
        stored.get("pace", {}).get("seconds", {}).pop(name, None)
    stored[section][name] = row | {"recipe_hash": recipe_hash(section, name)}
    _write(file, stored)


def todays(stored: dict[str, Any], section: Section) -> Rows:
    """The rows of today's candidates; stderr says which others there are."""
    rows: Rows = {name: row for name, row in stored[section].items() if is_todays(section, name, row)}
    if others := ", ".join(name for name in stored[section] if name not in rows):
        print(f"{section}: left out, as they are of other recipes than today's: {others}", file=sys.stderr)
    return rows


def is_todays(section: Section, name: str, row: dict[str, Any]) -> bool:
    """Whether a row is of the candidate of that name as it is now."""
    return name in candidates.names() and row.get("recipe_hash") == recipe_hash(section, name)


def recipe_hash(section: Section, name: str) -> str:
    """Of the candidate's recipe; a test of the shipped bank is one of its second cosine."""
    shipped = section == "tests" and name == candidates.SHIPPED.name
    return digest(candidates.COSINES[1] if shipped else candidates.get(name))


def _write(file: Path, stored: dict[str, Any]) -> None:
    write_json(file, stored | {"target": candidates.TARGET, "torch": torch.__version__})
