"""The words of the Robustness page. Every number in them comes from a record."""

from collections.abc import Sequence
from typing import Any

from aatviz.attacks.victims import OWN_LOSS
from aatviz.data import Dataset
from aatviz.data.spec import written
from aatviz.evaluate.honest.protocol import many_runs
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.metrics.format import bounds, interval
from aatviz.ui.common.classes import shortened
from aatviz.ui.common.words import literal

LEAST_FOUND = 0.95
"""An attack that finds a smaller share of the planted examples is called weak."""
MOST_BY_CHANCE = 0.5
"""Where random points find a larger share of the planted examples, finding them is no feat."""
BLIND, LITTLE = "integrated, classifier alone", 0.02
"""The scenario of an attack on the classifier alone; and the error below which detectors are said to catch it."""
OWN = "own"
ROWS = {
    OWN: "the paper's loss",
    "restarts": "the same, with restarts",
    "multi-targeted": "every target in turn",
    "APGD": "APGD",
    "classifier": "classifier alone (loss 9)",
    "detectors": "detectors alone (loss 10)",
    "detectors margin": "loss 9 on the detectors",
    "APGD, detectors margin": "the same, APGD",
    "combined": "combined (loss 13)",
    "combined surrogate": "combined (losses 11, 12)",
    "Square": "Square, no gradients",
    "transfer": "made on a related system",
    EVERY: "worst of all, per image",
}
"""The attacks, from the top of the picture to its bottom. The attack with the victim's own loss is in the first row."""
NAMES = {"generative": "generative classifier", "integrated": "integrated classifier", "robust": "robust classifier"}
LOSSES = {"detectors": "loss 10", "combined": "loss 13", "margin": "loss 9"}


def row_of(attack: str, own: str) -> str:
    """The key in `ROWS` of an attack against a victim whose own loss is `own`."""
    if attack == own:
        return OWN
    return "restarts" if attack.startswith(f"{own}, ") else attack


def in_words(attack: str, victim: str) -> str:
    """An attack's name for a visitor."""
    own = OWN_LOSS[victim]  # type: ignore[index]
    row = row_of(attack, own)
    words = f"the same, {attack.rpartition(', ')[2]}" if row == "restarts" else ROWS[row]
    return f"{words} ({LOSSES[own]})" if attack == own else words


def every_name(classes: int) -> list[str]:
    """The names of all attacks on any victim, for a data set with this number of classes."""
    own = [f"{loss}, {many_runs(classes)} restarts" for loss in OWN_LOSS.values()]
    return [*OWN_LOSS.values(), *own, *(name for name in ROWS if name not in (OWN, "restarts", EVERY, *OWN_LOSS.values()))]


def errors(record: dict[str, Any], place: int) -> dict[str, dict[str, Any]]:
    """For each victim the error of every attack at one threshold, by the keys of `ROWS` and in their order."""
    found = {}
    for victim, result in record["victims"].items():
        by_row = {row_of(attack, result["own"]): value for attack, value in result["at"][place]["error"].items()}
        found[victim] = {row: by_row[row] for row in ROWS if row in by_row}
    return found


def table(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """The error of each victim under each attack, in words; the rows of a Markdown table."""
    lines = [["attack", *(NAMES[victim] for victim in found)]]
    for row, label in ROWS.items():
        cells = [interval(values[row], 3) if row in values else "" for values in found.values()]
        if any(cells):
            mark = "**" if row == EVERY else ""
            lines.append([f"{mark}{label}{mark}", *(f"{mark}{cell}{mark}" if cell else "" for cell in cells)])
    return lines


def csv(record: dict[str, Any]) -> tuple[list[str], list[list[object]]]:
    """Head and rows: one for each victim, threshold and attack."""
    head = ["victim", "clean_rejection", "threshold", "attack", "error", "low", "high", "n"]
    rows: list[list[object]] = []
    for victim, found in record["victims"].items():
        for row in found["at"]:
            for name, value in row["error"].items():
                key = [victim, row["clean_rejection"], row["threshold"], name]
                rows.append([*key, *(value[field] for field in ("value", "low", "high", "n"))])
    return head, rows


def verdict(record: dict[str, Any], place: int) -> str:
    """The record's verdict on the system, in a few plain sentences."""
    rows = {name: victim["at"][place] for name, victim in record["victims"].items()}
    lines = []
    for name, row in rows.items():
        own = record["victims"][name]["own"]
        worst, paper = row["error"][EVERY], row["error"][own]
        lines.append(
            f"- **{NAMES[name].capitalize()}**: right and accepted on {row['accuracy']['value']:.1%} of natural images. "
            f"Attacked images that it misclassifies and accepts: **{worst['value']:.1%}** "
            f"({bounds(worst, 1, percent=True)}, n = {worst['n']:,}); PGD on the paper's loss ({LOSSES[own]}) alone "
            f"finds {paper['value']:.1%}."
        )
    rejected = rows["generative"]["clean_rejection"]
    cost = (
        f"At the same clean cost, {rejected:.0%} of held-out natural images rejected," if rejected else "Without rejection,"
    )
    lines.append(f"\n{cost} {_most({name: row['error'][EVERY] for name, row in rows.items()})}")
    return "\n".join(lines)


def _most(worst: dict[str, dict[str, Any]]) -> str:
    """Which victim withstands most, from the errors under the worst of all attacks; or that their intervals overlap."""
    best = min(worst, key=lambda name: worst[name]["value"])
    alike = [name for name in worst if name == best or worst[name]["low"] <= worst[best]["high"]]
    if len(alike) == 1:
        return f"the **{NAMES[best]}** withstands most."
    names = " and ".join(f"**{NAMES[name]}**" for name in alike)
    others = "" if len(alike) == len(worst) else "withstand more than the other, and "
    return f"the {names} {others}cannot be told apart: their intervals overlap. Mind their accuracies as well."


def checks(rows: list[dict[str, Any]]) -> str:
    """The checks for masked gradients as a list."""
    return "\n".join(f"- {'✓ passed' if row['passed'] else '✗ **failed**'}: {row['check']}. {row['words']}" for row in rows)


def planted(found: dict[str, Any]) -> str:
    """The attack unit test as a table in Markdown."""
    lines = ["| attack | planted examples found (95% interval) | |", "|---|---|---|"]
    for name, value in found.items():
        control = name == "random search"
        note = "" if value["value"] >= LEAST_FOUND else "**weak**"
        if control:
            easy = value["value"] > MOST_BY_CHANCE
            note = (
                "the control: **it finds them too, so this test says little**"
                if easy
                else "the control: it must not find them"
            )
        lines.append(f"| {name} | {interval(value, 3)} | {note} |")
    return "\n".join(lines)


def detector(k: int, names: Sequence[str]) -> str:
    """A detector in a table or a figure: "k = 3", or the name of its class."""
    return f"k = {k}" if names[k] == str(k) else shortened(names[k], 24)


def blind(record: dict[str, Any]) -> str:
    """A sentence about the attack that does not look at the detectors; empty where the record has none."""
    error = record["at_tpr"]["error"].get(BLIND)
    if error is None:
        return ""
    if error["value"] < LITTLE:
        return " The line along the left edge is an attack on the classifier alone, which the detectors catch."
    return (
        f" An attack on the classifier alone gets {error['value']:.0%} of the images past the detectors too, where T "
        f"accepts {record['at_tpr']['tpr']:.0%} of natural ones."
    )


def distortion(record: dict[str, Any]) -> str:
    """How one search for the smallest distortion was made, and how often it succeeded."""
    recipe, rate = record["recipe"], record["distortion"]["last"]["false_positive_rate"]
    chosen = recipe.get("threshold") is None
    accepted = f"{recipe['true_positive_rate'] if chosen else record['accepted']:.1%}"
    threshold = (
        f"the T that accepts {accepted} of natural images (T = {record['threshold']:.2f})"
        if chosen
        else f"T = {record['threshold']:.2f}, which accepts {accepted} of natural images"
    )
    return (
        f"Unconstrained attacks on {rate['n']:,} images with loss 16, at {threshold}: {rate['value']:.1%} of the images "
        "became false positives."
    )


def reach(record: dict[str, Any], dataset: Dataset) -> str:
    """The meaning, for this threat model, of real images of other classes inside the ball."""
    rows, mean = record["rows"], record["mean"]
    ball = f"{record['norm']} ε = {written(record['eps'])}"
    n = sum(row["in_reach"]["n"] for row in rows)
    if not mean["in_reach"]:
        return (
            f"Of {n:,} pairs of an out-of-class test image and a class, none has a real training image of the class in its "
            f"ball ({ball}). So whatever fools a detector here is not one of those."
        )
    hardest = max(rows, key=lambda row: row["in_reach"]["value"])
    return (
        f"This ball ({ball}) is so large that it holds real {dataset.plural} of other classes: **{mean['in_reach']:.1%}** "
        f"of the out-of-class test images have one, {hardest['in_reach']['value']:.1%} where the class is "
        f"{literal(dataset.classes[hardest['detector']])}. "
        "An attacker need only look it up, without any gradient, and a detector is right to accept it: in so large a ball "
        f"“is this a k?” has no single answer. That alone lowers the mean AUC of these detectors to **{mean['auc']:.4f}**."
    )
