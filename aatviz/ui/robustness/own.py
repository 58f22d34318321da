"""One attack of the honest protocol on a few bundled images, chosen by the visitor and run by the worker."""

from typing import Any

import streamlit as st
import torch

from aatviz.data.spec import written
from aatviz.evaluate.honest.trial import Trial
from aatviz.metrics import share
from aatviz.metrics.format import interval, markdown_table
from aatviz.store.systems import System
from aatviz.ui.common import pgd_fields, takeaway
from aatviz.ui.common.words import message
from aatviz.ui.robustness import run, words
from aatviz.ui.robustness.view import CLEAN, MOST_IMAGES, state, victims
from aatviz.ui.session.runs import Done
from aatviz.ui.session.sidebar import current_dataset
from aatviz.ui.session.stored import sample_or_say


def show(system: System, record: dict[str, Any] | None) -> None:
    """Draw the controls, the cost of the run, and the result."""
    if why := system.lacks("full_bank", what="The honest protocol"):
        st.info(message(why), icon=":material/query_stats:")
        return
    if (images := sample_or_say(system)) is None:
        return
    left, middle, right, last = st.columns(4)
    left.selectbox("Victim", victims(system), format_func=words.NAMES.__getitem__, **state.widget("victim"))
    victim = state["victim"]
    offered = run.names(system, victim)
    if state["attack"] not in offered:
        st.session_state[state.key("attack")] = "multi-targeted"
    middle.selectbox("Attack", offered, format_func=lambda name: words.in_words(name, victim), **state.widget("attack"))
    right.number_input("Images", 1, MOST_IMAGES, **state.widget("count"))
    pgd_fields.radius(last, state, system.card.norm)
    chosen = Trial(victim=victim, attack=state["attack"], count=state["count"], eps=pgd_fields.value(state, "eps"))
    request = run.request(system, chosen, *images)
    place = run.runs.controls(request)
    shown = run.runs.shown(request)
    if shown is None:
        plural = current_dataset().plural
        st.caption(
            f"Natural {plural}, spread evenly over the sample. What comes out: how many are misclassified and accepted."
        )
    else:
        _result(record, shown)
    run.runs.tell_cost(place, request)
    takeaway.reproduce([("The same attack on the same images:", "", run.snippet(system, chosen))])


def _result(record: dict[str, Any] | None, shown: Done) -> None:
    scores, asked = shown.value, shown.choice
    rows = [["held-out images that may be rejected", "misclassified and accepted (95% interval)", "n"]]
    for label, threshold in _thresholds(record, asked.victim).items():
        rows.append([label, interval(share(scores >= threshold)._asdict(), 3), str(len(scores))])
    st.markdown(
        f"**{words.NAMES[asked.victim].capitalize()}**, {words.in_words(asked.attack, asked.victim)}, "
        f"ε = {written(asked.eps)}:"
    )
    st.markdown(markdown_table(rows))


def _thresholds(record: dict[str, Any] | None, victim: str) -> dict[str, float]:
    """The T for each share of rejected held-out images, by the words for that share."""
    everything = float(torch.finfo(torch.float32).min)
    if record is None:
        return {"nothing (the protocol has not been run on these weights, so no T is known)": everything}
    rows = record["victims"][victim]["at"]
    return {
        label: everything if row["threshold"] is None else row["threshold"]
        for label, row in zip(CLEAN.values(), rows, strict=True)
    }
