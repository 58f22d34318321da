"""A page's settings in the URL: read with every value checked, kept for the session, written back when they change."""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from aatviz.data import spec
from aatviz.ui.common.words import quoted

LARGEST_SEED = 2**31 - 1
MOMENT = 3.0
"""Seconds after a click in which the browser may still send the URL from before that click."""
JUST_OPENED, _PRESSED = "app.just-opened", "app.pressed"


@dataclass(frozen=True, kw_only=True)
class Param:
    """One setting: its name in the URL, its default, and how it is read from and written as text."""

    name: str
    default: Any
    """The default, or, where it depends on the system, a function that gives it; `UrlState.params` has called it."""
    read: Callable[[str], Any]
    """Text -> value. The message of a ValueError is the end of a sentence, and says what is possible."""
    write: Callable[[Any], str | None] = str
    """Value -> text; None for a value that no link can carry."""
    fits: Callable[[Any], bool] = lambda _: True
    """Whether a value is still possible with the present system, which may have fewer classes, or images of another size."""


def choice(name: str, default: str | Callable[[], str], options: Sequence[str] | Callable[[], Sequence[str]]) -> Param:
    """A parameter whose value is one of some words; `options` may be a function that gives those possible now."""

    def now() -> Sequence[str]:
        return options() if callable(options) else options

    def read(text: str) -> str:
        if text not in now():
            raise ValueError(f"one of {', '.join(now())}")
        return text

    return Param(name=name, default=default, read=read, fits=lambda value: value in now())


def whole(name: str, default: int | Callable[[], int], low: int, high: int | Callable[[], int]) -> Param:
    """A parameter whose value is a whole number; `high` may be a function that gives the largest possible now."""

    def most() -> int:
        return high() if callable(high) else high

    return Param(
        name=name,
        default=default,
        read=lambda text: int(_within(text, low, most(), True)),
        fits=lambda value: low <= value <= most(),
    )


def number(name: str, default: float | Callable[[], float], low: float, high: float) -> Param:
    """A parameter whose value is a number, rounded to four decimals."""
    return Param(
        name=name,
        default=default,
        read=lambda text: round(_within(text, low, high, False), 4),
        write=lambda value: f"{round(value, 4):g}",
    )


def amount(name: str, default: Callable[[], str], low: float, high: float | Callable[[], float]) -> Param:
    """A parameter for a number such as "0.3" or "8/255"; its value stays the text that somebody has written."""

    def most() -> float:
        return high() if callable(high) else high

    def read(text: str) -> str:
        try:
            value = spec.number(text)
        except ValueError:
            value = math.nan
        if not low <= value <= most():
            raise ValueError(f"a number from {low:g} to {most():g}, like 0.3 or 8/255")
        return text.strip()

    def fits(text: str) -> bool:
        return low <= spec.number(text) <= most()

    return Param(name=name, default=default, read=read, fits=fits)


def flag(name: str, default: bool) -> Param:
    """A parameter that is on (1) or off (0)."""

    def read(text: str) -> bool:
        if text not in ("0", "1"):
            raise ValueError("0 or 1")
        return text == "1"

    return Param(name=name, default=default, read=read, write=lambda value: str(int(value)))


class UrlState:
    """The parameters of one page. Values live in `st.session_state` under `key(name)`, to be used as widget keys."""

    def __init__(self, page: str, params: Sequence[Param]) -> None:
        self.page, self._params = page, params

    @property
    def params(self) -> list[Param]:
        """The parameters, with their defaults as they are now."""
        return [replace(param, default=param.default()) if callable(param.default) else param for param in self._params]

    def key(self, name: str) -> str:
        """The key of a parameter in `st.session_state`."""
        return f"{self.page}.{name}"

    def widget(self, name: str, disabled: bool = False) -> dict[str, Any]:
        """Arguments for a parameter's widget: its key, and whether the lesson that led here locks it."""
        return {"key": self.key(name), "persist_state": "session", "disabled": disabled or name in _listed("lock")}

    def hidden(self, name: str) -> bool:
        """Whether the lesson that led here hides a control: for views that draw their own controls."""
        return name in _listed("hide")

    def another(self, name: str) -> None:
        """Set a seed to the next number; for the callback of a button."""
        st.session_state[self.key(name)] = (self[name] + 1) % LARGEST_SEED

    def take(self, values: Mapping[str, Any], names: Sequence[str]) -> None:
        """Take over the values that a view in the browser sends for these parameters; impossible ones are ignored."""
        for param in self.params:
            if param.name in names and param.name in values:
                try:
                    st.session_state[self.key(param.name)] = param.read(str(values[param.name]))
                except ValueError:
                    continue

    def __getitem__(self, name: str) -> Any:
        return st.session_state[self.key(name)]

    def read(self) -> list[str]:
        """Bring a new URL's values into the session; call it before the widgets. Returns a friendly note for each bad value.

        A URL is new where it differs from the one that this page wrote last: it is a link, or the browser went back or
        forward. It does not count as new where a setting has changed meanwhile, or a button was just pressed: such a click
        may come with the URL of a moment ago. A new URL without any parameter means the defaults, unless the page was just
        opened: then all stays as it was.

        Controls that a lesson's link hides become invisible, also to the keyboard; they keep their values. Where a default
        has changed, as with another system, a value that was the old default becomes the new one; so does a value that is no
        longer possible.
        """
        params = self.params
        if hidden := [param.name for param in params if param.name in _listed("hide")]:
            classes = ", ".join(f".st-key-{_css_name(self.key(name))}" for name in hidden)
            st.html(f"<style>{classes} {{ display: none; }}</style>")
        given = {param.name: st.query_params[param.name] for param in params if param.name in st.query_params}
        is_news = self._is_news(given)
        notes = []
        for param in params:
            value = param.default
            if is_news and param.name in given:
                try:
                    value = param.read(given[param.name])
                except ValueError as error:
                    notes.append(
                        f"The link asks for {param.name} = {quoted(given[param.name])}; possible is {error}. "
                        f"{param.write(param.default)} is used instead."
                    )
            key, default_key = self.key(param.name), f"{self.page}.default.{param.name}"
            before = st.session_state.get(default_key, param.default)
            untouched = before != param.default and st.session_state.get(key) == before
            if is_news or key not in st.session_state or untouched or not param.fits(st.session_state[key]):
                st.session_state[key] = value
            st.session_state[default_key] = param.default
        if is_news:  # another press of Back may end this run before `write` is reached, and before all settings fit together
            st.session_state[f"{self.page}.written"] = given, None
        return notes

    def write(self, leave_out: Sequence[str] = ()) -> None:
        """Bring the URL up to date; call it after the widgets. Defaults are left out, so that links stay short."""
        params = self.params
        written = [p for p in params if p.name not in leave_out and self[p.name] != p.default]
        texts = {param.name: text for param in written if (text := param.write(self[param.name])) is not None}
        before, ours = st.query_params.to_dict(), {param.name for param in params}
        now = {name: texts.get(name, text) for name, text in before.items() if name not in ours or name in texts} | texts
        if now != before:
            st.query_params.from_dict(now)  # all at once, so that one press of Back undoes one change
        st.session_state[f"{self.page}.written"] = texts, self._values()

    def _is_news(self, given: Mapping[str, str]) -> bool:
        """Whether the URL says something that this page does not know yet."""
        texts, values = st.session_state.get(f"{self.page}.written", (None, None))
        if not given and (texts is None or st.session_state.get(JUST_OPENED, True)):
            return False
        pressed = time.monotonic() - st.session_state.get(_PRESSED, -MOMENT) < MOMENT
        return dict(given) != texts and not pressed and values in (None, self._values())

    def _values(self) -> dict[str, Any]:
        return {param.name: st.session_state.get(self.key(param.name)) for param in self._params}


def pressed() -> None:
    """For the callbacks of buttons that change no parameter, and of choices outside the page's parameters: note the time."""
    st.session_state[_PRESSED] = time.monotonic()


def _listed(kind: str) -> set[str]:
    """The parameters that a lesson's link names in `lock` or `hide`."""
    listed = st.query_params.get(kind, "").split(",") if "lesson" in st.query_params else []
    return {name.strip() for name in listed}


def _css_name(key: str) -> str:
    """Streamlit's name for the element of a key in the page."""
    return re.sub(r"[^a-zA-Z0-9_-]", "-", key)


def _within(text: str, low: float, high: float, is_whole: bool) -> float:
    limits = f"{'a whole number' if is_whole else 'a number'} from {low:g} to {high:g}"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(limits) from None
    if not math.isfinite(value) or not low <= value <= high or (is_whole and value != int(value)):
        raise ValueError(limits)
    return value
