"""The Generate page's result: the grids, the judge's verdict, the histograms, the words, and the downloads."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from aatviz.data import Dataset
from aatviz.data.spec import written
from aatviz.explore.attack_grid.result import MODELS, Model
from aatviz.explore.generation.picture import picture
from aatviz.explore.generation.result import CSV_HEAD, Generated
from aatviz.explore.generation.run import default_settings
from aatviz.explore.snippets import generation_code, generation_command
from aatviz.metrics import Interval
from aatviz.metrics.format import bounds
from aatviz.store.systems import System
from aatviz.ui.common import takeaway
from aatviz.ui.common.classes import a, dataset_of
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.pgd_fields import most_l2
from aatviz.ui.common.plots import config
from aatviz.ui.generate import figures, scores
from aatviz.ui.generate.controls import DEFAULTS, START_NAMES, state, titles
from aatviz.ui.generate.view import show_grids, view_data
from aatviz.ui.own.link import own_link
from aatviz.ui.session.sidebar import link_params

VIEW_KEY = "generate-grids"
TARGETS = {"all": "all classes", "marked": "the marked cell's class"}
_SENT, _TOLD = "generate.sent-place", "generate.told-place"


@st.fragment
def show(system: System, made: Generated) -> None:
    """All that depends on the marked cell: when another one is marked, only this function runs again."""
    known = dataset_of(system)
    opened = show_grids(view_data(made, known, titles(system), _place()), VIEW_KEY, _moved)
    view_first("generate")
    _rates(system, made, known)
    _words(system, made, known)
    cell = (made.row(state["target"]), min(state["sample"], made.settings.count - 1))
    scores.show(system, made, known, cell)
    _histograms(system, made, known, cell)
    takeaway.reproduce(
        [
            (
                "The grids as a picture, the table below and the rates above, on the command line; and in Python:",
                generation_command(system.name, made.settings),
                generation_code(system.name, made.settings),
            )
        ]
    )
    _downloads(system, made, known)
    state.write()
    if opened:
        st.switch_page("pages/attack.py", query_params=link_params() | attack_params(made, opened, dataset_of(system)))


def attack_params(made: Generated, cell: Mapping[str, Any], known: Dataset) -> dict[str, str]:
    """The Attack page's parameters for a cell {"model", "target", "sample"}: this image, with its target as the class."""
    model: Model = cell["model"] if cell["model"] in MODELS else MODELS[0]
    row, sample = made.row(int(cell["target"])), min(max(int(cell["sample"]), 0), made.settings.count - 1)
    return own_link(made.results(model)[row, sample] / 255, int(made.targets[row]), known)


def _place() -> dict[str, int]:
    """The marked cell for the browser. Where the browser itself has reported the present cell, the last data is sent
    unchanged: so the view's data stays the same, and the images are not sent again."""
    place = (state["target"], state["sample"])
    sent: dict[str, int] | None = st.session_state.get(_SENT)
    if sent is None or place not in (st.session_state.get(_TOLD), (sent["target"], sent["sample"])):
        number = sent["number"] + 1 if sent else 0
        sent = {"number": number, "target": place[0], "sample": place[1]}
        st.session_state[_SENT], st.session_state[_TOLD] = sent, None
    return sent


def _moved(place: Mapping[str, Any]) -> None:
    """Take over the cell that the browser reports, if it exists."""
    state.take(place, ("target", "sample"))
    st.session_state[_TOLD] = (state["target"], state["sample"])


def _rates(system: System, made: Generated, known: Dataset) -> None:
    st.subheader("What an independent judge sees")
    noise, *results = st.columns(1 + len(MODELS))
    with noise.container(border=True, height="stretch"):
        st.markdown(f"**The noise itself**, {START_NAMES[made.settings.start]}")
        _rate("are the target, says the judge.", made.judged_as_target(None))
        st.caption("For comparison: nothing has been generated yet.")
    for model, column in zip(MODELS, results, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{titles(system)[model]}**")
            _rate("are the target, says the judge.", made.judged_as_target(model))
            _rate(
                f"have a natural {known.noun}'s logit, says the model.",
                made.sure(model),
                f"above the lowest 5 % of natural {known.plural}; ",
            )
    st.markdown(
        "The judge is one more natural classifier: of another seed, and asked only afterwards. **It has limits.** Where it "
        "sees the target in the noise itself, its figure says little about what was added. And being a natural classifier, "
        "it can be fooled: scribbles that convince one of them often convince the next. Trust your eyes as well."
    )


def _rate(what: str, rate: Interval, note: str = "") -> None:
    st.markdown(f"**{_per_hundred(rate)} of 100** {what}")
    st.caption(f"{note}n = {rate.n}; 95 % interval {bounds(rate, 0, percent=True)}")


def _per_hundred(rate: Interval) -> str:
    return f"{100 * rate.value:.0f}"


def _words(system: System, made: Generated, known: Dataset) -> None:
    settings, noun = made.settings, known.noun
    from_class_noise = settings.start == DEFAULTS.start
    norm = r"\infty" if settings.norm == "Linf" else "2"
    ball = rf"x' \in [0,1]^d,\; \lVert x' - x_0 \rVert_{{{norm}}} \leq {written(settings.eps)}"
    noise = r"x_0 \sim \mathcal{N}(\mu_t,\; F_t^\top F_t + \sigma_t^2 I) \text{ clipped to } [0,1]"
    alone = len(made.targets) == 1
    whose = "the" if alone else "the row's"
    cells = "Each cell is one sample of noise" if alone else "Each row is a class, each column one sample of noise"
    takeaway.explain(
        f"{cells}, **the same in all grids**; nothing was selected. Every step of PGD changes the noise so that the model's "
        f"logit of {whose} class rises. Press play, and watch three "
        f"models draw what they take for {a(noun)}.",
        "clean shapes. A detector was trained against everything that merely *resembles* its class, so its logit rises "
        f"only where {a(noun)} appears. The robust classifier only has to tell classes apart: is there more in its "
        f"images that belongs to no {noun} (the paper's figure 6)? Then start from **uniform noise**: who is sure of it?"
        if from_class_noise
        else f"who is *sure*. Nothing in this start resembles {a(noun)}, and it is a long way to one. Each model rates its "
        f"own results: as highly as natural {known.plural} are {_per_hundred(made.sure('generative'))} of 100 for the "
        f"{titles(system)['generative'].lower()}, {_per_hundred(made.sure('robust'))} for the robust one, and "
        f"{_per_hundred(made.sure('natural'))} for the natural one. Images that nobody can read, but a model is sure of, "
        "are **rubbish examples**; a threshold *T* helps only a model that is *not* sure of them.",
        [rf"x = \arg\max_{{{ball}}} \; z(x')_t" + (rf", \qquad {noise}" if from_class_noise else "")],
    )
    usual, white = default_settings(system), most_l2(known)
    begins = (
        f"The page begins with {usual.steps} L2 steps of {usual.step_size:g} within ε = {usual.eps:g} of the class noise"
    )
    free = f"From the other starts, ε is {white:.4g}, the L2 norm of a white image, which is no limit on these images."
    if known.drawn:
        st.caption(f"{begins}, as the paper does. {free}")
        return
    st.caption(
        f"{begins}. Trials on MNIST led to that: with smaller steps the images stay grey and their logits far lower, and a "
        f"larger ε changes next to nothing. Steps and ε grow with the size of an image. {free} The paper takes 60 steps of "
        "0.5 within ε = 30 on CIFAR-10."
    )


def _histograms(system: System, made: Generated, known: Dataset, cell: tuple[int, int]) -> None:
    plural = known.plural
    st.subheader("How sure is each model of its own images?")
    st.segmented_control("Classes", list(TARGETS), format_func=TARGETS.__getitem__, required=True, **state.widget("targets"))
    row = cell[0] if state["targets"] == "marked" else None
    for model, column in zip(MODELS, st.columns(len(MODELS), gap="medium"), strict=True):
        with column:
            st.markdown(f"**{titles(system)[model]}**")
            st.plotly_chart(
                figures.histograms(made, known, model, cell, row),
                key=f"generate-histograms-{model}",
                config=config(f"generated-logits-{model}"),
                alt=f"Target logits of the {titles(system)[model]}: natural {plural}, the noise, and generated images, of "
                f"which {_per_hundred(made.sure(model))} of 100 lie above the lowest 5 of 100 natural {plural}.",
            )
    takeaway.explain(
        f"The logit *z(x)ₜ* of the target class: natural {plural} of the sample, up to 100 of each class (top), the "
        "noise (middle), and what the model made of it (bottom). Circle and diamond are the marked cell, before and after.",
        "two distances. Where does the *noise* lie before any attack: far below the natural ones, or among them? And how "
        "far does the bottom hill reach over the top one (the paper's figure 10)? There, a model takes its images for "
        f"perfect {plural}. Do *you*? A model that is sure of what nobody can read is open to **rubbish examples**. Compare "
        "shapes, not numbers: each model has its own scale of logits.",
    )


def _downloads(system: System, made: Generated, known: Dataset) -> None:
    name = f"{system.name}-generated-{made.settings.start}"
    with st.container(horizontal=True):
        takeaway.download_png("All grids (PNG)", f"{name}.png", lambda: takeaway.png(picture(made, known.classes)))
        takeaway.download_csv("All images' numbers (CSV)", f"{name}.csv", lambda: takeaway.table(CSV_HEAD, made.rows()))
    st.caption("For a PNG of a histogram, use the camera at its top right.")
