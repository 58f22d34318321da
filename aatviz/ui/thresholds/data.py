"""The data of the Thresholds page: the stored record, cached, and the texts and files that are made from it."""

import math
from dataclasses import dataclass
from typing import Any

import streamlit as st

from aatviz.data.spec import written
from aatviz.explore.example_images import Examples, load_examples
from aatviz.metrics import Interval
from aatviz.metrics.format import bounds
from aatviz.store.results import result_file
from aatviz.store.systems import System
from aatviz.thresholds import choose as operating_points
from aatviz.thresholds import curves
from aatviz.thresholds.choose import Costs
from aatviz.thresholds.curves import AtThreshold, Curve, CurveRecord, Decisions, Threshold
from aatviz.thresholds.snippets import listed
from aatviz.ui.common.datasets import dataset_of_card
from aatviz.ui.common.takeaway import table
from aatviz.ui.session import caches, stored

LOSSES = {
    "detectors_max": "loss 10",
    "combined": "loss 13",
    "classifier_margin": "loss 9",
}
MOST_LISTED = 20
OPTIMIZERS = {"adam": "Adam", "steepest": "steepest descent", "momentum": "momentum"}


@dataclass(frozen=True, kw_only=True, eq=False)
class ThresholdView:
    """A record, with everything computed from it that does not depend on T."""

    stamp: tuple[object, ...]
    """Changes when the files change."""
    record: CurveRecord
    curves: dict[str, Curve]
    """By classifier: "generative", "integrated"."""
    examples: Examples | None
    low: float
    """The least T of the sliders: it rejects no natural image."""
    high: float
    """The greatest T of the sliders: it accepts nothing."""
    default: float
    """The T that the page begins with."""
    names: tuple[str, ...]
    """The names of the classes."""
    noun: str
    """The data set's word for its images, in the plural."""

    @property
    def classes(self) -> int:
        return len(self.names)

    @property
    def decisions(self) -> dict[str, Decisions]:
        return {"generative": self.record.generative, "integrated": self.record.integrated}


def threshold_view(system: System) -> ThresholdView:
    """The stored record of a system; it is read again when its files change. Raises as `thresholds.curves.load` does,
    and Lacking, a ValueError, for a system without all that the curves need."""
    system.require("full_bank", "robust_classifier", what="The Thresholds page")
    files = (result_file(system, curves.RECIPE, "json"), result_file(system, "examples", "npz"))
    return _read(system, str(system.folder), tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files))


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(_system: System, folder: str, stamps: tuple[int, ...]) -> ThresholdView:
    record = stored.threshold_record(_system)
    natural = [part.logit for d in (record.generative, record.integrated) for part in (d.natural, d.held_out)]
    dataset = dataset_of_card(_system.card)
    attacked = [d.perturbed.logit for d in (record.generative, record.integrated)]
    return ThresholdView(
        stamp=(folder, *stamps),
        record=record,
        curves={"generative": curves.curve(record.generative), "integrated": curves.curve(record.integrated)},
        examples=_examples(_system),
        low=float(math.floor(min(float(part.min()) for part in natural))),
        high=float(math.floor(max(float(part.max()) for part in natural + attacked)) + 1),
        default=caches.default_threshold(_system),
        names=dataset.classes,
        noun=dataset.plural,
    )


def _examples(system: System) -> Examples | None:
    try:
        return load_examples(system)
    except ValueError:  # damaged: the page is whole without them, and says how to make them
        return None


def per_hundred(share: Interval) -> str:
    """A rate in percent, such as "98.2", with no more decimals than n supports; 100 and 0 only where they are exact."""
    percent = 100 * share.value
    text = f"{percent:.{1 if share.n > 100 else 0}f}"
    exact = share.value in (0.0, 1.0)
    return f"{percent:.2f}" if not exact and float(text) in (0.0, 100.0) else text


def with_interval(share: Interval) -> str:
    """A rate with its 95 % interval: "98.2% (97.9% to 98.4%)"."""
    return f"{per_hundred(share)}% ({bounds(share, 1, percent=True)})"


def words(threshold: Threshold) -> str:
    """A threshold in words: "T = 0.4", or "T₀ … T₉ = 0.4, 0.5, …"; of many, the range."""
    if isinstance(threshold, int | float):
        return f"T = {threshold:g}"
    if len(threshold) > MOST_LISTED:
        return f"{len(threshold)} thresholds from {min(threshold):g} to {max(threshold):g}"
    return f"T₀ … T{''.join('₀₁₂₃₄₅₆₇₈₉'[int(d)] for d in str(len(threshold) - 1))} = {listed(threshold)}"


def attack_sentence(recipe: dict[str, Any], victim: str) -> str:
    """The attack against one classifier in words, from the record's own recipe."""
    scenario = recipe["scenarios"][victim]
    attack = scenario["attack"]
    start = "random starts" if attack["random_start"] else "start at the image itself"
    runs = f", {attack['restarts']} restarts" if attack["restarts"] > 1 else ""
    kept = "best iterate of each image" if attack["keep"] == "best" else "last iterate"
    ball = f"{attack['norm'].replace('inf', '∞')} ball of radius {written(attack['eps'])}"
    loss = LOSSES.get(scenario["loss"], scenario["loss"])
    return (
        f"{loss}, PGD with {OPTIMIZERS[attack['optimizer']]}, "
        f"{attack['steps']} steps of {written(attack['step_size'])}, {ball}, "
        f"{start}{runs}, {kept}"
    )


def counts_table(now: dict[str, AtThreshold]) -> str:
    """The rates, and the counts of images by outcome, as a Markdown table with a column for each classifier."""
    first = next(iter(now.values()))
    rows: list[tuple[str, list[str]]] = [
        (f"**natural images** (n = {first.tpr.n:,})", ["" for _ in now]),
        ("accepted: true positive rate, eq. 7", [with_interval(rates.tpr) for rates in now.values()]),
        ("accepted and right: accuracy, eq. 14", [with_interval(rates.accuracy) for rates in now.values()]),
        ("accepted and right, images", [f"{rates.natural_right:,}" for rates in now.values()]),
        ("accepted and wrong, images", [f"{rates.natural_wrong:,}" for rates in now.values()]),
        ("rejected, images", [f"{rates.natural_rejected:,}" for rates in now.values()]),
        (f"**attacked images** (n = {first.error.n:,} for each classifier)", ["" for _ in now]),
        ("fooled and accepted: error, eqs. 8 and 15", [with_interval(rates.error) for rates in now.values()]),
        ("fooled and accepted, images", [f"{rates.fooled:,}" for rates in now.values()]),
        ("accepted and still right, images", [f"{rates.withstood:,}" for rates in now.values()]),
        ("rejected, images", [f"{rates.caught:,}" for rates in now.values()]),
    ]
    head = f"| | {' | '.join(now)} |\n|---|{'--:|' * len(now)}\n"
    return head + "\n".join(f"| {label} | {' | '.join(cells)} |" for label, cells in rows)


def curve_csv(curve: Curve, decisions: Decisions) -> str:
    """Every point of a curve; one row for each threshold at which a rate changes."""
    counts = [len(decisions.natural), len(decisions.perturbed)]
    points = zip(*(column.tolist() for column in curve), strict=True)
    rows = ([f"{value:.9g}" for value in point] + counts for point in points)
    return table(["threshold", "tpr_eq7", "fpr_eq8", "accuracy_eq14", "error_eq15", "n_natural", "n_attacked"], rows)


def logits_csv(view: ThresholdView, threshold: Threshold) -> str:
    """Every winning logit as CSV, with its class and whether the image is accepted at T; examples are listed by their index
    in the bundled sample."""
    rows = []
    for name, decisions in view.decisions.items():
        parts = {"natural": decisions.natural, "attacked": decisions.perturbed}
        if view.examples:
            parts |= {f"example {part}": decided for part, decided in view.examples.decided[name].items()}
        for part, decided in parts.items():
            index = view.examples.index.tolist() if view.examples and part.startswith("example") else range(len(decided))
            columns = (decided.label, decided.right.int(), decided.logit, decided.accepted(threshold).int())
            rows += [[name, part, *row] for row in zip(index, *(column.tolist() for column in columns), strict=True)]
    return table(["classifier", "images", "index", "winning_class", "right", "winning_logit", "accepted"], rows)


def chosen_sentence(view: ThresholdView, judge: str, by: float | Costs, threshold: Threshold) -> str:
    """The effect of a choice of T in words, each number with the images that it was measured on."""
    decisions = view.decisions[judge]
    held_out, test = (len(part) - int(part.accepted(threshold).sum()) for part in (decisions.held_out, decisions.natural))
    text = (
        f"**{words(threshold)}** rejects {held_out:,} of the {len(decisions.held_out):,} held-out clean {view.noun}, and "
        f"{test:,} of the {len(decisions.natural):,} test {view.noun}. "
    )
    choosing, reporting = operating_points.halves(decisions.perturbed)
    if not isinstance(by, Costs):
        point = curves.at(decisions, threshold)
        return text + f"Of the {point.error.n:,} attacked ones, {point.fooled:,} are fooled and accepted."
    fooled = int((reporting.accepted(threshold) & ~reporting.right).sum())
    found = operating_points.expected_cost(decisions.held_out, choosing, threshold, by)
    expected = operating_points.expected_cost(decisions.natural, reporting, threshold, by)
    return text + (
        f"It was chosen on the held-out and on {len(choosing):,} attacked {view.noun}. On the {len(reporting):,} other "
        f"attacked ones, {fooled:,} are fooled and accepted. Expected cost of one image: {expected:.4f} on the test images "
        f"and these others; {found:.4f} on those that it was chosen on."
    )
