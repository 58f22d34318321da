"""The Thresholds page's settings: their names in the URL, their checks, and the threshold that they stand for."""

import math

import streamlit as st

from aatviz.thresholds.choose import GRID, Costs
from aatviz.thresholds.curves import Threshold
from aatviz.ui.common.url import Param, UrlState, choice, number
from aatviz.ui.thresholds.data import ThresholdView

ONE, PER_CLASS = "one", "per_class"
LIVE = ("mode", "T", "Tk", "axis", "span", "logits")
"""The settings that the live view draws its own controls for."""
DEAREST = 1e6


def url_state(system: str, view: ThresholdView) -> UrlState:
    """The settings of this page in the URL. Each system has its own, since its logits have another range."""
    costs = Costs()
    return UrlState(
        f"thresholds.{system}",
        [
            choice("mode", ONE, [ONE, PER_CLASS]),
            Param(name="T", default=view.default, read=lambda text: clamped(text, view.low, view.high), write="{:g}".format),
            Param(name="Tk", default=(), read=lambda text: _each(text, view), write=_joined),
            choice("axis", "log", ["log", "linear"]),
            choice("span", "all", ["all", "top"]),
            choice("logits", "generative", list(view.decisions)),
            choice("judge", "generative", list(view.decisions)),
            number("rejection", 1.0, 0.0, 50.0),
            number("c_miss", costs.miss, 0.0, DEAREST),
            number("c_alarm", costs.false_alarm, 0.0, DEAREST),
            number("prior", costs.prior, 0.0, 1.0),
        ],
    )


def threshold_of(state: UrlState, view: ThresholdView) -> Threshold:
    """T, or all T_k, by the present settings. Where no T_k has been set, all are T."""
    return state["T"] if state["mode"] == ONE else state["Tk"] or (state["T"],) * view.classes


def costs_of(state: UrlState) -> Costs:
    """The costs in the panel's fields."""
    return Costs(miss=state["c_miss"], false_alarm=state["c_alarm"], prior=state["prior"])


def set_threshold(state: UrlState, view: ThresholdView, threshold: Threshold) -> None:
    """Set T, or all T_k, to chosen values, brought into the range of the sliders."""
    if isinstance(threshold, int | float):
        values = {"mode": ONE, "T": _within(threshold, view)}
    else:
        values = {"mode": PER_CLASS, "Tk": tuple(_within(value, view) for value in threshold)}
    for name, value in values.items():
        st.session_state[state.key(name)] = value


def write_url(state: UrlState) -> None:
    """Bring the URL up to date, without settings that play no part in the present mode."""
    idle = ["Tk"] if state["mode"] == ONE else ["T"] if state["Tk"] else []
    state.write(leave_out=idle)


def clamped(text: str, low: float, high: float) -> float:
    """T from the URL, on the grid and in the sliders' range.

    The message of a ValueError is the end of a sentence, and says what is possible.
    """
    limits = f"a number from {low:g} to {high:g}"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(limits) from None
    if math.isnan(value):
        raise ValueError(limits)
    return round(round(min(max(value, low), high) / GRID) * GRID, 1)


def _each(text: str, view: ThresholdView) -> tuple[float, ...]:
    if not text:
        return ()
    values = text.split(",")
    if len(values) != view.classes:
        raise ValueError(f"{view.classes} numbers from {view.low:g} to {view.high:g}, separated by commas")
    return tuple(clamped(value, view.low, view.high) for value in values)


def _joined(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)


def _within(value: float, view: ThresholdView) -> float:
    return clamped(str(value), view.low, view.high)
