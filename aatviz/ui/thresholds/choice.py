"""The panel that chooses T: for a share of rejected clean images, or for the costs of a miss and of a false alarm."""

import streamlit as st

from aatviz.thresholds import choose as operating_points
from aatviz.thresholds.choose import Costs
from aatviz.ui.common.theme import GENERATIVE, INTEGRATED
from aatviz.ui.common.url import UrlState
from aatviz.ui.thresholds import data
from aatviz.ui.thresholds.data import ThresholdView
from aatviz.ui.thresholds.state import DEAREST, costs_of, set_threshold

NAMES = {"generative": GENERATIVE.label, "integrated": INTEGRATED.label}
COST = (
    r"\begin{aligned}\text{cost} = \;& c_{\text{miss}} \, \pi \, \text{FPR} \\"
    r"& + c_{\text{alarm}} \, (1 - \pi) (1 - \text{TPR})\end{aligned}"
)


def panel(view: ThresholdView, state: UrlState) -> None:
    """Draw the two ways to choose, and the effect of the last choice."""
    with st.container(border=True, key="choose-T"):
        st.subheader("Choose T without looking at the test images")
        st.markdown(
            "The paper reports every T and leaves the choice open: it *should be determined by optimizing a utility "
            "function* (section 4.2). Here are two ways to choose. Both use "
            f"{len(view.record.generative.held_out):,} **held-out clean {view.noun}**: the validation split, which is "
            "neither tested on nor in any network's training set."
        )
        st.selectbox("Choose for the", list(NAMES), format_func=NAMES.__getitem__, **state.widget("judge"))
        clean, costs = st.columns(2, gap="large")
        with clean:
            _for_rejection(view, state)
        with costs:
            _for_costs(view, state)
        if message := st.session_state.get(_message(state)):
            st.success(message, icon=":material/check:")
        st.caption(
            "Thresholds are chosen in steps of 0.1; one for a share is rounded down. A word of caution: training kept the "
            "weights that did best on some of these validation images, attacked. So the images are new to training and to "
            "the test, but not quite untouched."
        )


def _for_rejection(view: ThresholdView, state: UrlState) -> None:
    st.markdown("**A share of clean images that may be rejected**")
    st.number_input("At most, in %", 0.0, 50.0, step=1.0, format="%g", **state.widget("rejection"))
    _buttons(view, state, "rejection")


def _for_costs(view: ThresholdView, state: UrlState) -> None:
    st.markdown("**The least expected cost**")
    miss, alarm, prior = st.columns(3)
    miss.number_input(
        "Cost of a miss",
        0.0,
        DEAREST,
        step=1.0,
        format="%g",
        help="An attacked image that is accepted although misclassified. Any unit.",
        **state.widget("c_miss"),
    )
    alarm.number_input(
        "Cost of a false alarm",
        0.0,
        DEAREST,
        step=1.0,
        format="%g",
        help="A natural image that is rejected.",
        **state.widget("c_alarm"),
    )
    prior.number_input(
        "Share attacked, π",
        0.0,
        1.0,
        step=0.05,
        format="%g",
        help="How many of all incoming images are attacked: 0.1 is one in ten.",
        **state.widget("prior"),
    )
    _buttons(view, state, "costs")
    st.latex(COST)
    st.caption(
        f"T is chosen on every second one of the {len(view.record.generative.perturbed):,} attacked {view.noun}. What it "
        "does is then measured on the others. The view above counts all of them."
    )


def _buttons(view: ThresholdView, state: UrlState, rule: str) -> None:
    """Draw a button for T and one for all T_k; disabled where a lesson locks what they set."""
    with st.container(horizontal=True):
        for each, label, names in ((False, "Set T", ("mode", "T")), (True, f"Set all {view.classes} T_k", ("mode", "Tk"))):
            st.button(
                label,
                key=f"choose-{rule}-{'each' if each else 'one'}",
                icon=":material/tune:",
                on_click=_choose,
                args=(view, state, rule, each),
                disabled=any(state.widget(name)["disabled"] for name in names),
            )


def rule_of(state: UrlState, rule: str) -> float | Costs:
    """The panel's share of rejected images, or its costs, for `operating_points.choose`."""
    return costs_of(state) if rule == "costs" else round(state["rejection"] / 100, 6)


def _choose(view: ThresholdView, state: UrlState, rule: str, each: bool) -> None:
    judge, by = state["judge"], rule_of(state, rule)
    chosen = operating_points.choose(view.decisions[judge], by, view.classes if each else None)
    set_threshold(state, view, chosen)
    told = f"For the {NAMES[judge]}, {data.chosen_sentence(view, judge, by, chosen)}"
    st.session_state[_message(state)] = told


def _message(state: UrlState) -> str:
    return f"{state.page}.chosen"
