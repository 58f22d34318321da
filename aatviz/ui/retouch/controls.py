"""The Retouch page's controls: which image, which detector's logit is raised, and how far. All of it in the URL."""

import streamlit as st

from aatviz.attacks.settings import AttackSettings
from aatviz.data import Dataset
from aatviz.data.spec import written
from aatviz.explore.retouch import default_settings
from aatviz.store.systems import System
from aatviz.ui.common import pgd_fields
from aatviz.ui.common.classes import a, dataset_of
from aatviz.ui.common.url import UrlState, amount, choice, flag, number, whole
from aatviz.ui.common.words import literal, message
from aatviz.ui.own import picked
from aatviz.ui.own.attacked import Choice
from aatviz.ui.own.link import take_over
from aatviz.ui.own.picked import Picked, Sample
from aatviz.ui.player.view import T_LIMITS
from aatviz.ui.session.limits import LIMITS
from aatviz.ui.session.sidebar import current_dataset, current_sample, current_system, default_threshold

MOST_STEPS = LIMITS.most_steps
IMAGE = "image"
"""The value of `k` that stands for the class of the image."""


def _usual() -> AttackSettings:
    return default_settings(current_dataset(), current_system().card.bank[0])


def _logits() -> tuple[str, ...]:
    return (IMAGE, *map(str, current_system().card.bank))


state = UrlState(
    "retouch",
    [
        *picked.params(current_dataset, current_sample, lambda y: _first(y.tolist())),
        choice("k", IMAGE, _logits),
        pgd_fields.eps_param(lambda: _usual().eps, current_dataset),
        whole("steps", lambda: _usual().steps, 1, MOST_STEPS),
        amount("step_size", lambda: written(_usual().step_size), pgd_fields.LEAST_STEP, pgd_fields.MOST_STEP),
        flag("compare", True),
        number("T", default_threshold, *T_LIMITS),
    ],
)


def _first(y: list[int]) -> int:
    """The place of the first image of a class that the bank has a detector of."""
    bank = current_system().card.bank
    return next((place for place, k in enumerate(y) if k in bank), 0)


def choose(system: System, sample: Sample | None) -> Choice | None:
    """Draw the controls and return the choice; None as long as the visitor's own image is missing."""
    known, notes = dataset_of(system), state.read()
    take_over(state)
    if notes:
        st.info("  \n".join(notes), icon=":material/link:")
    with st.container(border=True):
        if sample is None or picked.is_own(state):  # a drawing area needs the whole width
            first, (logit, budget) = st.container(), st.columns(2, gap="medium")
        else:
            first, logit, budget = st.columns([4, 3, 3], gap="medium")
        with first:
            image = picked.choose(state, system, sample)
        with logit:
            k = _logit(system, known, image)
        with budget:
            _budget()
    if image is None:
        return None
    settings = AttackSettings(
        victim="detector",
        detector=k,
        loss="detector_logit",
        norm="L2",
        eps=pgd_fields.value(state, "eps"),
        steps=state["steps"],
        step_size=pgd_fields.value(state, "step_size"),
        optimizer="steepest",
    )
    return Choice(picked=image, settings=settings, compare=state["compare"] and system.robust is not None)


def write_url() -> None:
    """Bring the URL up to date, without the ways to pick an image that are not used."""
    state.write(leave_out=picked.idle(state))


def _logit(system: System, known: Dataset, image: Picked | None) -> int:
    """Draw the choice of the logit, and return its class."""
    bank = system.card.bank
    own = image.label if image else None
    st.markdown("**Raise the logit of**")
    st.selectbox(
        "Raise the logit of",
        _logits(),
        format_func=lambda k: f"the {known.noun}'s own class" if k == IMAGE else f"detector {known.classes[int(k)]}",
        label_visibility="collapsed",
        **state.widget("k"),
    )
    k = int(state["k"]) if state["k"] != IMAGE else own if own in bank else bank[0]
    assert k is not None
    name = literal(known.classes[k])
    if state["k"] == IMAGE and own is not None and own not in bank:
        st.caption(f":material/info: There is no detector of {literal(known.classes[own])} here; detector {name} is taken.")
    elif own is not None and own != k:
        st.caption(
            f"The {known.noun} is {literal(a(known.classes[own]))}: it is pulled towards {literal(a(known.classes[k]))}."
        )
    else:
        st.caption(f"Detector {name}: more of what it looks for.")
    st.toggle(
        "Robust classifier beside it",
        help="The same steps on the robust classifier's logit of that class, side by side.",
        **state.widget("compare", disabled=system.robust is None),
    )
    if why := system.lacks("robust_classifier", what="Retouching by another model"):
        st.caption(f":material/info: {message(why)}")
    return k


def _budget() -> None:
    st.markdown("**How far**")
    left, right = st.columns(2)
    pgd_fields.radius(left, state, "L2")
    pgd_fields.steps(right, state, MOST_STEPS, "attack")
    pgd_fields.step_size(left, state)
