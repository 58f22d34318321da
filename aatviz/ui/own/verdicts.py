"""The outputs of all networks for one image before any attack: the detectors' logits, and the decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import plotly.graph_objects as go
import streamlit as st
import torch

from aatviz.data.own_image.link_text import to_image, to_png
from aatviz.explore.snippets import OWN_PICTURE
from aatviz.metrics.format import markdown_table
from aatviz.store.systems import System
from aatviz.ui.common import takeaway
from aatviz.ui.common.classes import a, dataset_of, leading, shortened, size
from aatviz.ui.common.plots import config
from aatviz.ui.common.theme import GENERATIVE, REJECTED, THRESHOLD
from aatviz.ui.common.words import literal
from aatviz.ui.session import caches

HEIGHT, MOST = 280, 12
"""Pixels of the chart, and bars in it."""


@dataclass(frozen=True, kw_only=True)
class FirstLook:
    """The networks' outputs for one image; none of them depends on T."""

    bank: tuple[int, ...]
    """The classes of the detectors."""
    z_h: tuple[float, ...]
    """Their logits."""
    natural: int
    generative: int | None = None
    robust: int | None = None
    """The decisions; None where the system has no such classifier."""

    @property
    def logits(self) -> dict[int, float]:
        """The detectors' logits by class."""
        return dict(zip(self.bank, self.z_h, strict=True))


def first_look(system: System, pixels: bytes) -> FirstLook:
    """The networks' outputs for an image's levels: one forward pass of each, cached for all visitors."""
    return _first_look(system, caches.fingerprint(system), pixels)


@st.cache_data(max_entries=256, show_spinner=False)
def _first_look(_system: System, weights: str, pixels: bytes) -> FirstLook:
    image = to_image(pixels, dataset_of(_system).shape)
    with torch.no_grad():
        z_h = _system.detectors(image)
        natural, robust = (None if net is None else int(net(image).argmax()) for net in (_system.classifier, _system.robust))
    assert natural is not None
    generative = None if _system.lacks("full_bank") else int(_system.generative.decide(z_h)[0])
    logits = tuple(z_h[0].tolist())
    return FirstLook(bank=_system.detectors.classes, z_h=logits, natural=natural, generative=generative, robust=robust)


def show(system: System, pixels: bytes, label: int, threshold: float, name: str) -> None:
    """Draw the panel: a chart of the logits with T, the decisions in words, and the downloads."""
    look, known = first_look(system, pixels), dataset_of(system)
    classes = known.classes
    words, chart = st.columns([2, 3], gap="medium", vertical_alignment="center")
    words.markdown(firing(look, classes, threshold))
    words.markdown(decisions(look, classes, label, threshold))
    title = f"{name}-detectors"
    chart.plotly_chart(
        figure(look, classes, label, threshold),
        key="attack.first-look",
        config=config(title),
    )
    most = f"The {MOST} highest logits are shown, the true class's in any case. " if len(look.logits) > MOST else ""
    second = "Look for the second highest bar: the detector that an attack has the shortest way to. "
    st.caption(
        f"{most}A detector fires where z(h_k(x)) is at least T. {second if len(look.logits) > 1 else ''}The commands under "
        "*Reproduce this* print these logits as the natural ones."
    )
    with st.container(horizontal=True):
        takeaway.download_png(f"The input, {size(known.shape)} (PNG)", OWN_PICTURE, partial(to_png, pixels, known.shape))
        takeaway.download_csv("Detector logits (CSV)", f"{title}.csv", partial(logits_csv, look, classes, threshold))


def firing(look: FirstLook, classes: Sequence[str], threshold: float) -> str:
    """Which detectors fire at T, as a sentence."""
    fire = [k for k, logit in look.logits.items() if logit >= threshold]
    if not fire:
        best = max(look.logits, key=look.logits.__getitem__)
        return (
            f"**No detector fires** at T = {threshold:g}. The highest logit is detector {literal(classes[best])}'s: "
            f"{look.logits[best]:.1f}."
        )
    if len(fire) > MOST:
        return f"**{len(fire)} detectors fire** at T = {threshold:g}, more than can be named here."
    values = ", ".join(f"{look.logits[k]:.1f}" for k in fire)
    if len(fire) == 1:
        return f"**Detector {literal(classes[fire[0]])} fires** at T = {threshold:g}: its logit is {values}."
    *names, last = (literal(classes[k]) for k in fire)
    return f"**Detectors {', '.join(names)} and {last} fire** at T = {threshold:g}: their logits are {values}."


def decisions(look: FirstLook, classes: Sequence[str], label: int, threshold: float) -> str:
    """The classifiers' decisions, and whether they reject, as a Markdown table."""

    def row(who: str, decision: int | None, rejects: bool) -> list[list[str]]:
        if decision is None or (rejects and decision not in look.logits):
            return []
        right = "✓ right" if decision == label else f"✗ wrong, it is {literal(a(classes[label]))}"
        answer = "cannot reject"
        if rejects:
            answer = "■ yes" if look.logits[decision] < threshold else "○ no, accepted"
        return [[who, f"{literal(classes[decision])} {right}", answer]]

    return markdown_table(
        [
            ["classifier", "decides", "rejected?"],
            *row("generative", look.generative, True),
            *(row("integrated", look.natural, True) if look.generative is not None else []),
            *row("natural", look.natural, False),
            *row("robust", look.robust, False),
        ]
    )


@lru_cache(maxsize=64)
def figure(look: FirstLook, classes: tuple[str, ...], label: int, threshold: float) -> go.Figure:
    """A bar for each detector, and T; bars at or above T are plain, those below it hatched. Of many detectors, only the
    highest ones and that of the true class are drawn.

    The figure is cached and shared between visitors: it must not be changed.
    """
    fig = go.Figure()
    own = [column for column, k in enumerate(look.bank) if k == label]
    shown = [look.bank[column] for column in leading(look.z_h, own, MOST)]
    parts = ((True, "fires", GENERATIVE.colour, ""), (False, "below T", REJECTED.colour, "/"))
    for fires, words, colour, pattern in parts:
        chosen = [k for k in shown if (look.logits[k] >= threshold) == fires]
        values = [look.logits[k] for k in chosen]
        fig.add_bar(
            x=[shown.index(k) for k in chosen],
            y=values,
            name=words,
            text=[f"{value:.1f}" for value in values],
            textposition="outside",
            cliponaxis=False,
            customdata=[classes[k] for k in chosen],
            hovertemplate="detector %{customdata}: logit %{y:.3f}<extra></extra>",
            marker={"color": colour, "pattern": {"shape": pattern, "fgopacity": 0.7, "solidity": 0.25, "size": 6}},
        )
    fig.add_hline(threshold, line={"color": THRESHOLD.colour, "dash": THRESHOLD.dash, "width": 2})
    low, high = min(*look.z_h, threshold, 0.0), max(*look.z_h, threshold, 0.0)
    room = 0.16 * (high - low) + 0.5
    fig.update_layout(
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        barmode="overlay",
        bargap=0.25,
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    names = [shortened(classes[k]) for k in shown]
    fig.update_xaxes(title="detector", tickvals=[*range(len(shown))], ticktext=names)
    fig.update_xaxes(range=[-0.6, len(shown) - 0.4], fixedrange=True, automargin=True)
    fig.update_yaxes(title="logit z(h_k(x))", range=[low - room, high + room], fixedrange=True)
    return fig


def logits_csv(look: FirstLook, classes: Sequence[str], threshold: float) -> str:
    """One row for each detector: its class, its logit, T, and whether it fires."""
    rows = [[k, classes[k], logit, threshold, int(logit >= threshold)] for k, logit in look.logits.items()]
    return takeaway.table(["detector", "class", "logit", "T", "fires"], rows)
