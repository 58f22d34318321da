"""Thresholds of single detectors, for a system without a detector of every class: detection alone, and no classifier."""

import math
from functools import partial

import plotly.graph_objects as go
import streamlit as st
import torch
from torch import Tensor

from aatviz.explore.detector_records import Profile
from aatviz.metrics import Interval, rate, share
from aatviz.metrics.format import interval, markdown_table
from aatviz.runtime import printed
from aatviz.store.systems import System
from aatviz.thresholds.choose import GRID, accepting_scores
from aatviz.ui.common import takeaway
from aatviz.ui.common.classes import class_param, dataset_of, pick_class
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.plots import config, layout
from aatviz.ui.common.theme import NATURAL, PAPER, PERTURBED, THRESHOLD
from aatviz.ui.common.url import Param, UrlState, choice
from aatviz.ui.common.words import literal
from aatviz.ui.session.sidebar import current_dataset, current_system
from aatviz.ui.thresholds.state import clamped

TPR = 0.95
"""Each detector begins with the highest T that accepts this share of the natural test images of its class."""
HEIGHT, POINTS = 400, 300
ATTACKS = {"paper": "the paper's attack", "best": "its best iterate", "worst": "the worst of several"}
KINDS = {
    "own": ("natural, of the class", NATURAL),
    "others": ("natural, of other classes", PAPER),
    "attacked": ("of other classes, attacked", PERTURBED),
}
"""The kinds of images: their names, and how their curves look."""


def url_state(system: System, profiles: list[Profile]) -> UrlState:
    """The settings in the URL, apart from T."""
    measured = tuple(profiles[0].attacked)
    return UrlState(
        f"thresholds.{system.name}",
        [
            class_param("k", system.card.bank[0], current_dataset, lambda: current_system().card.bank),
            choice("attack", measured[0], measured),
        ],
    )


def threshold_state(system: System, profile: Profile, low: float, high: float) -> UrlState:
    """T in the URL, between these ends. Each detector has its own, since its logits have another range."""
    usual = Param(
        name="T",
        default=accepting_scores(profile.positive, 1 - TPR),
        read=lambda text: clamped(text, low, high),
        write="{:g}".format,
        fits=lambda value: low <= value <= high,
    )
    return UrlState(f"thresholds.{system.name}.{profile.k}", [usual])


def ends(profiles: list[Profile]) -> tuple[float, float]:
    """The least and the greatest T of the slider: they accept and reject everything that was measured."""
    found = torch.cat([z for one in profiles for attack in one.attacked for z in scores(one, attack).values()])
    return float(math.floor(found.min())), float(math.floor(found.max()) + 1)


def scores(profile: Profile, attack: str) -> dict[str, Tensor]:
    """The detector's logits by the kind of image."""
    return {"own": profile.positive, "others": profile.negative, "attacked": profile.attacked[attack].scores}


def at(profile: Profile, attack: str, threshold: float) -> dict[str, Interval]:
    """The share of each kind of image that is accepted at T."""
    return {kind: share(z >= threshold) for kind, z in scores(profile, attack).items()}


def page(system: System, profiles: list[Profile]) -> None:
    """The controls, the rates at T, and the rates at every T."""
    state, known = url_state(system, profiles), dataset_of(system)
    if notes := state.read():
        st.info("  \n".join(notes), icon=":material/link:")
    row = st.container(horizontal=True)
    with row:
        pick_class(row, "Detector k", known.classes, state, "k", among=system.card.bank)
        st.pills(
            "Attacked by",
            list(profiles[0].attacked),
            format_func=ATTACKS.__getitem__,
            required=True,
            wrap=True,
            **state.widget("attack"),
        )
    profile = profiles[system.card.bank.index(state["k"])]
    low, high = ends(profiles)
    of_t = threshold_state(system, profile, low, high)
    if notes := of_t.read():
        st.info("  \n".join(notes), icon=":material/link:")
    st.slider("Threshold T", low, high, step=GRID, format="%.1f", **of_t.widget("T"))
    threshold = of_t["T"]
    rows = [["images", f"accepted at T = {threshold:g}", "n"]]
    for kind, found in at(profile, state["attack"], threshold).items():
        rows.append([KINDS[kind][0], interval(found._asdict(), 1, percent=True), f"{found.n:,}"])
    st.markdown(markdown_table(rows))
    st.plotly_chart(
        figure(scores(profile, state["attack"]), threshold),
        key="thresholds-detection",
        config=config(f"thresholds-{state['k']}"),
        alt=f"The shares of images that detector {known.classes[state['k']]} accepts, at every threshold T.",
    )
    view_first("thresholds")
    takeaway.explain(
        f"How many images of each kind detector *{literal(known.classes[state['k']])}* accepts, at every T. The first curve "
        "is the true positive rate (equation 7); the other two are false alarms, before and after an attack pushed the "
        f"images up its logit: {profile.attacked[state['attack']].about}.",
        "the gap between the first curve and the attacked one. A T in the gap tells the two apart; where they meet, no T "
        f"does. The page begins at the T that accepts {TPR:.0%} of the natural test images of the class.",
    )
    with st.container(horizontal=True):
        name = f"{system.name}-thresholds-{state['k']}.csv"
        takeaway.download_csv("Rates at every T (CSV)", name, partial(csv, profile, state["attack"]))
        st.caption("For a PNG of the figure, use the camera at its top right.", width="stretch")
    takeaway.reproduce([("The rates in the table:", "", code(system, state["k"], state["attack"], threshold))])
    state.write()
    of_t.write()


def figure(of: dict[str, Tensor], threshold: float) -> go.Figure:
    """The curves of these logits (N,) by the kind of image, and a line at T."""
    every = torch.cat(list(of.values()))
    tried = torch.linspace(float(every.min()) - 0.5, float(every.max()) + 0.5, POINTS)
    found = go.Figure()
    for kind, z in of.items():
        name, meaning = KINDS[kind]
        line = {"color": meaning.colour, "dash": meaning.dash}
        found.add_scatter(x=tried.tolist(), y=rate(z, tried).tolist(), name=name, mode="lines", line=line)
    found.add_vline(threshold, line={"color": THRESHOLD.colour, "dash": THRESHOLD.dash}, annotation_text="T")
    found.update_xaxes(title="threshold T")
    found.update_yaxes(title="share accepted", range=[-0.02, 1.02], tickformat=".0%")
    layout(found, HEIGHT)
    return found


def csv(profile: Profile, attack: str) -> str:
    """One row for every T of the grid."""
    low, high = ends([profile])
    tried = torch.arange(round(low / GRID), round(high / GRID) + 1) * GRID
    columns = [rate(z, tried).tolist() for z in scores(profile, attack).values()]
    rows = ([f"{T:.1f}", *(f"{value:.6f}" for value in row)] for T, *row in zip(tried.tolist(), *columns, strict=True))
    return takeaway.table(["T", *KINDS], rows)


def code(system: System, k: int, attack: str, threshold: float) -> str:
    """The Python that prints the rates of the table."""
    return (
        "import aatviz\nfrom aatviz.explore import detector_records\n\n"
        f"{printed.system_line(system.name)}\n"
        f"profile = detector_records.load(system)[{system.card.bank.index(k)}]\n"
        f"attacked = profile.attacked[{printed.text(attack)}].scores\n"
        "for z in (profile.positive, profile.negative, attacked):\n"
        f"    print(float((z >= {threshold:g}).float().mean()), len(z))\n"
    )
