"""The sidebar of all pages: the choice of data set and system, and words about the two kinds of detector bank."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from torch import Tensor

from aatviz.data import DataNotFound, Dataset
from aatviz.data.spec import written
from aatviz.store.card import Card
from aatviz.store.systems import System, checkpoints_folder
from aatviz.ui.common.datasets import dataset_of_card, is_known
from aatviz.ui.common.glossary import tip
from aatviz.ui.common.url import JUST_OPENED, MOMENT, pressed
from aatviz.ui.common.words import code, literal, message, quoted
from aatviz.ui.session import caches, own_systems

_CHOSEN, _MOVED, _PAGE, _UNNAMED = "app.chosen-system", "app.moved", "app.page", "app.unnamed"
_DATASET, _SYSTEM, _BEFORE = "app.dataset", "app.system", "app.before-lesson"


def choose_system(page: str, lesson: str | None = None) -> None:
    """Draw the choice of the system for the page of this title. `lesson` is the system of a lesson, which then is chosen.

    Where there is no system at all, the page ends here and says how to get one.
    """
    own_systems.remember(st.query_params.get("system"))
    cards = caches.cards() | own_systems.cards()
    for folder, why in caches.broken().items():
        st.sidebar.caption(f":material/broken_image: The system {code(folder)} is broken and left out. {message(why)}")
    if not cards:
        st.info(
            f"There is no trained system in `{checkpoints_folder().name}/` yet. Train the small one (one network for "
            "all classes) with `aatviz train mnist-linf-0.3-shared`, or fetch the shipped ones with the repository.",
            icon=":material/model_training:",
        )
        st.stop()
    note = _read_url(page, list(cards))
    if lesson not in cards:
        st.session_state.pop(_BEFORE, None)
    elif st.session_state[_CHOSEN] != lesson:
        st.session_state[_BEFORE], st.session_state[_CHOSEN] = st.session_state[_CHOSEN], lesson
    name = st.session_state[_CHOSEN]
    with st.sidebar:
        _selectors(cards, name, locked=lesson in cards)
        if note:
            st.caption(f":material/info: {note}")
        try:
            st.caption(describe(current_system()))
        except (FileNotFoundError, ValueError) as error:
            st.error(
                f"This system cannot be opened; choose another one. {message(str(error))}", icon=":material/broken_image:"
            )
            st.stop()
    if name != next(iter(cards)):
        st.query_params["system"] = name
    else:
        st.query_params.pop("system", None)


def _read_url(page: str, names: list[str]) -> str | None:
    """Bring the system of the URL into the session; returns a friendly note where there is none of that name.

    A URL without a system means the one that the page was opened with, so that the Back button works; a page that is opened
    anew keeps the present system. Right after a choice the URL is ignored: a click may still come with the URL from before.
    """
    state = st.session_state
    if state.get(_CHOSEN) not in names:
        state[_CHOSEN] = names[0]
    unnamed, given = state.setdefault(_UNNAMED, {}), st.query_params.get("system")
    state[JUST_OPENED] = state.get(_PAGE) != page
    if state[JUST_OPENED]:
        state[_PAGE] = page
        if given is None:
            unnamed[page] = state[_CHOSEN]
    wanted = given or unnamed.get(page, state[_CHOSEN])
    if wanted not in names:
        state[_CHOSEN] = names[0]
        return f"There is no system {quoted(wanted)} here; this is {literal(names[0])}." if given else None
    if time.monotonic() - state.get(_MOVED, -MOMENT) >= MOMENT:
        state[_CHOSEN] = wanted
    return None


def _selectors(cards: Mapping[str, Card], name: str, locked: bool) -> None:
    """Draw the choice of the data set, where there are several, and of its systems by norm and radius."""
    first: dict[str, str] = {}
    for other, card in cards.items():
        first.setdefault(card.dataset, other)
    why = "The lesson is about this system. Leave the lesson to choose another one." if locked else tip("system")
    here = cards[name].dataset
    st.session_state[_DATASET], st.session_state[_SYSTEM] = here, name

    def moved(widget: str) -> None:
        value = st.session_state[widget]
        st.session_state[_CHOSEN] = first[value] if widget == _DATASET else value
        st.session_state[_MOVED] = time.monotonic()
        pressed()

    common: dict[str, Any] = {"on_change": moved, "disabled": locked, "help": why}
    if len(first) > 1:
        titles = {dataset: dataset_of_card(cards[other]).title for dataset, other in first.items()}
        st.selectbox("Data set", list(first), format_func=titles.__getitem__, key=_DATASET, args=(_DATASET,), **common)
    labels = {other: _label(card) for other, card in cards.items() if card.dataset == here}
    twice = {label for label in labels.values() if list(labels.values()).count(label) > 1}
    labels = {other: f"{label}, {other}" if label in twice else label for other, label in labels.items()}
    st.selectbox("System", list(labels), format_func=labels.__getitem__, key=_SYSTEM, args=(_SYSTEM,), **common)


def choose(name: str) -> None:
    """Make another system the chosen one, from the next run on."""
    st.session_state[_CHOSEN], st.session_state[_MOVED] = name, time.monotonic()
    pressed()


def current_system() -> System:
    """The chosen system, loaded once for everybody."""
    return caches.load_system(_chosen())


def before_lesson() -> str | None:
    """The system that was chosen before a lesson opened its own; None where no lesson did."""
    before: str | None = st.session_state.get(_BEFORE)
    return before


def current_dataset() -> Dataset:
    """The data set of the chosen system, as far as this machine knows it."""
    return dataset_of_card(current_system().card)


def current_sample() -> tuple[Tensor, Tensor] | None:
    """The bundled images (N,C,H,W) and classes (N,) of the chosen system; None where they are not on this machine."""
    card = current_system().card
    try:
        return caches.sample(card.dataset) if is_known(card) else None
    except (DataNotFound, ValueError):  # the page says so
        return None


def default_threshold() -> float:
    """The T that pages start with, for the chosen system: it rejects few held-out natural images; or 0, where a detector is
    undecided, if the system has no curves to choose on, as one without a detector of every class."""
    return caches.default_threshold(current_system())


def link_params() -> dict[str, str]:
    """The query parameters that a link to another page has to carry."""
    return {"system": _chosen()}


def _chosen() -> str:
    """The sidebar's choice; for a page that runs without the frame, as in a test, the URL's or the first system."""
    names = [*caches.systems(), *own_systems.cards()]
    wanted = st.session_state.get(_CHOSEN, st.query_params.get("system"))
    return wanted if wanted in names else names[0]


def threat_of(card: Card) -> str:
    """The ball that a system is trained for: "L∞ 0.3", "L2 80/255"."""
    return f"{card.norm.replace('inf', '∞')} {written(card.eps)}"


def describe(system: System) -> str:
    """A system in a few sentences with the numbers of its card, and how the other kind of bank differs."""
    card = system.card
    count, size = bank_size(system.folder, card)
    if len(card.bank) == 1:
        text = f"A single detector: **one network** of one logit ({size:.1f} MB), trained with the paper's objective."
    elif count == 1:
        text = (
            f"Shared bank: **one network** with {len(card.bank)} logits ({size:.1f} MB), trained with the paper's "
            "objective. The paper leaves this sharing to future work; one step against all detectors costs one network."
        )
    else:
        text = (
            f"Separate detectors: **{count} networks** of one logit each ({size:.1f} MB in all), as in the paper. "
            "One step against all of them costs all of these networks; the shared bank needs one."
        )
    norm, _, eps = threat_of(card).partition(" ")
    text += f"\n\n{code(system.name)}, trained against perturbations of {norm} norm {eps}."
    if not is_known(card):
        text += (
            f"\n\n:material/hide_image: The data set {code(card.dataset)} is not on this machine: its classes have numbers "
            "here, and its pictures are missing."
        )
    return text


def bank_size(folder: Path, card: Card) -> tuple[int, float]:
    """The number of networks in the bank, and the size of their files in MB."""
    files = card.files.detectors
    return len(files), sum((folder / file).stat().st_size for file in files) / 1e6


def _label(card: Card) -> str:
    kind = "one detector" if len(card.bank) == 1 else "shared" if len(card.files.detectors) == 1 else "separate"
    yours = "" if card.system in caches.cards() else ", yours"
    return f"{threat_of(card)}, {kind}{yours}"
