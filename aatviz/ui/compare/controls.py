"""The Compare page's controls: which samples, which models, which attack, and what the view marks. All of it in the URL."""

import streamlit as st

from aatviz.explore.attack_grid.result import MODELS, CompareSettings, Model
from aatviz.ui.common import pgd_fields, words
from aatviz.ui.common.url import LARGEST_SEED, Param, UrlState, choice, number, whole
from aatviz.ui.player.view import T_LIMITS
from aatviz.ui.session.limits import LIMITS
from aatviz.ui.session.showcase import BALLS as ATTACK_BALLS
from aatviz.ui.session.sidebar import default_threshold

DEFAULTS = CompareSettings()
BALLS = {"Linf": (DEFAULTS.eps, DEFAULTS.step_size), "L2": ATTACK_BALLS["L2"]}
"""eps and step size that a change of the norm sets."""
MOST_STEPS, MOST_MAGNIFIED = min(500, LIMITS.most_steps), 20
ROWS = {"classes": "one of each class", "class": "ten of one class"}


def _models(text: str) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(MODELS):
        raise ValueError(f"some of {', '.join(MODELS)}, separated by commas")
    return [model for model in MODELS if model in names]


state = UrlState(
    "compare",
    [
        choice("rows", "classes", tuple(ROWS)),
        whole("digit", 3, 0, 9),
        whole("seed", DEFAULTS.seed, 0, LARGEST_SEED),
        Param(name="models", default=list(DEFAULTS.models), read=_models, write=",".join),
        *pgd_fields.params(lambda: DEFAULTS, MOST_STEPS),
        number("T", default_threshold, *T_LIMITS),
        whole("row", 3, 0, 9),
        whole("target", 8, 0, 9),
        choice("view", "perturbed", ("perturbed", "perturbation")),
        whole("magnify", 1, 1, MOST_MAGNIFIED),
        choice("targets", "all", ("all", "marked")),
    ],
)


def choose() -> CompareSettings:
    """Draw the controls and return what they say."""
    if notes := [*state.read(), *pgd_fields.clean(state, BALLS)]:
        st.info("  \n".join(notes), icon=":material/link:")
    with st.container(border=True):
        rows, models, attack = st.columns(3, gap="medium")
        with rows:
            _rows()
        with models:
            chosen = _chosen_models()
        with attack:
            _attack()
        with st.expander("Norm, step size, optimizer and threshold", icon=":material/tune:"):
            _advanced()
    return CompareSettings(
        models=chosen,
        digit=state["digit"] if state["rows"] == "class" else None,
        seed=state["seed"],
        norm=state["norm"],
        eps=round(state["eps"], 4),
        steps=state["steps"],
        step_size=round(state["step_size"], 4),
        optimizer=state["optimizer"],
    )


def write_url() -> None:
    """Bring the URL up to date, without what plays no part in the present choice."""
    state.write(leave_out=() if state["rows"] == "class" else ("digit",))


def _rows() -> None:
    st.markdown("**Digits**, one a row")
    st.segmented_control(
        "Digits",
        list(ROWS),
        format_func=ROWS.__getitem__,
        required=True,
        label_visibility="collapsed",
        **state.widget("rows"),
    )
    if state["rows"] == "class":
        st.selectbox("Class", list(range(10)), **state.widget("digit"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("Seed of the choice", 0, LARGEST_SEED, **state.widget("seed"))
        st.button("Other digits", icon=":material/shuffle:", on_click=_shuffle, disabled=state.widget("seed")["disabled"])
    st.caption("From the bundled sample, in no network's training set.")


def _shuffle() -> None:
    st.session_state[state.key("seed")] = (state["seed"] + 1) % LARGEST_SEED


def _chosen_models() -> tuple[Model, ...]:
    st.markdown("**Models**, each attacked for itself")
    chosen = st.pills(
        "Models",
        MODELS,
        selection_mode="multi",
        format_func=words.VICTIMS.__getitem__,
        label_visibility="collapsed",
        wrap=True,
        **state.widget("models"),
    )
    if not chosen:
        st.caption(f":material/info: Choose at least one; the {words.VICTIMS['generative']} is taken meanwhile.")
    st.caption("All get the same attack: every digit is pushed towards every class by raising that class's logit.")
    return tuple(chosen) or ("generative",)


def _attack() -> None:
    st.markdown("**Attack**, the same for all")
    left, right = st.columns(2)
    pgd_fields.radius(left, state)
    pgd_fields.steps(right, state, MOST_STEPS, "compare")
    st.caption("The models were trained for an L∞ radius of 0.3; the paper compares them at 0.4.")


def _advanced() -> None:
    first, second, third = st.columns(3)
    pgd_fields.norm_of_ball(first, state, BALLS)
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
