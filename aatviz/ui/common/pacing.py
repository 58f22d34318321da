"""The order in which a page reaches a new visitor's browser: first the main view, then the rest."""

from time import sleep

import streamlit as st

HEAD_START = 0.7
"""Seconds. Charts, code and formulas load libraries that keep a browser busy for a second or more; a view that is sent
together with them would be drawn only after that."""


def view_first(page: str) -> None:
    """Wait for `HEAD_START` the first time that a visitor sees the page, so that the browser draws the main view before it
    gets the rest. Call it right after that view. Without a browser, as in a test of the script, it does not wait."""
    seen = f"{page}.seen"
    if seen not in st.session_state and st.context.headers:
        st.session_state[seen] = True
        sleep(HEAD_START)
