"""The systems of visitors that this visitor has: trained or uploaded here, or opened by a link with their name."""

import streamlit as st

from aatviz.store.card import Card, read_card
from aatviz.ui.session import caches

_OWN = "app.own-systems"
MOST = 20


def remember(name: str | None) -> bool:
    """Add a visitor's system to those of this visitor; False where there is no finished one of that name."""
    if name is None or name in caches.cards() or caches.own_folder(name) is None:
        return False
    own = st.session_state.setdefault(_OWN, [])
    if name not in own:
        st.session_state[_OWN] = [*own, name][-MOST:]
    return True


def cards() -> dict[str, Card]:
    """The cards of this visitor's systems by name, without those that are gone."""
    folders = {name: caches.own_folder(name) for name in st.session_state.get(_OWN, [])}
    return {name: read_card(folder) for name, folder in folders.items() if folder is not None}
