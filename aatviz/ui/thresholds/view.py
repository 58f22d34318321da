"""The parts of the Thresholds page: the live view, the numbers that follow it, the words, and the downloads."""

from functools import partial

import streamlit as st

from aatviz.thresholds import curves, snippets
from aatviz.thresholds.curves import Threshold
from aatviz.ui.common import takeaway
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.theme import ROBUST
from aatviz.ui.common.url import UrlState
from aatviz.ui.common.words import code
from aatviz.ui.thresholds import data
from aatviz.ui.thresholds.choice import NAMES, panel, rule_of
from aatviz.ui.thresholds.data import ThresholdView
from aatviz.ui.thresholds.live import show_live
from aatviz.ui.thresholds.state import threshold_of, url_state, write_url

MARKS = {"generative": "●", "integrated": "▲", "robust": "★"}
_WHOLE_PAGE = "thresholds.whole-page"
RATES = (
    r"\text{TPR} = |\{x \in D : z \ge T\}| / N \;\; (7)",
    r"\text{FPR} = |\{x \in D' : z \ge T, \hat k \ne y\}| / N \;\; (8)",
    r"\text{acc.} = |\{x \in D : z \ge T, \hat k = y\}| / N \;\; (14)",
)
LOGITS = (
    r"\text{generative: } \hat k = \arg\max_k p(C_k) \, \sigma(z(h_k(x)))",
    r"\text{integrated: } \hat k = f(x)",
    r"\text{both reject where } z = z(h_{\hat k}(x)) < T_{\hat k}",
)


def page(system: str, view: ThresholdView) -> None:
    """Draw the whole page below its title."""
    st.session_state[_WHOLE_PAGE] = True
    _at_threshold(system, view)
    _about(view)


@st.fragment
def _at_threshold(system: str, view: ThresholdView) -> None:
    """All that depends on T: when T changes, only this function runs again."""
    state = url_state(system, view)
    for note in state.read():
        st.caption(f":material/info: {note}")
    show_live(system, view, state, first=st.session_state.pop(_WHOLE_PAGE, False))
    view_first("thresholds")
    if view.examples is None:
        st.caption(
            ":material/info: There are no stored examples for these weights yet: "
            f"{code(f'python tools/build_showcase.py {system}')} makes a strip of {view.noun} that T flips."
        )
    panel(view, state)
    write_url(state)
    threshold = threshold_of(state, view)
    _numbers(view, threshold)
    _words(view)
    _take_home(system, view, state, threshold)


def _numbers(view: ThresholdView, threshold: Threshold) -> None:
    """Show the rates with their intervals and all counts; they are updated when a slider is let go."""
    now = {name: curves.at(decisions, threshold) for name, decisions in view.decisions.items()}
    one = isinstance(threshold, int | float)
    st.subheader(f"The numbers at {data.words(threshold)}" if one else "The numbers at these thresholds")
    if not one:
        st.caption(data.words(threshold))
    with st.container(key="numbers-at-T"):
        st.markdown(data.counts_table({NAMES[name]: rates for name, rates in now.items()}))
        accuracy, error = view.record.robust_accuracy, view.record.robust_error
        st.caption(
            f"In brackets the 95% interval (Wilson). The {ROBUST.label} cannot reject: {data.with_interval(accuracy)} of "
            f"the natural {view.noun} right, {data.with_interval(error)} of the attacked ones fooled, at any T."
        )


def _words(view: ThresholdView) -> None:
    takeaway.explain(
        "Each curve is a classifier, each point of it one T; the mark on it is the T of the slider, with its 95% interval. "
        "Upwards: natural images that are accepted (left chart, equation 7), or accepted *and right* (middle, equation "
        "14). To the right, in both: attacked images that are accepted *although misclassified* (equations 8 and 15); an "
        "attack that fails does not count. The star is the robust classifier, Madry's, under its own attack. With one T "
        "for each detector the point may leave the faint curves of one common T.",
        "the top left corner: everything natural accepted, nothing fooled. A lower T walks along the curve, up and to the "
        "right. Where does a curve pass above the star, or to its left? There, rejecting buys more than the robust "
        "classifier offers. On the log axis, 0 stands at the left edge.",
        RATES,
    )
    takeaway.explain(
        "The histograms show the winning logit of every image, natural ones above, attacked ones below; what lies left of T "
        f"is rejected. Below them are {view.noun} of the sample, the first ones of each class, sorted by that "
        "logit. The generative classifier's logit is that of the class it decides for (equation 6); the integrated one "
        "asks the detector of the class that *f* decides for. With one T for each detector, the winning class's own "
        "T counts.",
        "the fooled ones right of T: these alone are the error. How much of the natural hill is lost where T moves past "
        f"them? Do you, too, find the rejected natural {view.noun} hard to read?",
        LOGITS,
    )


def _take_home(system: str, view: ThresholdView, state: UrlState, threshold: Threshold) -> None:
    judge = state["judge"]
    rejection, costs = rule_of(state, "rejection"), rule_of(state, "costs")
    takeaway.reproduce(
        [
            (
                "**The numbers at T**, from the stored record:",
                snippets.command(system, threshold),
                snippets.python_code(system, threshold),
            ),
            (
                "**T for the share of rejected clean images** in the panel:",
                snippets.choice_command(system, judge, rejection, False),
                snippets.choice_code(system, judge, rejection, None),
            ),
            (
                "**T for the costs** in the panel (for one T a detector: `--each`, `classes=`):",
                snippets.choice_command(system, judge, costs, False),
                snippets.choice_code(system, judge, costs, None),
            ),
            (
                "**The record itself**, measured again; this takes minutes:",
                f"aatviz evaluate {system} --recipe {curves.RECIPE}",
                "",
            ),
        ]
    )
    with st.container(horizontal=True):
        for name, decisions in view.decisions.items():
            takeaway.download_csv(
                f"Curve, {NAMES[name]} (CSV)",
                f"{system}-{name}.csv",
                partial(data.curve_csv, view.curves[name], decisions),
            )
        takeaway.download_csv(
            "Every logit, accepted or not (CSV)", f"{system}-logits.csv", partial(data.logits_csv, view, threshold)
        )
    st.caption("A curve has a row for every threshold at which a rate changes. The PNG button is below the examples.")


def _about(view: ThresholdView) -> None:
    """Say which attack and how many images made the numbers, and what they do not show."""
    recipe = view.record.recipe
    natural, attacked = len(view.record.generative.natural), len(view.record.generative.perturbed)
    st.subheader("Where the numbers come from")
    names = NAMES | {"robust": ROBUST.label}
    lines = "\n".join(f"- {MARKS[name]} {label}: {data.attack_sentence(recipe, name)}." for name, label in names.items())
    st.markdown(
        f"{natural:,} natural test images, and {attacked:,} of them attacked, against each classifier separately:\n\n"
        f"{lines}\n\n"
        f"The page begins at T = {view.default:g}, which rejects at most 1% of the held-out clean images, judged by the "
        "generative classifier. An attack only shows what *it* found. **A stronger attack can only move the curves to the "
        "worse**, to the right; none of these numbers is a guarantee. Every curve is exact at every score."
    )
