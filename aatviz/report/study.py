"""Shared against separate banks: the systems for the same ball side by side."""

from typing import Any

from aatviz.evaluate.detectors import KIND as DETECTORS
from aatviz.explore.generation.run import load_generated
from aatviz.metrics.format import headline, interval, markdown_table, mean_cells, means_of
from aatviz.report.card_readme import training_minutes
from aatviz.store.card import Card
from aatviz.store.results import valid_records
from aatviz.store.systems import System, cards, checkpoints_folder, damage, load_system


def study(system: System) -> str:
    """A section of Markdown; empty where no other system is trained for this one's ball."""
    same = {n: c for n, c in cards().items() if c.threat == system.card.threat and (n == system.name or _whole(n, c))}
    if len(same) < 2 or system.name not in same:
        return ""
    rows = [["", *same], *_size(same), *_cost(same), *_aucs(same), *_generated(list(same))]
    return f"## Shared against separate\n\n{markdown_table(rows)}\n"


def _whole(name: str, card: Card) -> bool:
    """Whether another system can be shown in the table. A damaged one is left out, so that the report can still be made."""
    folder = checkpoints_folder() / name
    try:
        valid_records(folder, card)
    except (OSError, ValueError):
        return False
    return not damage(folder, card)


def _size(same: dict[str, Card]) -> list[list[str]]:
    sizes = [[(checkpoints_folder() / n / path).stat().st_size for path in c.files.detectors] for n, c in same.items()]
    return [
        ["networks in the bank", *(str(len(c.files.detectors)) for c in same.values())],
        ["weights, MB", *(f"{sum(size) / 1e6:.1f}" for size in sizes)],
    ]


def _cost(same: dict[str, Card]) -> list[list[str]]:
    """Two rows: training in minutes of one core, and an attack's step in passes, which do not depend on the machine."""
    minutes = [training_minutes(c) for c in same.values()]
    networks = [f"{len(c.files.detectors)}, 1" for c in same.values()]
    return [
        ["training of the detectors (of separate ones, from the shared bank), minutes of one core", *minutes],
        ["an attack step on all detectors (loss 10): passes forward, backward", *networks],
    ]


def _aucs(same: dict[str, Card]) -> list[list[str]]:
    """For every recipe by which all systems' same detectors were measured: the mean AUC with its n, and each detector's."""
    first, *others = [valid_records(checkpoints_folder() / name, card) for name, card in same.items()]
    rows = []
    for recipe, record in first.items():
        if (
            record["kind"] == DETECTORS.name
            and _classes(record)
            and all(_classes(other.get(recipe)) == _classes(record) for other in others)
        ):
            columns = [[headline(row) for row in found[recipe]["rows"]] for found in (first, *others)]
            means, counts = mean_cells(headline(means_of(found[recipe])) for found in (first, *others))
            rows += [[f"{recipe}: mean AUC", *means], [f"{recipe}: n of the mean", *counts]]
            for row, *values in zip(record["rows"], *columns, strict=True):
                rows.append([f"{recipe}: k = {row['detector']}", *(interval(value, 5) for value in values)])
    return rows


def _classes(record: dict[str, Any] | None) -> list[int]:
    return [row["detector"] for row in record["rows"]] if record else []


def _generated(names: list[str]) -> list[list[str]]:
    """How often an independent classifier recognises the images that the detectors generate from noise."""
    made = [load_generated(load_system(name)) for name in names]
    shares = [run.judged_as_target("generative") for run in made if run]
    if len(shares) < len(made):
        return []
    words = f"images generated from class noise that the judge takes for the target (n = {shares[0].n})"
    return [[words, *(interval(share, 2) for share in shares)]]
