"""The order in which a page reaches a new visitor's browser: first what there is to see, then the rest."""

from time import sleep

import streamlit as st

HEAD_START = 0.7
"""Seconds. Charts, code and formulas come with libraries that keep a browser busy for a second or more; a view that is sent
together with them is drawn after them."""


def view_first(page: str) -> None:
    """Call this right after the page's own view: the first time that a visitor sees the page, the browser gets a head start
    to draw that view before it is sent what follows. Where no browser looks, as in a test of the script, nobody waits."""
    seen = f"{page}.seen"
    if seen not in st.session_state and st.context.headers:
        st.session_state[seen] = True
        sleep(HEAD_START)
