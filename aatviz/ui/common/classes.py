"""Classes by their names, few or up to two hundred: the parameter, the widget, and names in sentences."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aatviz.data import Dataset
from aatviz.explore.targets import MOST_TARGETS, first_targets, some_classes
from aatviz.store.systems import System
from aatviz.ui.common.datasets import dataset_of_card
from aatviz.ui.common.url import Param, UrlState, whole
from aatviz.ui.common.words import literal

ROOM = 26
"""The most letters of buttons in a row, in a third of the page; names that need more are shown as a list."""
MOST_PICKED = 12
"""The most classes that a visitor may pick for a grid."""
SHORT = 14
"""The most letters of a name where there is little room."""
_VOWEL = re.compile(r"(?!uni|use|eu|one\b)[aeiou]|8|11$|18$", re.IGNORECASE)


def dataset_of(system: System) -> Dataset:
    """The data set of a system: its classes' names, its nouns, its images' shape."""
    return dataset_of_card(system.card)


def class_param(
    name: str,
    default: int | Callable[[], int],
    known: Callable[[], Dataset],
    among: Callable[[], Sequence[int]] | None = None,
) -> Param:
    """A parameter whose value is a class, in the URL by its index. `among` gives the possible classes, where not all are
    possible. Where the default is not possible, the last possible class takes its place."""

    def possible() -> Sequence[int]:
        return among() if among else range(len(known().classes))

    def first() -> int:
        wanted = default() if callable(default) else default
        return wanted if wanted in possible() else possible()[-1]

    def read(text: str) -> int:
        k: int = plain.read(text)
        if k not in possible():
            raise ValueError(f"one of {', '.join(map(str, possible()))}")
        return k

    plain = whole(name, first, 0, lambda: len(known().classes) - 1)
    return replace(plain, read=read, fits=lambda value: value in possible())


def targets_param(known: Callable[[], Dataset]) -> Param:
    """A parameter for some of many classes, in the URL by their indices, "0,5,17". Where there are at most `MOST_TARGETS`,
    its value is always None, for all of them."""

    def first() -> list[int] | None:
        found = first_targets(len(known().classes))
        return list(found) if found else None

    def read(text: str) -> list[int] | None:
        try:
            found = list(some_classes(text) or ())
        except ValueError:
            found = []
        if not found or not fits(found):
            if first() is None:
                raise ValueError(f"nothing: there are no more than {MOST_TARGETS} classes")
            raise ValueError(
                f"up to {MOST_PICKED} of more than {MOST_TARGETS} classes, from 0 to {len(known().classes) - 1}, as 0,5"
            )
        return found

    def fits(found: Sequence[int] | None) -> bool:
        if found is None or first() is None:
            return first() is found
        return len(found) <= MOST_PICKED and max(found, default=0) < len(known().classes)

    return Param(
        name="classes",
        default=first,
        read=read,
        write=lambda found: "all" if found is None else ",".join(map(str, found)) or None,
        fits=fits,
    )


def pick_targets(state: UrlState, classes: Sequence[str]) -> tuple[int, ...] | None:
    """Draw the widget of `targets_param` and return the classes; without a widget, and None, where all are taken."""
    if len(classes) <= MOST_TARGETS:
        return None
    st.multiselect(
        f"Classes, up to {MOST_PICKED} of {len(classes)}",
        range(len(classes)),
        format_func=classes.__getitem__,
        max_selections=MOST_PICKED,
        **state.widget("classes"),
    )
    if not (chosen := state["classes"]):
        st.caption(":material/info: Choose at least one; the first ones are taken meanwhile.")
    return tuple(sorted(chosen)) if chosen else first_targets(len(classes))


def pick_class(
    place: DeltaGenerator,
    label: str,
    classes: Sequence[str],
    state: UrlState,
    name: str,
    *,
    room: int = ROOM,
    among: Sequence[int] | None = None,
    **more: Any,
) -> int:
    """Draw the widget of a class parameter and return its value: buttons where the names fit in a row, else a list.

    Args:
        place: where it goes.
        label: its label.
        classes: the names of all classes.
        state, name: the parameter.
        room: how many letters fit in a row there.
        among: the classes to pick from; None: all.
        more: arguments for either widget, such as `help`.
    """
    common = {**more, **state.widget(name)}
    options = range(len(classes)) if among is None else among
    in_a_row, key = _letters([classes[k] for k in options]) <= room, state.key(name)
    if st.session_state.get(f"{key}.in-a-row") != in_a_row:  # to Streamlit the other kind is a new widget, without a value
        st.session_state[f"{key}.in-a-row"], st.session_state[key] = in_a_row, state[name]
    if in_a_row:
        place.segmented_control(label, options, format_func=lambda k: literal(classes[k]), required=True, **common)
    else:
        place.selectbox(label, options, format_func=classes.__getitem__, **common)
    return int(state[name])


def _letters(classes: Sequence[str]) -> int:
    """The room that a row of buttons needs, in letters: the names, and three around each."""
    return sum(len(name) + 3 for name in classes)


def a(name: str) -> str:
    """A name with its article: "a 3", "an 8", "an airplane"."""
    return f"{'an' if _VOWEL.match(name) else 'a'} {name}"


def shortened(name: str, most: int = SHORT) -> str:
    """A name of at most `most` letters: a longer one is cut, with an ellipsis."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def size(shape: tuple[int, int, int]) -> str:
    """The size of an image (C,H,W) in words: "32 x 32 pixels", "24 x 16 pixels in colour", the width first."""
    channels, height, width = shape
    return f"{width} x {height} pixels{' in colour' if channels == 3 else ''}"


def leading(values: Sequence[float], chosen: Sequence[int] = (), most: int = 10) -> list[int]:
    """The classes that a chart or a table shows, in rising order: all, where there are at most `most`; else the chosen ones,
    and those with the highest values up to `most` in all. The chosen ones are always among them.
    """
    ranked = sorted(range(len(values)), key=lambda k: (k not in chosen, -values[k]))
    return sorted(ranked[: max(most, len(set(chosen)))])
