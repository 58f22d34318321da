"""What the Thresholds page reads: the stored record, cached, and the texts and files that are made from it."""

import csv
import io
import math
from dataclasses import dataclass
from typing import Any

import streamlit as st

from aatviz import curves
from aatviz.curves import Curve, CurveRecord, Decisions
from aatviz.evaluate import result_file
from aatviz.metrics import Interval
from aatviz.store.systems import System

DEFAULT_SHARE = 0.99
"""The default T accepts this share of the natural images, judged by the generative classifier."""
STEP = 0.1
"""One step of the slider for T."""
LOSSES = {
    "detectors_max": "loss 10",
    "combined": "loss 13",
    "classifier_margin": "loss 9",
}
OPTIMIZERS = {"adam": "Adam", "steepest": "steepest descent", "momentum": "momentum"}


@dataclass(frozen=True, kw_only=True, eq=False)
class ThresholdView:
    """A record with everything about it that does not depend on T."""

    record: CurveRecord
    curves: dict[str, Curve]
    """By classifier: "generative", "integrated"."""
    low: float
    high: float
    """The range of the slider: every winning logit lies in it, and at `high` nothing is accepted."""
    default: float

    @property
    def decisions(self) -> dict[str, Decisions]:
        return {"generative": self.record.generative, "integrated": self.record.integrated}


def threshold_view(system: System) -> ThresholdView:
    """The stored record of a system; it is read again when its file changes. Raises as `aatviz.curves.load` does."""
    file = result_file(system, curves.RECIPE, "json")
    return _read(system, str(system.folder), file.stat().st_mtime_ns if file.exists() else 0)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(_system: System, folder: str, stamp: int) -> ThresholdView:
    record = curves.load(_system)
    scores = [part for d in (record.generative, record.integrated) for part in (d.natural, d.perturbed)]
    default = curves.threshold_accepting(record.generative, DEFAULT_SHARE)
    return ThresholdView(
        record=record,
        curves={"generative": curves.curve(record.generative), "integrated": curves.curve(record.integrated)},
        low=float(math.floor(min(float(part.min()) for part in scores))),
        high=float(math.floor(max(float(part.max()) for part in scores)) + 1),
        default=round(math.floor(default / STEP) * STEP, 1),  # downwards, so that no fewer are accepted
    )


def clamped(text: str, low: float, high: float) -> float:
    """T from the URL, brought into the slider's range. ValueError says, as the rest of a sentence, what is possible."""
    limits = f"a number from {low:g} to {high:g}"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(limits) from None
    if math.isnan(value):
        raise ValueError(limits)
    return round(min(max(value, low), high), 4)


def per_hundred(share: Interval) -> str:
    """ "98.2": how many of 100, with no more decimals than n supports, and never 100 or 0 where that is not exact."""
    percent = 100 * share.value
    text = f"{percent:.{1 if share.n > 100 else 0}f}"
    exact = share.value in (0.0, 1.0)
    return f"{percent:.2f}" if not exact and float(text) in (0.0, 100.0) else text


def with_interval(share: Interval) -> str:
    """ "9,817 of 10,000; 95% interval 97.9 to 98.4%"."""
    count = round(share.value * share.n)
    return f"{count:,} of {share.n:,}; 95% interval {100 * share.low:.1f} to {100 * share.high:.1f}%"


def attack_sentence(recipe: dict[str, Any], victim: str) -> str:
    """The attack against one classifier in words, from the record's own recipe."""
    scenario = recipe["scenarios"][victim]
    attack = scenario["attack"]
    start = "random starts" if attack["random_start"] else "start at the image itself"
    runs = f", {attack['restarts']} restarts" if attack["restarts"] > 1 else ""
    kept = "best iterate of each image" if attack["keep"] == "best" else "last iterate"
    ball = f"{attack['norm'].replace('inf', '∞')} ball of radius {attack['eps']:g}"
    loss = LOSSES.get(scenario["loss"], scenario["loss"])
    return (
        f"{loss}, PGD with {OPTIMIZERS[attack['optimizer']]}, "
        f"{attack['steps']} steps of {attack['step_size']:g}, {ball}, "
        f"{start}{runs}, {kept}"
    )


def curve_csv(curve: Curve, decisions: Decisions) -> str:
    """Every point of a curve; one row for each threshold at which a rate changes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["threshold", "tpr_eq7", "fpr_eq8", "accuracy_eq14", "error_eq15", "n_natural", "n_attacked"])
    counts = [len(decisions.natural), len(decisions.perturbed)]
    for row in zip(*(column.tolist() for column in curve), strict=True):
        writer.writerow([f"{value:.9g}" for value in row] + counts)
    return text.getvalue()


def python_code(system: str, threshold: float) -> str:
    """The Python that prints the numbers of the page at this T."""
    return f"""import aatviz
from aatviz import curves

record = curves.load(aatviz.load_system("{system}"))
print("generative", curves.at(record.generative, threshold={threshold:g}))
print("integrated", curves.at(record.integrated, threshold={threshold:g}))
print("robust", record.robust_accuracy, record.robust_error)
"""
