"""The views of the Thresholds page: T, the numbers at T, the figures with their words, and what can be taken home."""

from functools import partial
from typing import cast

import streamlit as st

from aatviz import curves
from aatviz.metrics import Interval
from aatviz.ui import threshold_data as data
from aatviz.ui import threshold_figures as figures
from aatviz.ui.theme import GENERATIVE, INTEGRATED, ROBUST
from aatviz.ui.url import Param, UrlState, choice

MARKS = {"generative": "●", "integrated": "▲", "robust": "★"}
NAMES = {"generative": GENERATIVE.label, "integrated": INTEGRATED.label, "robust": ROBUST.label}
SPANS = {"all": "0 to 100%", "top": "90 to 100%"}
STICKY = """<style>
:has(> .st-key-threshold-bar) {
  position: sticky; top: 3.75rem; z-index: 5; padding-bottom: 0.4rem;
  background: color-mix(in srgb, Canvas 88%, transparent); backdrop-filter: blur(12px);
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent);
}
</style>"""


@st.fragment
def at_threshold(system: str, view: data.ThresholdView, noun: str) -> None:
    """Everything that T moves: this function alone runs again when it does. `noun` is "digits" or "images"."""
    state = url_state(system, view)
    for note in state.read():
        st.caption(f":material/info: {note}")
    threshold = threshold_slider(view, state)
    now = {name: curves.at(decisions, threshold) for name, decisions in view.decisions.items()}
    robust = (view.record.robust_accuracy, view.record.robust_error)
    numbers(now, robust, noun)
    rates(view, now, robust, state)
    logits(view, threshold, now, state)
    state.write()
    with st.expander("Reproduce these numbers", icon=":material/code:"):
        st.markdown("In Python, from the stored record:")
        st.code(data.python_code(system, threshold), language="python")
        st.markdown("On the command line, to measure the record itself:")
        st.code(f"aatviz evaluate {system} --recipe {curves.RECIPE}", language="bash")


def url_state(system: str, view: data.ThresholdView) -> UrlState:
    """What of this page is in the URL. T is kept for each system apart: another one has other logits."""
    return UrlState(
        f"thresholds.{system}",
        [
            Param(
                name="T",
                default=view.default,
                read=lambda text: data.clamped(text, view.low, view.high),
                write="{:g}".format,
            ),
            choice("axis", "log", ["log", "linear"]),
            choice("span", "all", ["all", "top"]),
            choice("logits", "generative", list(view.decisions)),
        ],
    )


def threshold_slider(view: data.ThresholdView, state: UrlState) -> float:
    """The one control of the page; it stays in sight while the page scrolls under it."""
    st.html(STICKY)
    with st.container(key="threshold-bar"):
        threshold = st.slider(
            "Threshold T: accept where the winning logit is at least T",
            min_value=view.low,
            max_value=view.high,
            step=data.STEP,
            format="%.1f",
            key=state.key("T"),
            persist_state="session",
            help=f"The page begins at T = {view.default:g}, the highest step at which the generative classifier accepts at "
            f"least {data.DEFAULT_SHARE:.0%} of the natural test images. These are the images that the curves are drawn "
            "from: in use, choose T on others.",
        )
    return round(threshold, 4)


def numbers(now: dict[str, curves.AtThreshold], robust: tuple[Interval, Interval], noun: str) -> None:
    """The rates at T in words, one card a classifier."""
    with st.container(key="numbers-at-T"):
        for name, column in zip(NAMES, st.columns(3), strict=True):
            accuracy, error = (now[name].accuracy, now[name].error) if name in now else robust
            accepted = "accepted and right" if name in now else "right"
            fooled = "misclassified and accepted" if name in now else "misclassified"
            with column.container(border=True, height="stretch"):
                st.markdown(f"{MARKS[name]} **{NAMES[name].capitalize()}**")
                st.markdown(f"**{data.per_hundred(accuracy)} of 100** natural {noun} are {accepted}.")
                st.caption(data.with_interval(accuracy))
                st.markdown(f"**{data.per_hundred(error)} of 100** attacked {noun} are {fooled}.")
                st.caption(data.with_interval(error))
                if name not in now:
                    st.caption("It has no reject option: T does not move it.")


def rates(
    view: data.ThresholdView, now: dict[str, curves.AtThreshold], robust: tuple[Interval, Interval], state: UrlState
) -> None:
    """The two figures of rates, side by side where there is room."""
    with st.container(horizontal=True):
        axis = st.segmented_control(
            "Horizontal axis", ["log", "linear"], required=True, key=state.key("axis"), persist_state="session"
        )
        span = st.segmented_control(
            "Vertical axis",
            ["all", "top"],
            required=True,
            format_func=SPANS.__getitem__,
            key=state.key("span"),
            persist_state="session",
        )
    scale, top = cast(figures.Scale, axis), span == "top"
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Detection")
        st.plotly_chart(
            figures.roc(view.curves, now, scale, top),
            key="roc",
            config=figures.config("roc"),
            alt=f"ROC curves of the generative and the integrated classifier. At T, {_rates_in_words(now)}",
        )
        st.markdown(
            "**What you see.** Each curve is a classifier, each point of it one T; the hollow mark is the T above, with "
            "its 95% interval. Upwards: the share of natural images that is accepted (equation 7). To the right: the "
            "share of attacked images that is accepted *although misclassified* (equation 8); an attack that fails does "
            "not count."
        )
        st.markdown(
            "**Look for** the top left corner: everything natural accepted, nothing fooled. A lower T walks along the "
            "curve, up and to the right. On the log axis, 0 stands at the left edge."
        )
    with right:
        st.subheader("Classification")
        st.plotly_chart(
            figures.accuracy_error(view.curves, now, robust, scale, top),
            key="accuracy-error",
            config=figures.config("accuracy-error"),
            alt="Accuracy on natural images against error on attacked images for the generative and the integrated "
            f"classifier, with the robust classifier as a single point. At T, {_rates_in_words(now)}",
        )
        st.markdown(
            "**What you see.** The same T once more, but upwards only those natural images count that are accepted *and "
            "right* (equation 14). The error (equation 15) counts the same images as equation 8. The star is the robust "
            "classifier, Madry's adversarially trained one, under its own attack: it cannot reject, so it is one point."
        )
        st.markdown(
            "**Look for** the star's place: where a curve passes above it or to its left, rejecting buys more than the "
            "robust classifier offers."
        )


def logits(view: data.ThresholdView, threshold: float, now: dict[str, curves.AtThreshold], state: UrlState) -> None:
    """The winning logits as histograms, with the counts at T beside them."""
    st.subheader("The logits behind the curves")
    who = st.segmented_control(
        "Whose logits",
        list(view.decisions),
        required=True,
        format_func=NAMES.__getitem__,
        key=state.key("logits"),
        persist_state="session",
    )
    assert who is not None  # required
    chart, words = st.columns([2, 1], gap="medium")
    with chart:
        st.plotly_chart(
            figures.histograms(view.decisions[who], threshold, view.low, view.high),
            key="histograms",
            config=figures.config(f"logits-{who}"),
            alt=f"Histograms of the winning logits of the {who} classifier on natural and on attacked images, cut at T.",
        )
    rates = now[who]
    with words:
        st.markdown(
            "**What you see.** The winning logit of every image, natural ones above, attacked ones below. "
            "What lies left of the line is rejected. "
            + (
                "The generative classifier's logit is that of the class it decides for (equation 6)."
                if who == "generative"
                else "The integrated classifier asks the detector of the class that f decides for."
            )
        )
        st.markdown(
            f"| At T = {threshold:g} | images |\n|---|--:|\n"
            f"| **natural** | {rates.tpr.n:,} |\n"
            f"| accepted, right | {rates.natural_right:,} |\n"
            f"| accepted, wrong | {rates.natural_wrong:,} |\n"
            f"| rejected | {rates.natural_rejected:,} |\n"
            f"| **attacked** | {rates.fpr.n:,} |\n"
            f"| accepted, still right | {rates.withstood:,} |\n"
            f"| accepted, **fooled** | {rates.fooled:,} |\n"
            f"| rejected | {rates.caught:,} |"
        )
        st.markdown(
            "**Look for** the fooled ones right of the line: these alone are the error. How much of the natural hill is "
            "lost where T moves past them?"
        )


def about(view: data.ThresholdView) -> None:
    """Which attack and how many images made the numbers, and what that cannot say."""
    recipe = view.record.recipe
    natural, attacked = len(view.record.generative.natural), len(view.record.generative.perturbed)
    st.subheader("Where the numbers come from")
    lines = "\n".join(f"- {MARKS[name]} {NAMES[name]}: {data.attack_sentence(recipe, name)}." for name in NAMES)
    st.markdown(
        f"{natural:,} natural test images, and {attacked:,} of them attacked, against each classifier separately:\n\n"
        f"{lines}\n\n"
        "An attack only shows what *it* found. **A stronger attack can only move the curves to the worse**, to the right; "
        "none of these numbers is a guarantee. Intervals are Wilson's, 95%; every curve is exact at every score."
    )


def downloads(system: str, view: data.ThresholdView) -> None:
    """The curves as CSV; every figure has a camera button for a PNG."""
    with st.container(horizontal=True):
        for name, decisions in view.decisions.items():
            st.download_button(
                f"{NAMES[name].capitalize()} (CSV)",
                data=partial(data.curve_csv, view.curves[name], decisions),
                file_name=f"{system}-{name}.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
                key=f"csv-{name}",
            )
    st.caption("A row for every threshold at which a rate changes. For a PNG, use the camera at the top right of a figure.")


def _rates_in_words(now: dict[str, curves.AtThreshold]) -> str:
    return "; ".join(
        f"{name}: {100 * rates.tpr.value:.1f}% of natural images accepted, {100 * rates.fpr.value:.1f}% of attacked ones "
        "fooled and accepted"
        for name, rates in now.items()
    )
