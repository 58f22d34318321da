"""The Compare page's result: the grids, the words and histograms beside them, and the downloads."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from aatviz.data import Dataset
from aatviz.data.spec import written
from aatviz.explore.attack_grid.result import CSV_HEAD, Comparison, Model
from aatviz.explore.attack_grid.run import Stored
from aatviz.explore.saving import exact
from aatviz.explore.snippets import comparison_code, comparison_command
from aatviz.store.systems import System
from aatviz.ui.common import takeaway, words
from aatviz.ui.common.classes import dataset_of
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.plots import config
from aatviz.ui.compare import figures
from aatviz.ui.compare.controls import MOST_MAGNIFIED, state, write_url
from aatviz.ui.compare.picture import View, picture
from aatviz.ui.compare.view import show_grids, view_data
from aatviz.ui.session.sidebar import link_params

VIEW_KEY = "compare-grids"
PLACE = ("row", "target", "view", "magnify")
TARGETS = {"all": "all targets", "marked": "the marked cell's target"}


@st.fragment
def show(system: System, shown: Stored) -> None:
    """All that depends on the marked cell: when another one is marked, only this function runs again."""
    grid = shown.comparison
    known = dataset_of(system)
    data = view_data(
        system,
        known,
        grid,
        shown.natural,
        place={name: state[name] for name in PLACE},
        threshold=round(state["T"], 4),
        most_magnified=MOST_MAGNIFIED,
        locked=[name for name in PLACE if state.widget(name)["disabled"]],
        hidden=[name for name in PLACE if state.hidden(name)],
    )
    opened = show_grids(data, VIEW_KEY, lambda place: state.take(place, PLACE))
    view_first("compare")
    _words(grid, known)
    _histograms(system, shown, known)
    takeaway.reproduce(
        [
            (
                "All grids, on the command line and in Python (`--out FILE.csv` also writes the table of all pairs):",
                comparison_command(system.name, grid.settings),
                comparison_code(system.name, grid.settings),
            )
        ]
    )
    _downloads(system, grid, known)
    write_url()
    if opened:
        st.switch_page("pages/attack.py", query_params=link_params() | attack_params(grid, opened, state["T"]))


def attack_params(grid: Comparison, cell: Mapping[str, Any], threshold: float) -> dict[str, str]:
    """The Attack page's parameters for a cell {"model", "row", "target"}: the same image, attack and threshold."""
    row = min(max(int(cell["row"]), 0), len(grid.y) - 1)
    model: Model = cell["model"] if cell["model"] in grid.images else grid.settings.models[0]
    target = int(grid.targets[grid.column(int(cell["target"]))])
    attack = grid.settings.attack(model, target)
    fields = {name: str(getattr(attack, name)) for name in ("victim", "target", *grid.settings.budget)}
    fields |= {name: written(getattr(attack, name)) for name in ("eps", "step_size")}
    return {"pick": "index", "index": str(int(grid.index[row])), "goal": "targeted", "T": f"{threshold:g}"} | fields


def pairs_csv(system: System, grid: Comparison) -> str:
    """The table of all pairs as CSV: one row for each pair and model."""
    return takeaway.table(CSV_HEAD, grid.rows(system))


def _words(grid: Comparison, known: Dataset) -> None:
    settings = grid.settings
    ball = words.ball(settings.attack(settings.models[0], 0), known.shape)
    if "generative" in grid.images:
        rejected = "; **rejected**, whether its logit is below *T*"
        shapes = (
            "the shapes. Attacks on the generative classifier add and remove *parts*: the detectors know what their class "
            f"looks like, so the {known.noun} has to change its meaning. What raises the robust classifier's logits looks "
            "more like *noise* (the paper's figures 3 and 5)."
        )
    else:
        rejected = ". These classifiers reject nothing"
        shapes = (
            f"shapes. Can you make out what was added to the {known.noun}, or is it *noise*? A robust classifier was "
            "trained against such attacks, a natural one was not."
        )
    takeaway.explain(
        f"Each row is one {known.noun} *x*, each column a target *t*. Every cell shows what PGD makes of it when it raises "
        "the model's logit of *t* within the same small ball: the perturbed image, or the perturbation alone "
        f"({words.signs(known.shape)}; **one scale for all cells and models**). The marked cell is the same in every grid. "
        f"**Fooled** asks whether the decision is wrong{rejected}.",
        f"{shapes} Switch to **Perturbation alone** and compare the same cell. Then read the numbers: who reaches the "
        "target, and with how large a change?",
        [r"x'_{t} = \arg\max_{x' \in \mathcal{B}} \; z(x')_t", ball],
    )


def _histograms(system: System, shown: Stored, known: Dataset) -> None:
    grid, noun, plural = shown.comparison, known.noun, known.plural
    row, marked = min(state["row"], len(grid.y) - 1), grid.column(state["target"])
    st.subheader("How high does the target logit get?")
    st.segmented_control("Targets", list(TARGETS), format_func=TARGETS.__getitem__, required=True, **state.widget("targets"))
    column_of = marked if state["targets"] == "marked" else None
    for model, column in zip(grid.images, st.columns(len(grid.images), gap="medium"), strict=True):
        found = grid.summary(system, model, shown.natural[model])
        with column:
            st.markdown(f"**{words.VICTIMS[model].capitalize()}**")
            st.plotly_chart(
                figures.histograms(grid, known, model, shown.natural[model], (row, marked), column_of),
                key=f"compare-histograms-{model}",
                config=config(f"target-logits-{model}"),
                alt=f"Target logits of the {words.VICTIMS[model]}: natural {plural} of the target class, of other classes, "
                f"and attacked {plural}. {found.above} of {found.pairs} attacked ones exceed the median natural {noun}.",
            )
            st.markdown(
                f"95 of 100 natural {plural} of a class lie above its *low mark*. **{found.among} of {found.pairs}** "
                f"attacked ones get over the low mark of their target, **{found.above}** over its median."
            )
    takeaway.explain(
        f"The logit *z(x)ₜ* of the target class, for each model: all natural {plural} of the sample, where *t* is "
        f"their own class (top) and where it is another (middle), and the attacked {plural} of the grid (bottom). Circle "
        f"and diamond are the marked {noun} before and after the attack. With one target, the dotted line is the median "
        f"natural {noun} of that class.",
        "how far the bottom hill has moved from the middle one towards the top one. Where it arrives there, *z* alone "
        f"cannot tell an attacked {noun} from a natural one (the paper's figure 8 for class 1). Compare shapes, not "
        "numbers: each model has its own scale of logits.",
    )


def _downloads(system: System, grid: Comparison, known: Dataset) -> None:
    magnify = state["magnify"]

    def png(view: View) -> bytes:
        return takeaway.png(picture(grid, known, view, magnify))

    with st.container(horizontal=True):
        takeaway.download_png("Perturbed images (PNG)", f"{system.name}-compare.png", lambda: png("perturbed"))
        takeaway.download_png("Perturbations (PNG)", f"{system.name}-compare-perturbations.png", lambda: png("perturbation"))
        takeaway.download_arrays("Exact images (NPZ)", f"{system.name}-compare.npz", lambda: exact(grid))
        takeaway.download_csv("All pairs (CSV)", f"{system.name}-compare.csv", lambda: pairs_csv(system, grid))
    st.caption("For a PNG of a histogram, use the camera at its top right.")
