"""The settings of PGD as fields: the same parameters, widgets and kind notes on every page that attacks something."""

from collections.abc import Callable, Mapping
from typing import Protocol

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aatviz.attacks import NORMS, OPTIMIZERS
from aatviz.ui.common import words
from aatviz.ui.common.url import Param, UrlState, choice, number, whole

MOST_EPS_L2 = 28.0
"""The ball of this radius around any MNIST image holds all images."""
Balls = Mapping[str, tuple[float, float]]
"""eps and step size by norm: what a change of the norm sets."""


class Settings(Protocol):
    """The defaults of a page."""

    @property
    def norm(self) -> str: ...
    @property
    def eps(self) -> float: ...
    @property
    def steps(self) -> int: ...
    @property
    def step_size(self) -> float: ...
    @property
    def optimizer(self) -> str: ...


def params(defaults: Callable[[], Settings], most_steps: int) -> list[Param]:
    """What the URL says about them; the defaults may depend on the system."""
    return [
        choice("norm", lambda: defaults().norm, NORMS),
        number("eps", lambda: defaults().eps, 0.0, MOST_EPS_L2),
        whole("steps", lambda: defaults().steps, 1, most_steps),
        number("step_size", lambda: defaults().step_size, 0.0001, 10.0),
        choice("optimizer", lambda: defaults().optimizer, OPTIMIZERS),
    ]


def clean(state: UrlState, balls: Balls) -> list[str]:
    """Put an eps right that is fine by itself, but not in this norm; returns a kind note where it did."""
    if state["norm"] == "L2" or state["eps"] <= 1:
        return []
    asked, instead = state["eps"], balls["Linf"][0]
    st.session_state[state.key("eps")] = instead
    return [f"An Linf ε is on the [0,1] scale; {asked:g} is too much. {instead:g} is used instead."]


def radius(place: DeltaGenerator, state: UrlState, norm: str | None = None) -> None:
    """eps, in the norm that is chosen beside it, or in this one."""
    linf = (norm or state["norm"]) == "Linf"
    most, name, step = (1.0, "L∞", 0.05) if linf else (MOST_EPS_L2, "L2", 0.5)
    place.number_input(f"ε, {name} radius", 0.0, most, step=step, format="%g", **state.widget("eps"))


def steps(place: DeltaGenerator, state: UrlState, most: int, command: str) -> None:
    """How many steps; `command` is where more of them belong."""
    more = f"At most {most}: more belongs on the command line (`aatviz {command}`)."
    place.number_input("Steps", 1, most, step=10, help=more, **state.widget("steps"))


def norm_of_ball(place: DeltaGenerator, state: UrlState, balls: Balls) -> None:
    """The norm; a change of it sets eps and step size."""

    def changed() -> None:
        st.session_state[state.key("eps")], st.session_state[state.key("step_size")] = balls[state["norm"]]

    place.segmented_control("Norm of the ball", NORMS, required=True, on_change=changed, **state.widget("norm"))


def step_size(place: DeltaGenerator, state: UrlState, step: float = 0.01) -> None:
    """The step size; `step` is what the field's buttons add."""
    about = "On the [0,1] scale."
    place.number_input("Step size", 0.0001, 10.0, step=step, format="%g", help=about, **state.widget("step_size"))


def optimizer(place: DeltaGenerator, state: UrlState) -> None:
    """Adam, steepest descent, or momentum."""
    place.selectbox("Optimizer", OPTIMIZERS, format_func=words.OPTIMIZERS.__getitem__, **state.widget("optimizer"))
