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


def canvas(known: Dataset, key: str, on_picture: Callable[[], None], shown: str) -> None:
    """Show the drawing area.

    Args:
        known: the data set, whose shape gives the size of the area.
        key: the key of the widget.
        on_picture: called when `st.session_state[key]["picture"]` has changed: a PNG as a data URL, white on black, larger
            than the data set's images; "" once everything is cleared.
        shown: the page's image, a picture as a data URL, "" for none. Where it differs from the drawing, it replaces it.
    """
    _, height, width = known.shape
    _VIEW(
        data={"height": height, "width": width, "noun": known.noun, "shown": shown},
        key=key,
        on_picture_change=on_picture,
    )
