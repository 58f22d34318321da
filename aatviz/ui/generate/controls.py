"""The Generate page's controls: which noise, how many samples, which attack, and what the view marks. All in the URL."""

import streamlit as st

from aatviz.attacks import NORMS, OPTIMIZERS
from aatviz.generate import RUBBISH
from aatviz.generated import STARTS, GenerateSettings
from aatviz.ui.attack import words
from aatviz.ui.attack.controls import MOST_EPS_L2
from aatviz.ui.url import LARGEST_SEED, UrlState, choice, number, whole

DEFAULTS = GenerateSettings()
MOST_STEPS, MOST_COUNT = 500, 12
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
        choice("norm", DEFAULTS.norm, NORMS),
        number("eps", DEFAULTS.eps, 0.0, MOST_EPS_L2),
        whole("steps", DEFAULTS.steps, 1, MOST_STEPS),
        number("step_size", DEFAULTS.step_size, 0.0001, 10.0),
        choice("optimizer", DEFAULTS.optimizer, OPTIMIZERS),
        whole("target", 8, 0, 9),
        whole("sample", 2, 0, MOST_COUNT - 1),
        choice("targets", "all", ("all", "marked")),
    ],
)


def choose() -> GenerateSettings:
    """Draw the controls and return what they say."""
    if notes := [*state.read(), *_clean()]:
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


def _clean() -> list[str]:
    """Settings that are fine by themselves, but not together; returns a kind note for each that is put right."""
    if state["norm"] == "L2" or state["eps"] <= 1:
        return []
    asked, st.session_state[state.key("eps")] = state["eps"], BALLS["Linf"][0]
    return [f"An Linf ε is on the [0,1] scale; {asked:g} is too much. {BALLS['Linf'][0]:g} is used instead."]


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
    most, norm, step = (1.0, "L∞", 0.05) if state["norm"] == "Linf" else (MOST_EPS_L2, "L2", 0.5)
    left, right = st.columns(2)
    left.number_input(f"ε, {norm} radius", 0.0, most, step=step, format="%g", **state.widget("eps"))
    right.number_input(
        "Steps",
        1,
        MOST_STEPS,
        step=10,
        help=f"At most {MOST_STEPS}: more belongs on the command line (`aatviz generate`).",
        **state.widget("steps"),
    )


def _advanced() -> None:
    first, second, third = st.columns(3)
    first.segmented_control("Norm of the ball", NORMS, required=True, on_change=_norm_changed, **state.widget("norm"))
    second.number_input(
        "Step size", 0.0001, 10.0, step=0.05, format="%g", help="On the [0,1] scale.", **state.widget("step_size")
    )
    third.selectbox("Optimizer", OPTIMIZERS, format_func=words.OPTIMIZERS.__getitem__, **state.widget("optimizer"))


def _norm_changed() -> None:
    st.session_state[state.key("eps")], st.session_state[state.key("step_size")] = BALLS[state["norm"]]
