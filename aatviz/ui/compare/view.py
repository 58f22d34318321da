"""The grids of the Compare page: one view in the browser, which gets all images once and marks the same cell in each
grid."""

import hashlib
from collections.abc import Callable
from typing import Any

import streamlit as st

from aatviz.data import Dataset
from aatviz.explore.attack_grid.result import MODELS, Comparison, Model, NaturalLogits, Summary, decide
from aatviz.store.systems import System
from aatviz.ui.common.assets import read_assets
from aatviz.ui.player.view import VICTIM_COLOURS, VICTIM_TITLES, colours, pack16, told_once

ABOUT: dict[Model, str] = {
    "generative": "Column t raises the logit of detector t.",
    "robust": "Column t raises its logit of class t.",
    "natural": "Column t raises its logit of class t. It has no defence.",
}
_VIEW = st.components.v2.component(  # registered once: this module is imported once a process
    "aatviz.compare",
    html=read_assets("compare/compare.html"),
    css=read_assets("compare/compare.css"),
    js=read_assets("compare/compare.js", "compare/model.js", "player/drawing.js"),
)


def show_grids(data: dict[str, Any], key: str, on_place: Callable[[dict[str, Any]], None]) -> dict[str, Any] | None:
    """Draw the grids. `on_place` is called when the marked cell, the view or the magnification has changed.

    Returns the cell {"model", "row", "target"} right after the visitor asked to open it on the Attack page, else None.
    """
    result = _VIEW(
        data=data, key=key, on_place_change=lambda: on_place(st.session_state[key]["place"]), on_open_change=lambda: None
    )
    return result.open


def view_data(
    system: System,
    known: Dataset,
    grid: Comparison,
    natural: dict[Model, NaturalLogits],
    *,
    place: dict[str, Any],
    threshold: float,
    most_magnified: int,
    locked: list[str],
    hidden: list[str],
) -> dict[str, Any]:
    """All data that the browser needs. `id` changes with the comparison only, not with T or the place."""
    models = [_model(system, grid, model, grid.summary(system, model, natural[model])) for model in grid.images]
    rows = [{"index": index, "y": y} for index, y in zip(grid.index.tolist(), grid.y.tolist(), strict=True)]
    content = [system.name, pack16(grid.natural), *(model["key"] + model["images"] for model in models)]
    return {
        "id": hashlib.sha256("".join(content).encode()).hexdigest()[:16],
        **told_once(known),
        "noun": known.noun,
        "targets": grid.targets.tolist(),
        "rows": rows,
        "natural": pack16(grid.natural),
        "models": models,
        "titles": {model: VICTIM_TITLES[model] for model in MODELS},
        "scale": max(grid.scale, 1e-3),
        "T": threshold,
        "place": place,
        "mostMagnified": most_magnified,
        "locked": locked,
        "hidden": hidden,
        "colours": colours(),
    }


def summary_words(found: Summary) -> str:
    """The numbers under a grid."""
    text = (
        f"Over the {found.pairs} pairs whose target is another class: mean perturbation L∞ {found.linf:.3f}, "
        f"L2 {found.l2:.2f}; mean target logit {found.before:.1f} → {found.after:.1f}. "
        f"It decides for the target in {found.reached} of {found.pairs}."
    )
    return text.replace("-", "\N{MINUS SIGN}")


def _model(system: System, grid: Comparison, model: Model, found: Summary) -> dict[str, Any]:
    verdicts: dict[str, Any] = {}
    for judge in grid.logits[model]:
        label, score = decide(system, judge, grid.logits[model])
        verdicts[judge] = {"label": label.flatten().tolist(), "score": None if score is None else score.flatten().tolist()}
    columns = {
        "before": grid.before(model),
        "after": grid.after(model),
        "linf": grid.norms(model, "Linf"),
        "l2": grid.norms(model, "L2"),
    }
    return {
        "key": model,
        "title": VICTIM_TITLES[model],
        "about": ABOUT[model],
        "colour": VICTIM_COLOURS[model],
        "images": pack16(grid.images[model]),
        "summary": summary_words(found),
        "verdicts": verdicts,
        **{name: values.flatten().tolist() for name, values in columns.items()},
    }
