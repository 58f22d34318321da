"""The section of the report on the subsample: rejecting counted as an error, growing balls, many restarts, many queries."""

from collections.abc import Mapping
from typing import Any

from aatviz.data.spec import written, written_beside
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.metrics.format import bounds, interval, markdown_table
from aatviz.store.card import Card
from aatviz.store.systems import System


def named(row: Mapping[str, Any], recipe: Mapping[str, Any]) -> list[str]:
    """The attacks of a victim's row, as the recipe set them, in its order."""
    names = {
        "many restarts": f"own loss, {recipe['restarts']} restarts",
        "many queries": f"Square, {recipe['queries']:,} queries",
    }
    return [names.get(name, name) for name in row["error"]]


def pushed_out(card: Card, record: Mapping[str, Any], place: int = -1, mark: str = "") -> str:
    """The total error where the smallest push only wants images rejected, in a sentence with marked shares, at one of the
    record's thresholds: usually the last, which rejects most."""
    rows = {victim: found[place] for victim, found in record["victims"].items()}
    shares = {victim: row["rejected"][1] for victim, row in rows.items()}
    listed = ", ".join(
        f"{mark}{value['value']:.0%}{mark} ({bounds(value, 0, percent=True)}) for the {victim} classifier"
        for victim, value in shares.items()
    )
    (first, *_), (value, *_) = rows.values(), shares.values()
    part = record["radii"][1]
    ball = f"{card.norm} {written_beside(part * card.eps, card.eps)} ({part:g} of the ball of the training)"
    return (
        f"An attacker may only want images rejected. Misclassified as they are, rejected within {ball}, or fooled within "
        f"all of it are {listed} (n = {value['n']:,}), where {first['clean_rejection']:.0%} of clean images are rejected."
    )


def subsample(system: System, record: dict[str, Any]) -> str:
    """Its tables, at the threshold that rejects most, as Markdown."""
    radii = [written(radius * system.card.eps, nearly=True) for radius in record["radii"]]
    along = ["victim", *(f"eps {radius}" for radius in radii)]
    rows = {victim: found[-1] for victim, found in record["victims"].items()}
    (first, *_) = rows.values()
    errors = [["victim", *named(first, record["recipe"]), "n"]]
    tables = {"growing": [along], "rejected": [along]}
    for victim, row in rows.items():
        errors.append([victim, *(interval(value, 3) for value in row["error"].values()), f"{row['error'][EVERY]['n']:,}"])
        for name, table in tables.items():
            table.append([victim, *(f"{value['value']:.0%}" for value in row[name])])
    return (
        f"At the threshold that rejects {first['clean_rejection']:.0%} of held-out clean images, misclassified and accepted:"
        f"\n\n{markdown_table(errors)}\n\nMisclassified or rejected as they are, or fooled within this eps by the attack "
        f"towards every target:\n\n{markdown_table(tables['growing'])}\n\nThe same within the whole eps, or pushed within "
        f"this one until they are rejected (arXiv 2305.01139):\n\n{markdown_table(tables['rejected'])}\n"
    )
