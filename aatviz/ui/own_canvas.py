"""The drawing area: strokes by mouse, finger or keyboard stay in the browser; Python gets the picture after each."""

from collections.abc import Callable
from importlib.resources import files

import streamlit as st


def _read(name: str) -> str:
    return files("aatviz.ui").joinpath(name).read_text(encoding="utf-8")


_VIEW = st.components.v2.component(  # registered once: this module is imported once a process
    "aatviz.own_canvas", html=_read("own_canvas.html"), css=_read("own_canvas.css"), js=_read("own_canvas.js")
)


def canvas(key: str, on_picture: Callable[[], None]) -> None:
    """Draw it. `on_picture` is called when `st.session_state[key]["picture"]` has changed: a PNG as a data URL, white on
    black, 280 pixels a side; "" once everything is cleared."""
    _VIEW(key=key, on_picture_change=on_picture)
