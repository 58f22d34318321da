"""The Generate page's controls: which noise, how many samples, which attack, and what the view marks. All in the URL."""

from typing import Any

import streamlit as st

from aatviz.attacks.settings import of_threat
from aatviz.data import Dataset
from aatviz.data.spec import written
from aatviz.explore.attack_grid.result import Model
from aatviz.explore.generation.result import STARTS, GenerateSettings
from aatviz.explore.generation.run import default_settings
from aatviz.store.systems import System
from aatviz.ui.common import pgd_fields
from aatviz.ui.common.classes import MOST_PICKED, class_param, dataset_of, pick_targets, targets_param
from aatviz.ui.common.url import LARGEST_SEED, UrlState, choice, whole
from aatviz.ui.player.view import VICTIM_TITLES
from aatviz.ui.session.limits import LIMITS
from aatviz.ui.session.sidebar import current_dataset, current_sample, current_system

DEFAULTS = GenerateSettings()
MOST_STEPS, MOST_COUNT = min(500, LIMITS.most_steps), 12
"""Of the steps, and of the samples of each class, where there are several; a single one has more."""
START_NAMES = {"gaussian": "class noise", "uniform": "uniform noise", "constant": "plain grey", "other": "another class"}


def _starts() -> tuple[str, ...]:
    """The noise to choose from: natural images of another class only where there are images."""
    return tuple(start for start in STARTS if start != "other" or current_sample() is not None)


def _start_note(start: str, noun: str) -> str:
    return {
        "gaussian": "Drawn from the Gaussian of the target class: mean, main directions and fine noise of its training "
        f"images. It is a blurred {noun} already.",
        "uniform": f"Every value drawn for itself, from 0 to 1: nothing in it says “{noun}”.",
        "constant": "One grey level for the whole image, drawn at random.",
        "other": f"A natural {noun} of another class, drawn from the sample.",
    }[start]


def _most() -> int:
    return max(MOST_COUNT, default_settings(current_system()).count)


state = UrlState(
    "generate",
    [
        choice("start", DEFAULTS.start, _starts),
        whole("count", lambda: default_settings(current_system()).count, 1, _most),
        whole("seed", DEFAULTS.seed, 0, LARGEST_SEED),
        targets_param(current_dataset),
        *pgd_fields.params(lambda: default_settings(current_system()), MOST_STEPS, current_dataset),
        class_param("target", 8, current_dataset),
        whole("sample", 2, 0, lambda: _most() - 1),
        choice("targets", "all", ("all", "marked")),
    ],
)


def choose(system: System) -> GenerateSettings:
    """Draw the controls and return the settings."""
    known = dataset_of(system)
    balls = pgd_fields.balls(known, default_settings(system))
    if notes := [*state.read(), *pgd_fields.clean(state, balls)]:
        st.info("  \n".join(notes), icon=":material/link:")
    with st.container(border=True):
        start, samples, attack = st.columns([2, 1, 1], gap="medium")
        with start:
            _start(system, known.noun)
        with samples:
            targets = _samples(system, known.classes)
        with attack:
            _attack(known)
        with st.expander("Norm, step size and optimizer", icon=":material/tune:"):
            _advanced(balls)
    return GenerateSettings(
        start=state["start"],
        norm=state["norm"],
        eps=pgd_fields.value(state, "eps"),
        steps=state["steps"],
        step_size=pgd_fields.value(state, "step_size"),
        optimizer=state["optimizer"],
        count=state["count"],
        seed=state["seed"],
        targets=targets,
        most_frames=default_settings(system).most_frames,
    )


def _start(system: System, noun: str) -> None:
    st.markdown("**Start from**")
    st.segmented_control(
        "Start from",
        _starts(),
        format_func=START_NAMES.__getitem__,
        required=True,
        label_visibility="collapsed",
        wrap=True,
        on_change=_start_changed,
        args=(system,),
        **state.widget("start"),
    )
    st.caption(_start_note(state["start"], noun))


def _start_changed(system: System) -> None:
    """Set the attack to the defaults of the chosen start: from anything but class noise, it has to go farther."""
    _set(default_settings(system, state["start"]).budget)


def _set(budget: dict[str, Any]) -> None:
    for name, value in budget.items():
        st.session_state[state.key(name)] = written(value) if isinstance(value, float) else value


def titles(system: System) -> dict[Model, str]:
    """The names of the three models; a bank that lacks detectors is no classifier."""
    return dict(VICTIM_TITLES) | ({"generative": VICTIM_TITLES["detector"]} if system.lacks("full_bank") else {})


def _samples(system: System, classes: tuple[str, ...]) -> tuple[int, ...] | None:
    """Draw the choice of the classes and of the number of samples, and return the targets."""
    st.markdown("**Samples**, none selected")
    left, right = st.columns(2)
    left.number_input("Of each class", 1, _most(), **state.widget("count"))
    right.number_input("Seed", 0, LARGEST_SEED, help="Of the noise.", **state.widget("seed"))
    st.button(
        "Other noise",
        icon=":material/shuffle:",
        on_click=state.another,
        args=("seed",),
        disabled=state.widget("seed")["disabled"],
        width="stretch",
    )
    if system.lacks("full_bank"):
        return system.card.bank[:MOST_PICKED]
    return pick_targets(state, classes)


def _attack(known: Dataset) -> None:
    st.markdown("**Attack**, the same for all")
    left, right = st.columns(2)
    pgd_fields.radius(left, state)
    pgd_fields.steps(right, state, MOST_STEPS, "generate")
    if far := known.drawn_far:
        st.button(
            f"Farther: {far.norm} {far.eps}, {far.steps} x {far.step_size}",
            icon=":material/open_in_full:",
            on_click=_set,
            args=(of_threat(far),),
            disabled=any(state.widget(name)["disabled"] for name in of_threat(far)),
            width="stretch",
        )


def _advanced(balls: pgd_fields.Balls) -> None:
    first, second, third = st.columns(3)
    pgd_fields.norm_of_ball(first, state, balls)
    pgd_fields.step_size(second, state)
    pgd_fields.optimizer(third, state)
