"""The Attack page's result: the player, the words beside it, and the downloads."""

from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aatviz.data import Dataset
from aatviz.data.own_image.link_text import to_png
from aatviz.explore.attack_path import Trace
from aatviz.explore.saving import exact, picture_levels
from aatviz.explore.snippets import OWN_PICTURE, attack_code, attack_command
from aatviz.store.systems import System
from aatviz.ui.attack import words
from aatviz.ui.attack.controls import state
from aatviz.ui.attack.picked import Picked
from aatviz.ui.common import takeaway
from aatviz.ui.common.classes import dataset_of
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.pictures import enlarged
from aatviz.ui.common.words import VICTIMS, ball, signs
from aatviz.ui.own import verdicts as own_verdicts
from aatviz.ui.player.view import show_player, victim_logits

PLAYER_KEY = "attack-player"


def show(system: System, picked: Picked, traces: list[Trace]) -> None:
    """Player, words, reproduction and downloads of one or two attacks on this image."""
    known = dataset_of(system)
    show_player(system, traces, [words.about(trace.settings, known) for trace in traces], state, PLAYER_KEY)
    view_first("attack")
    _words(known, traces)
    take_home(system, picked, traces)


def first_look_place(picked: Picked) -> DeltaGenerator:
    """The place for `first_look`: open for the visitor's own image, closed for a bundled one."""
    return st.expander("Before any attack: which detector fires?", icon=":material/sensors:", expanded=picked.index is None)


def first_look(place: DeltaGenerator, system: System, picked: Picked) -> None:
    """The outputs of all networks for the image itself. Call it at the end of a page, since it needs a forward pass."""
    with place:
        own_verdicts.show(system, picked.pixels, picked.label, state["T"], f"{system.name}-{picked.name}")


def _words(known: Dataset, traces: list[Trace]) -> None:
    settings = traces[0].settings
    see, look = st.columns(2, gap="large")
    with see:
        st.markdown("#### What you see")
        st.markdown(
            f"Every step: the original, the perturbed image, and their difference ({signs(known.shape)}; "
            "the scale is under it). In the chart, the victim's logits by step; the small triangle marks the iterate "
            "that the attack returns. **Fooled** asks whether the decision is wrong; **rejected** asks whether its logit is "
            "below *T*. An attack has won where the victim is fooled *and* does not reject."
        )
    with look:
        st.markdown("#### What to look for")
        st.markdown(words.look_for(settings, len(traces) > 1, known))
    st.markdown("#### Equations")
    attacker, victim = st.columns(2, gap="large")
    with attacker:
        st.markdown(f"{words.number_of(settings)} By {settings.steps} steps of PGD the attacker solves")
        st.latex(words.equation(settings))
        st.latex(ball(settings, known.shape))
    with victim:
        st.markdown(f"The {VICTIMS[settings.victim]} decides")
        for line in words.decision(settings.victim):
            st.latex(line)


def take_home(system: System, picked: Picked, traces: list[Trace]) -> None:
    """The commands that give these numbers, the results as pictures, and the logits as a table."""
    before = "" if picked.index is not None else f"Save the input as `{OWN_PICTURE}` (the button below), then run this. "
    picture = partial(to_png, picked.pixels, picked.shape)
    snippets = [
        (
            f"{before}**{VICTIMS[trace.settings.victim].capitalize()}**, on the command line and in Python:",
            attack_command(system.name, trace.settings, **picked.source),
            attack_code(system.name, trace.settings, **picked.source),
        )
        for trace in traces
    ]
    takeaway.reproduce(snippets, {OWN_PICTURE: picture} if picked.index is None else None)
    stem = f"{system.name}-{picked.name}"
    with st.container(horizontal=True):
        if picked.index is None:
            takeaway.download_png("The input of this attack (PNG)", OWN_PICTURE, picture)
        for trace in traces:
            victim = trace.settings.victim
            takeaway.download_png(f"Perturbed image, {VICTIMS[victim]} (PNG)", f"{stem}-{victim}.png", partial(png, trace))
            takeaway.download_arrays(
                f"Exact numbers, {VICTIMS[victim]} (NPZ)", f"{stem}-{victim}.npz", partial(exact, trace)
            )
        takeaway.download_csv("Logits by step (CSV)", f"{stem}-logits.csv", lambda: logits_csv(traces, system.card.bank))
    st.caption(
        "A PNG has 256 levels, rounded so that the image stays in its ball: its logits differ a little from those shown, "
        "and near *T* a decision may. The NPZ holds the exact numbers."
    )


def png(trace: Trace) -> bytes:
    """The attack's result on 256 levels, inside the ball, every pixel a square of 10."""
    return takeaway.png(enlarged(picture_levels(trace) / 255, 10))


def logits_csv(traces: list[Trace], bank: Sequence[int]) -> str:
    """One row a step and victim: loss, norms, the victim's own logits, and those of all detectors."""
    shown = traces[0].settings.victim
    classes = bank if shown == "detector" else range(victim_logits(traces[0]).shape[1])
    names = [*(f"victim_logit_{k}" for k in classes), *(f"detector_logit_{k}" for k in bank)]
    rows = []
    for trace in traces:
        columns = (trace.loss, trace.norms("Linf"), trace.norms("L2"), victim_logits(trace), trace.z_h)
        for step, (loss, linf, l2, own, detectors) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
            rows.append([trace.settings.victim, step, int(step == trace.kept), loss, linf, l2, *own, *detectors])
    return takeaway.table(["victim", "step", "kept", "loss", "linf", "l2", *names], rows)
