"""The Generate page's controls: which noise, how many samples, which attack, and what the view marks. All in the URL."""

import streamlit as st

from aatviz.explore.generation.result import STARTS, GenerateSettings
from aatviz.explore.generation.run import RUBBISH
from aatviz.ui.common import pgd_fields
from aatviz.ui.common.url import LARGEST_SEED, UrlState, choice, whole
from aatviz.ui.session.limits import LIMITS

DEFAULTS = GenerateSettings()
MOST_STEPS, MOST_COUNT = min(500, LIMITS.most_steps), 12
START_NAMES = {
    "gaussian": "class noise",
    "uniform": "uniform noise",
    "constant": "plain grey",
    "other": "another digit",
}
START_NOTES = {
    "gaussian": "Drawn from the Gaussian of the target class: mean, main directions and fine noise of its training images. "
    "It is a blurred digit already.",
    "uniform": "Every pixel drawn for itself, from black to white: nothing in it says “digit”.",
    "constant": "One grey level for the whole image, drawn at random.",
    "other": "A natural digit of another class, drawn from the bundled sample.",
}
BALLS = {"Linf": (0.3, 0.01), "L2": (DEFAULTS.eps, DEFAULTS.step_size)}
"""eps and step size that a change of the norm sets."""

state = UrlState(
    "generate",
    [
        choice("start", DEFAULTS.start, STARTS),
        whole("count", DEFAULTS.count, 1, MOST_COUNT),
        whole("seed", DEFAULTS.seed, 0, LARGEST_SEED),
        *pgd_fields.params(lambda: DEFAULTS, MOST_STEPS),
        whole("target", 8, 0, 9),
        whole("sample", 2, 0, MOST_COUNT - 1),
        choice("targets", "all", ("all", "marked")),
    ],
)


def choose() -> GenerateSettings:
    """Draw the controls and return what they say."""
    if notes := [*state.read(), *pgd_fields.clean(state, BALLS)]:
        st.info("  \n".join(notes), icon=":material/link:")
    with st.container(border=True):
        start, samples, attack = st.columns([2, 1, 1], gap="medium")
        with start:
            _start()
        with samples:
            _samples()
        with attack:
            _attack()
        with st.expander("Norm, step size and optimizer", icon=":material/tune:"):
            _advanced()
    return GenerateSettings(
        start=state["start"],
        norm=state["norm"],
        eps=round(state["eps"], 4),
        steps=state["steps"],
        step_size=round(state["step_size"], 4),
        optimizer=state["optimizer"],
        count=state["count"],
        seed=state["seed"],
    )


def _start() -> None:
    st.markdown("**Start from**")
    st.segmented_control(
        "Start from",
        STARTS,
        format_func=START_NAMES.__getitem__,
        required=True,
        label_visibility="collapsed",
        wrap=True,
        on_change=_start_changed,
        **state.widget("start"),
    )
    st.caption(START_NOTES[state["start"]])


def _start_changed() -> None:
    """From anything but class noise the way is longer: let the attack go as far as it takes."""
    preset = DEFAULTS if state["start"] == DEFAULTS.start else RUBBISH
    for name, value in preset.budget.items():
        st.session_state[state.key(name)] = value


def _samples() -> None:
    st.markdown("**Samples**, none selected")
    left, right = st.columns(2)
    left.number_input("Of each class", 1, MOST_COUNT, **state.widget("count"))
    right.number_input("Seed", 0, LARGEST_SEED, help="Of the noise.", **state.widget("seed"))
    st.button(
        "Other noise",
        icon=":material/shuffle:",
        on_click=_shuffle,
        disabled=state.widget("seed")["disabled"],
        width="stretch",
    )


def _shuffle() -> None:
    st.session_state[state.key("seed")] = (state["seed"] + 1) % LARGEST_SEED


def _attack() -> None:
    st.markdown("**Attack**, the same for all")
    left, right = st.columns(2)
    pgd_fields.radius(left, state)
    pgd_fields.steps(right, state, MOST_STEPS, "generate")


def _advanced() -> None:
    first, second, third = st.columns(3)
    pgd_fields.norm_of_ball(first, state, BALLS)
    pgd_fields.step_size(second, state, step=0.05)
    pgd_fields.optimizer(third, state)
