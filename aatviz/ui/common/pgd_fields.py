"""The settings of PGD as fields: the same parameters, widgets and notes on every page that attacks something."""

import math
from collections.abc import Callable, Mapping
from typing import Protocol

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aatviz.attacks import NORMS, OPTIMIZERS
from aatviz.data import Dataset
from aatviz.data.spec import number, written
from aatviz.ui.common import words
from aatviz.ui.common.glossary import tip
from aatviz.ui.common.url import Param, UrlState, amount, choice, whole

Balls = Mapping[str, tuple[str, str]]
"""eps and step size by norm, as texts such as "8/255"; a change of the norm sets them."""
LEAST_STEP, MOST_STEP = 0.0001, 10.0


def most_l2(dataset: Dataset) -> float:
    """The L2 radius at which the ball around any image holds all images: the distance of white from black."""
    return math.sqrt(math.prod(dataset.shape))


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


def balls(dataset: Dataset, usual: Settings | None = None) -> Balls:
    """The balls of the data set's presets; for the norm of `usual`, a page's defaults, theirs instead."""
    own = {usual.norm: (written(usual.eps), written(usual.step_size))} if usual else {}
    return {threat.norm: (threat.eps, threat.step_size) for threat in reversed(dataset.threats)} | own


def params(defaults: Callable[[], Settings], most_steps: int, dataset: Callable[[], Dataset]) -> list[Param]:
    """The URL parameters of PGD's settings; their defaults may depend on the system, and the largest ball on its images."""
    return [
        choice("norm", lambda: defaults().norm, NORMS),
        eps_param(lambda: defaults().eps, dataset),
        whole("steps", lambda: defaults().steps, 1, most_steps),
        amount("step_size", lambda: written(defaults().step_size), LEAST_STEP, MOST_STEP),
        choice("optimizer", lambda: defaults().optimizer, OPTIMIZERS),
    ]


def eps_param(default: Callable[[], float], dataset: Callable[[], Dataset]) -> Param:
    """The radius of the ball."""
    return amount("eps", lambda: written(default()), 0.0, lambda: most_l2(dataset()))


def value(state: UrlState, name: str) -> float:
    """The value of "eps" or "step_size" as a number."""
    return number(state[name])


def clean(state: UrlState, balls: Balls) -> list[str]:
    """Correct an eps that is too large for Linf; returns a friendly note where it was corrected."""
    if state["norm"] == "L2" or value(state, "eps") <= 1:
        return []
    asked, instead = state["eps"], balls["Linf"][0]
    st.session_state[state.key("eps")] = instead
    return [f"An Linf ε is on the [0,1] scale; {asked} is too much. {instead} is used instead."]


def radius(place: DeltaGenerator, state: UrlState, norm: str | None = None) -> None:
    """Draw the field of eps, in the chosen norm, or in `norm`."""
    name = {"Linf": "L∞", "L2": "L2"}[norm or state["norm"]]
    _amount(place, state, "eps", f"ε, {name} radius", tip("eps"))


def _amount(place: DeltaGenerator, state: UrlState, name: str, label: str, about: str) -> None:
    """Draw a field for a number such as 0.3 or 8/255. Any other text is replaced by the last number, with a note."""
    key, before = state.key(name), state[name]
    problem = f"{key}.problem"

    def changed() -> None:
        param = next(param for param in state.params if param.name == name)
        try:
            st.session_state[key] = param.read(st.session_state[key])
        except ValueError as error:
            st.session_state[problem] = f"{words.quoted(st.session_state[key], 20)} is not {error}; {before} stays."
            st.session_state[key] = before

    place.text_input(label, help=about, on_change=changed, **state.widget(name))
    if problem in st.session_state:
        place.warning(st.session_state.pop(problem), icon=":material/edit:")


def steps(place: DeltaGenerator, state: UrlState, most: int, command: str) -> None:
    """Draw the field of the steps; `command` is the `aatviz` command to use for more of them."""
    more = f"At most {most}: more belongs on the command line (`aatviz {command}`)."
    place.number_input("Steps", 1, most, step=10, help=more, **state.widget("steps"))


def norm_of_ball(place: DeltaGenerator, state: UrlState, balls: Balls) -> None:
    """Draw the choice of the norm; a change of it sets eps and step size."""

    def changed() -> None:
        st.session_state[state.key("eps")], st.session_state[state.key("step_size")] = balls[state["norm"]]

    place.segmented_control(
        "Norm of the ball", NORMS, required=True, on_change=changed, help=tip("ball"), **state.widget("norm")
    )


def step_size(place: DeltaGenerator, state: UrlState) -> None:
    """Draw the field of the step size."""
    _amount(place, state, "step_size", "Step size", "On the [0,1] scale of the images: 0.01, or 1/255.")


def optimizer(place: DeltaGenerator, state: UrlState) -> None:
    """Draw the choice of the optimizer."""
    place.selectbox(
        "Optimizer", OPTIMIZERS, format_func=words.OPTIMIZERS.__getitem__, help=tip("optimizer"), **state.widget("optimizer")
    )
