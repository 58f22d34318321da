"""The sidebar that all pages share: which system, and what distinguishes the two kinds of detector bank."""

from pathlib import Path

import streamlit as st

from aatviz.store.card import Card
from aatviz.store.systems import System, checkpoints_folder
from aatviz.ui.common.url import UrlState, choice
from aatviz.ui.session import caches

_CHOSEN = "app.chosen-system"


def choose_system() -> None:
    """Draw the choice of the system. Without any system the page ends here, with the way to get one."""
    names = caches.systems()
    if not names:
        st.info(
            f"There is no trained system in `{checkpoints_folder().name}/` yet. Train the small one (one network, ten "
            "logits) with `aatviz train mnist-linf-0.3-shared`, or fetch the shipped ones with the repository.",
            icon=":material/model_training:",
        )
        st.stop()
    state = UrlState("app", [choice("system", names[0], names)])
    notes = state.read()
    if state["system"] not in names:  # a system that was removed while this session was open
        st.session_state[state.key("system")] = names[0]
    with st.sidebar:
        st.selectbox("System", names, key=state.key("system"), persist_state="session")
        st.session_state[_CHOSEN] = state["system"]
        for note in notes:
            st.caption(f":material/info: {note}")
        system = current_system()
        st.caption(describe_bank(system))
        st.caption(f"Trained against perturbations of {system.card.norm.replace('inf', '∞')} norm {system.card.eps:g}.")
    state.write()


def current_system() -> System:
    """The chosen system, loaded once for everybody."""
    return caches.load_system(_chosen())


def default_threshold() -> float:
    """The T that pages start with, for the chosen system: few held-out natural images are rejected."""
    return caches.default_threshold(current_system())


def link_params() -> dict[str, str]:
    """The query parameters that a link to another page has to carry."""
    return {"system": _chosen()}


def _chosen() -> str:
    """The sidebar's choice; for a page that runs without the frame, as in a test, the URL's or the first system."""
    names = caches.systems()
    wanted = st.session_state.get(_CHOSEN, st.query_params.get("system"))
    return wanted if wanted in names else names[0]


def describe_bank(system: System) -> str:
    """What this system's detectors are, in numbers of its own card, and how the other kind differs."""
    count, size = bank_size(system.folder, system.card)
    if count == 1:
        return (
            f"Shared bank: **one network** with {system.card.classes} logits ({size:.1f} MB), trained with the paper's "
            "objective. The paper leaves this sharing to future work; one step against all detectors costs one network."
        )
    return (
        f"Separate detectors: **{count} networks** of one logit each ({size:.1f} MB in all), as in the paper. "
        "One step against all of them costs all of these networks; the shared bank needs one."
    )


def bank_size(folder: Path, card: Card) -> tuple[int, float]:
    """The number of networks in the bank, and the size of their files in MB."""
    files = card.files.detectors
    return len(files), sum((folder / file).stat().st_size for file in files) / 1e6
