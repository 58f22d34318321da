"""The Retouch page's result: before, after and difference at every step, in numbers, and the words beside them."""

import streamlit as st

from aatviz.data import Dataset
from aatviz.data.spec import written
from aatviz.explore.attack_path import Trace
from aatviz.metrics.format import markdown_table
from aatviz.store.systems import System
from aatviz.ui.common.classes import a, dataset_of
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.words import VICTIMS, ball, literal, signs
from aatviz.ui.own.picked import Picked
from aatviz.ui.player.take_home import take_home
from aatviz.ui.player.view import show_player
from aatviz.ui.retouch.controls import state

PLAYER_KEY = "retouch-player"
PICTURES = ("Before", "After", "Difference")


def show(system: System, picked: Picked, traces: list[Trace]) -> None:
    """Player, numbers, words, reproduction and downloads."""
    known = dataset_of(system)
    abouts = [_about(trace, known) for trace in traces]
    show_player(system, traces, abouts, state, PLAYER_KEY, PICTURES)
    view_first("retouch")
    st.markdown(markdown_table(_numbers(system, known, traces)))
    _words(known, traces)
    take_home(system, picked, traces)


def goal(trace: Trace) -> int:
    """The class whose logit is raised."""
    k = trace.settings.target if trace.settings.detector is None else trace.settings.detector
    assert k is not None
    return k


def _about(trace: Trace, known: Dataset) -> str:
    whose = "the detector's logit" if trace.settings.victim == "detector" else "its logit"
    return f"Raises {whose} of class {known.classes[goal(trace)]}."


def _numbers(system: System, known: Dataset, traces: list[Trace]) -> list[list[str]]:
    rows = [["raised by", "its logit before", "after", "moved by, L2", "the detector's logit after"]]
    for trace in traces:
        k, victim = goal(trace), trace.settings.victim
        h = trace.z_h[:, system.detectors.column(k)]
        own = h if victim == "detector" else trace.z_r[:, k]
        cells = [VICTIMS[victim], f"{own[0]:.2f}", f"{own[trace.kept]:.2f}", f"{trace.l2:.2f}", f"{h[trace.kept]:.2f}"]
        rows.append(cells)
    return rows


def _words(known: Dataset, traces: list[Trace]) -> None:
    settings, k = traces[0].settings, goal(traces[0])
    name = literal(known.classes[k])
    see, look = st.columns(2, gap="large")
    with see:
        st.markdown("#### What you see")
        st.markdown(
            f"The {known.noun} before, after, and what was added ({signs(known.shape)}; the scale is under it). Drag the "
            f"slider: each step moves the {known.noun} up the logit of *{name}*, and never farther than ε = "
            f"{written(settings.eps)} in L2 from where it began (the paper's figures 14 and 15)."
        )
    with look:
        st.markdown("#### What to look for")
        robust = (
            " Beside it, the same steps on the robust classifier's logit: which of the two pictures would you call "
            f"{literal(a(known.classes[k]))}?"
            if len(traces) > 1
            else ""
        )
        st.markdown(
            f"**Where** the difference is. A detector that has learned what {literal(a(known.classes[k]))} looks like works "
            "on the object: it sharpens edges, eyes, strokes. One that has not scatters grains over the whole picture, and "
            f"its logit rises all the same.{robust}"
        )
    st.latex(rf"\max_{{x' \in \mathcal{{B}}}} \; z(h_{{{k}}}(x'))")
    st.latex(ball(settings, known.shape))
