"""The Attack page's controls: which image, which victim, which goal, and the settings of PGD. All of it in the URL."""

import streamlit as st

from aatviz.attacks.settings import LOSSES_OF, AttackSettings
from aatviz.data import Dataset
from aatviz.explore.attack_grid import result as attack_grid
from aatviz.models.decisions import VICTIMS, VictimName
from aatviz.store.card import Need
from aatviz.store.systems import System
from aatviz.ui.common import pgd_fields, words
from aatviz.ui.common.classes import a, class_param, dataset_of, pick_class
from aatviz.ui.common.glossary import tip
from aatviz.ui.common.url import LARGEST_SEED, UrlState, choice, flag, number, whole
from aatviz.ui.own import picked
from aatviz.ui.own.attacked import Choice
from aatviz.ui.own.link import take_over
from aatviz.ui.own.picked import Picked, Sample
from aatviz.ui.player.view import T_LIMITS
from aatviz.ui.session.limits import LIMITS
from aatviz.ui.session.showcase import SETTINGS, default_settings, first_image
from aatviz.ui.session.sidebar import current_dataset, current_sample, current_system, default_threshold

MOST_STEPS, MOST_RESTARTS = LIMITS.most_steps, 20
UNTARGETED = tuple(dict.fromkeys(loss for losses in LOSSES_OF.values() for loss in losses if loss != "target_logit"))
VICTIMS_OWN = "paper"
"""The value of `loss` in a link that stands for the paper's loss against the victim."""
NEEDS: dict[VictimName, Need] = attack_grid.NEEDS | {"integrated": "full_bank"}
"""The part of a system that a victim needs, where a system may lack it."""


def victims(system: System) -> tuple[VictimName, ...]:
    """The victims that this system has."""
    return tuple(victim for victim in VICTIMS if victim not in NEEDS or not system.lacks(NEEDS[victim]))


state = UrlState(
    "attack",
    [
        *picked.params(current_dataset, current_sample, lambda y: first_image(current_system(), y)),
        choice("victim", lambda: default_settings(current_system()).victim, lambda: victims(current_system())),
        class_param("detector", 8, current_dataset, lambda: current_system().card.bank),
        flag("compare", True),
        choice("goal", "targeted", ("targeted", "untargeted")),
        class_param("target", lambda: default_settings(current_system()).target or 0, current_dataset),
        choice("loss", VICTIMS_OWN, (VICTIMS_OWN, *UNTARGETED)),
        *pgd_fields.params(lambda: default_settings(current_system()), MOST_STEPS, current_dataset),
        flag("random_start", SETTINGS.random_start),
        whole("restarts", SETTINGS.restarts, 1, MOST_RESTARTS),
        whole("seed", SETTINGS.seed, 0, LARGEST_SEED),
        number("T", default_threshold, *T_LIMITS),
    ],
)


def choose(system: System, sample: Sample | None) -> Choice | None:
    """Draw the controls and return the choice; None as long as the visitor's own image is missing."""
    known = dataset_of(system)
    balls, notes = pgd_fields.balls(known), state.read()
    take_over(state)
    if notes := [*notes, *_clean(balls)]:
        st.info("  \n".join(notes), icon=":material/link:")
    with st.container(border=True):
        if picked.is_own(state):  # a drawing area needs the whole width
            first, (victim, goal) = st.container(), st.columns(2, gap="medium")
        else:
            first, victim, goal = st.columns([4, 3, 3], gap="medium")
        with first:
            image = picked.choose(state, system, sample)
        with victim:
            _victim(system, known)
        with goal:
            _goal(known, image.label if image else None)
        with st.expander("Optimizer, restarts and seed", icon=":material/tune:"):
            _advanced(balls)
    return _choice(system, image) if image else None


def _choice(system: System, image: Picked) -> Choice:
    single, untargeted = state["victim"] == "detector", state["goal"] == "untargeted"
    settings = AttackSettings(
        victim=state["victim"],
        detector=state["detector"] if single else None,
        loss="detector_logit" if single else state["loss"] if untargeted else "target_logit",
        target=None if single or untargeted else state["target"],
        norm=state["norm"],
        eps=pgd_fields.value(state, "eps"),
        steps=state["steps"],
        step_size=pgd_fields.value(state, "step_size"),
        optimizer=state["optimizer"],
        random_start=state["random_start"],
        restarts=state["restarts"],
        seed=state["seed"],
    )
    beside = state["compare"] and settings.victim != "robust" and "robust" in victims(system)
    return Choice(picked=image, settings=settings, compare=beside)


def write_url() -> None:
    """Bring the URL up to date, without the settings that play no part in the present choice."""
    victim, targeted = state["victim"], state["goal"] == "targeted"
    idle = picked.idle(state)
    if victim == "detector":
        idle += ("goal", "target", "loss")
    else:
        idle += ("detector", "loss") if targeted or state["loss"] == LOSSES_OF[victim][0] else ("detector",)
        idle += () if targeted else ("target",)
    state.write(leave_out=idle)


def _clean(balls: pgd_fields.Balls) -> list[str]:
    """Correct settings that are possible by themselves, but not together; returns a friendly note for each."""
    if state["loss"] not in LOSSES_OF[state["victim"]]:
        st.session_state[state.key("loss")] = LOSSES_OF[state["victim"]][0]
    return pgd_fields.clean(state, balls)


def _victim(system: System, known: Dataset) -> None:
    there = victims(system)
    st.markdown("**Victim**", help=tip("victim"))
    st.selectbox(
        "Victim",
        there,
        format_func=words.VICTIMS.__getitem__,
        on_change=_victim_changed,
        label_visibility="collapsed",
        **state.widget("victim"),
    )
    if state["victim"] == "detector":
        pick_class(st.container(), "Detector", known.classes, state, "detector", among=system.card.bank)
    st.caption(words.VICTIM_NOTES[state["victim"]])
    st.toggle(
        "Robust classifier beside it",
        help="The same attack with the same settings on the robust classifier, side by side.",
        **state.widget("compare", disabled=state["victim"] == "robust" or "robust" not in there),
    )
    if why := system.lacks(*dict.fromkeys(NEEDS.values()), what="Any other victim"):
        st.caption(f":material/info: {words.message(why)}")


def _victim_changed() -> None:
    st.session_state[state.key("loss")] = LOSSES_OF[state["victim"]][0]


def _goal(known: Dataset, y: int | None) -> None:
    st.markdown("**Goal**", help=tip("targeted"))
    if state["victim"] == "detector":
        name = known.classes[state["detector"]]
        st.caption(f"Raise the logit of detector {words.literal(name)}, as in training (objective 5).")
        if state["detector"] == y:
            st.caption(
                f":material/info: The {known.noun} is {words.literal(a(name))}, a natural sample of this detector's own "
                "class. Choose another."
            )
    else:
        st.segmented_control(
            "Goal",
            ("targeted", "untargeted"),
            required=True,
            label_visibility="collapsed",
            **state.widget("goal"),
        )
        if state["goal"] == "targeted":
            pick_class(st.container(), "Target class", known.classes, state, "target")
            if state["target"] == y:
                st.caption(":material/info: The target is the true class: no one is fooled by that. Choose another.")
        else:
            fitting = [loss for loss in LOSSES_OF[state["victim"]] if loss != "target_logit"]
            label = words.LOSSES.__getitem__
            st.selectbox("Loss", fitting, format_func=label, help=tip("loss"), **state.widget("loss"))
    left, right = st.columns(2)
    pgd_fields.radius(left, state)
    pgd_fields.steps(right, state, MOST_STEPS, "attack")


def _advanced(balls: pgd_fields.Balls) -> None:
    first, second, third = st.columns(3)
    pgd_fields.norm_of_ball(first, state, balls)
    pgd_fields.step_size(first, state)
    pgd_fields.optimizer(second, state)
    second.toggle("Random start", help="Begin at a random point of the ball.", **state.widget("random_start"))
    third.number_input(
        "Restarts",
        1,
        MOST_RESTARTS,
        help=f"Runs from different starts, at most {MOST_RESTARTS}; the one with the least loss is shown.",
        **state.widget("restarts"),
    )
    third.number_input("Seed of the random starts", 0, LARGEST_SEED, **state.widget("seed"))
