"""The Attack page's result: the player and the words beside it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aatviz.data import Dataset
from aatviz.explore.attack_path import Trace
from aatviz.store.systems import System
from aatviz.ui.attack import words
from aatviz.ui.attack.controls import state
from aatviz.ui.common.classes import dataset_of
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.words import VICTIMS, ball, signs
from aatviz.ui.own import verdicts as own_verdicts
from aatviz.ui.own.picked import Picked
from aatviz.ui.player.take_home import take_home
from aatviz.ui.player.view import show_player

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
