"""Which attack is the strongest on which victim, from a record: the point of figures 2a and 7."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from aatviz.data.spec import written
from aatviz.evaluate.systems import TRUE_POSITIVE_RATE

ATTACKS = {
    "detectors_max": "detectors alone (loss 10)",
    "classifier_margin": "classifier alone (loss 9)",
    "combined": "combined (loss 13)",
    "combined_surrogate": "combined (losses 11, 12)",
    "cross_entropy": "cross-entropy",
    "cw": "Carlini-Wagner",
}
"""The name of a loss in a sentence; its number is the paper's."""


def strongest(errors: Mapping[str, Mapping[str, Any]]) -> str:
    """The attack of the highest error, with those that are just as strong; "none" where none finds anything."""
    most = max(error["value"] for error in errors.values())
    names = [name for name, error in errors.items() if error["value"] == most]
    if not most:
        return "none"
    return " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} others"


def orders(record: dict[str, Any]) -> list[str]:
    """A sentence for each victim and eps for which several losses were tried: errors at 0.95 TPR, the highest first."""
    scenarios, errors = record["recipe"]["scenarios"], record["at_tpr"]["error"]

    def place(name: str) -> tuple[str, float]:
        return scenarios[name]["victim"], scenarios[name]["attack"]["eps"]

    sentences = []
    for (victim, eps), group in groupby(sorted(errors, key=place), key=place):
        names = sorted(group, key=lambda name: -errors[name]["value"])
        if len(names) > 1:
            ranked = ", ".join(f"{ATTACKS[scenarios[name]['loss']]} {errors[name]['value']:.1%}" for name in names)
            where = f"{victim.capitalize()}, eps {written(eps)}, T at {TRUE_POSITIVE_RATE} TPR"
            sentences.append(f"{where}, strongest first: {ranked}.")
    return sentences
