"""The Compare page's controls: which samples, which models, which attack, and what the view marks. All of it in the URL."""

import streamlit as st

from aatviz.data import Dataset
from aatviz.data.spec import written
from aatviz.explore.attack_grid.result import NEEDS, CompareSettings, Model
from aatviz.explore.attack_grid.run import default_settings, models_of
from aatviz.store.systems import System
from aatviz.ui.common import pgd_fields, words
from aatviz.ui.common.classes import class_param, dataset_of, pick_class, pick_targets, targets_param
from aatviz.ui.common.url import LARGEST_SEED, Param, UrlState, choice, number, whole
from aatviz.ui.player.view import T_LIMITS
from aatviz.ui.session.limits import LIMITS
from aatviz.ui.session.sidebar import current_dataset, current_system, default_threshold

DEFAULTS = CompareSettings()
MOST_STEPS, MOST_MAGNIFIED = min(500, LIMITS.most_steps), 20
ROWS = {"classes": "one of each class", "class": "several of one class"}


def _models(text: str) -> list[str]:
    names, there = text.split(","), models_of(current_system())
    if not set(names) <= {*there}:
        raise ValueError(f"some of {', '.join(there)}, separated by commas")
    return [model for model in there if model in names]


state = UrlState(
    "compare",
    [
        choice("rows", "classes", tuple(ROWS)),
        class_param("digit", 3, current_dataset),
        whole("seed", DEFAULTS.seed, 0, LARGEST_SEED),
        Param(
            name="models",
            default=lambda: list(default_settings(current_system()).models),
            read=_models,
            write=",".join,
            fits=lambda names: set(names) <= {*models_of(current_system())},
        ),
        targets_param(current_dataset),
        *pgd_fields.params(lambda: default_settings(current_system()), MOST_STEPS, current_dataset),
        number("T", default_threshold, *T_LIMITS),
        class_param("row", 3, current_dataset),
        class_param("target", 8, current_dataset),
        choice("view", "perturbed", ("perturbed", "perturbation")),
        whole("magnify", 1, 1, MOST_MAGNIFIED),
        choice("targets", "all", ("all", "marked")),
    ],
)


def choose(system: System) -> CompareSettings:
    """Draw the controls and return the settings."""
    known = dataset_of(system)
    balls = pgd_fields.balls(known, default_settings(system))
    if notes := [*state.read(), *pgd_fields.clean(state, balls)]:
        st.info("  \n".join(notes), icon=":material/link:")
    with st.container(border=True):
        rows, models, attack = st.columns(3, gap="medium")
        with rows:
            targets = _rows(known)
        with models:
            chosen = _chosen_models(system, known)
        with attack:
            _attack(system)
        with st.expander("Norm, step size, optimizer and threshold", icon=":material/tune:"):
            _advanced(balls)
    return CompareSettings(
        models=chosen,
        digit=state["digit"] if state["rows"] == "class" else None,
        seed=state["seed"],
        norm=state["norm"],
        eps=pgd_fields.value(state, "eps"),
        steps=state["steps"],
        step_size=pgd_fields.value(state, "step_size"),
        optimizer=state["optimizer"],
        targets=targets,
    )


def write_url() -> None:
    """Bring the URL up to date, without settings that play no part in the present choice."""
    state.write(leave_out=() if state["rows"] == "class" else ("digit",))


def _rows(known: Dataset) -> tuple[int, ...] | None:
    """Draw the choice of the rows' samples, and return the targets."""
    title = known.plural.capitalize()
    st.markdown(f"**{title}**, one a row")
    st.segmented_control(
        title,
        list(ROWS),
        format_func=ROWS.__getitem__,
        required=True,
        label_visibility="collapsed",
        **state.widget("rows"),
    )
    if state["rows"] == "class":
        pick_class(st.container(), "Class", known.classes, state, "digit", room=0)
    targets = pick_targets(state, known.classes)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("Seed of the choice", 0, LARGEST_SEED, **state.widget("seed"))
        st.button(
            f"Other {known.plural}",
            icon=":material/shuffle:",
            on_click=state.another,
            args=("seed",),
            disabled=state.widget("seed")["disabled"],
        )
    st.caption("From the sample, in no network's training set.")
    return targets


def _chosen_models(system: System, known: Dataset) -> tuple[Model, ...]:
    st.markdown("**Models**, each attacked for itself")
    chosen = st.pills(
        "Models",
        models_of(system),
        selection_mode="multi",
        format_func=words.VICTIMS.__getitem__,
        label_visibility="collapsed",
        wrap=True,
        **state.widget("models"),
    )
    first = models_of(system)[0]
    if not chosen:
        st.caption(f":material/info: Choose at least one; the {words.VICTIMS[first]} is taken meanwhile.")
    if why := system.lacks(*NEEDS.values(), what="Comparing all models"):
        st.caption(f":material/info: {words.message(why)}")
    st.caption(f"All get the same attack: every {known.noun} is pushed towards each target by raising that class's logit.")
    return tuple(chosen) or (first,)


def _attack(system: System) -> None:
    st.markdown("**Attack**, the same for all")
    left, right = st.columns(2)
    pgd_fields.radius(left, state)
    pgd_fields.steps(right, state, MOST_STEPS, "compare")
    trained, usual = system.card, default_settings(system)
    st.caption(
        f"The detectors were trained for {trained.norm.replace('inf', '∞')} ε = {written(trained.eps)}. The page "
        f"begins with {usual.norm.replace('inf', '∞')} ε = {written(usual.eps)}: more than usual, as in the paper."
    )


def _advanced(balls: pgd_fields.Balls) -> None:
    first, second, third = st.columns(3)
    pgd_fields.norm_of_ball(first, state, balls)
    pgd_fields.step_size(first, state)
    pgd_fields.optimizer(second, state)
    third.number_input(
        "Threshold T",
        *T_LIMITS,
        step=0.5,
        format="%g",
        help="The generative classifier rejects an image whose winning detector logit is below T. Needs no new run.",
        **state.widget("T"),
    )
