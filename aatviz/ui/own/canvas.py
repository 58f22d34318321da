"""The drawing area: strokes by mouse, finger or keyboard stay in the browser; Python gets the picture after each."""

from collections.abc import Callable

import streamlit as st

from aatviz.data import Dataset
from aatviz.ui.common.assets import read_assets

_VIEW = st.components.v2.component(  # registered once: this module is imported once a process
    "aatviz.own_canvas",
    html=read_assets("own/canvas.html"),
    css=read_assets("own/canvas.css"),
    js=read_assets("own/canvas.js"),
)


def canvas(known: Dataset, key: str, on_picture: Callable[[], None]) -> None:
    """Draw it. `on_picture` is called when `st.session_state[key]["picture"]` has changed: a PNG as a data URL, white on
    black, larger than the data set's images; "" once everything is cleared."""
    _, height, width = known.shape
    _VIEW(data={"height": height, "width": width, "noun": known.noun}, key=key, on_picture_change=on_picture)
