"""An image of the visitor's own: drawn or sent as a file, prepared the MNIST way, shown, and given its true class."""

import base64
import binascii

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aatviz.data.own_image.handwritten_digit import FORMATS, prepare
from aatviz.data.own_image.link_text import to_png
from aatviz.store.systems import System
from aatviz.ui.common.url import UrlState
from aatviz.ui.own.canvas import canvas
from aatviz.ui.own.verdicts import first_look
from aatviz.ui.session.limits import LIMITS

SOURCES = ("draw", "upload")
ASK = "auto"
"""The label that leaves the true class to the natural classifier."""
LABELS = (ASK, *map(str, range(10)))
_TITLES = {"draw": "Draw", "upload": "Upload"}
_NOTES, _PROBLEM = "attack.own-notes", "attack.own-problem"
_CANVAS, _FILE = "attack.own-canvas", "attack.own-file"
_HEADER = "data:image/png;base64,"


def choose(state: UrlState, system: System) -> tuple[bytes, int] | None:
    """Draw the controls; the prepared image as 784 grey levels and its class, or None while there is no image."""
    editor, prepared = st.columns(2, gap="medium")
    with editor:
        if state.hidden("image") or state.widget("image")["disabled"]:
            st.caption(":material/lock: This lesson comes with an image of its own.")
        else:
            _editor(state)
    with prepared:
        if problem := st.session_state.pop(_PROBLEM, None):
            st.warning(problem, icon=":material/image_not_supported:")
        if not (pixels := state["image"]):
            st.caption("The image that the networks get appears here: 28 x 28 pixels, prepared as MNIST's were.")
            return None
        return pixels, _prepared(state, system, pixels)


def _editor(state: UrlState) -> None:
    st.segmented_control(
        "Where from",
        SOURCES,
        format_func=_TITLES.__getitem__,
        required=True,
        label_visibility="collapsed",
        **state.widget("source"),
    )
    if state["source"] == "draw":
        canvas(_CANVAS, lambda: take_drawing(state, st.session_state[_CANVAS]["picture"]))
        return
    st.file_uploader(
        "An image of one digit",
        type="image",
        key=_FILE,
        max_upload_size=LIMITS.upload_mb,
        on_change=lambda: _take_file(state),
        help=f"A photo, a scan or a drawing: {', '.join(FORMATS)}. One digit, dark on light or light on dark.",
    )
    st.caption("The picture stays in the memory of this app while you look at it; it is not stored.")


def _prepared(state: UrlState, system: System, pixels: bytes) -> int:
    """The prepared image, what was done to it, and the question of its class."""
    picture, question = st.columns([1, 1], vertical_alignment="center")
    show_pixels(picture, pixels, 140, "The prepared image")
    guess = first_look(system, pixels).natural
    question.selectbox(
        "What digit is it?",
        LABELS,
        format_func=lambda label: "ask the classifier" if label == ASK else label,
        help="*Fooled* means that a network decides for another class than this one.",
        **state.widget("label"),
    )
    if state["label"] == ASK:
        st.caption(f":material/info: The natural classifier says that it is **a {guess}**. Say so if it is wrong.")
    elif int(state["label"]) != guess:
        st.caption(f":material/info: The natural classifier would say **{guess}**.")
    of, notes = st.session_state.get(_NOTES, (b"", ()))
    lines = notes if of == pixels else ("It came with the link, and is used as it is.",)
    st.caption("What the networks get: 28 x 28 pixels. " + " ".join(lines))
    return guess if state["label"] == ASK else int(state["label"])


def show_pixels(place: DeltaGenerator, pixels: bytes, width: int, name: str) -> None:
    """784 grey levels as a picture of crisp squares, `width` screen pixels wide; `name` is for screen readers.

    It is part of the page: an image that the browser had to fetch could be gone by then, replaced by the next stroke's.
    """
    source = _HEADER + base64.b64encode(to_png(pixels)).decode()
    style = f"width:{width}px;max-width:100%;image-rendering:pixelated;border-radius:0.25rem;display:block"
    place.html(f'<img src="{source}" alt="{name}" style="{style}">')


def take_drawing(state: UrlState, picture: str) -> None:
    """Use what the canvas holds, a PNG as a data URL; an empty text or an empty canvas takes the image away."""
    if not picture:
        _forget(state)
        return
    try:
        data = base64.b64decode(picture.removeprefix(_HEADER), validate=True)
    except binascii.Error:
        data = b""
    _take(state, data, "The drawing did not arrive whole. Draw once more.")


def _take_file(state: UrlState) -> None:
    if (file := st.session_state[_FILE]) is not None:
        _forget(state)
        _take(state, file.getvalue())


def _take(state: UrlState, data: bytes, problem: str = "") -> None:
    """Prepare a picture and make it the page's image."""
    try:
        prepared = prepare(data)
    except ValueError as error:
        _forget(state)
        st.session_state[_PROBLEM] = problem if problem and not data else str(error)
        return
    st.session_state[state.key("image")] = prepared.pixels
    st.session_state[_NOTES] = (prepared.pixels, ("Scaled and centred the MNIST way.", *prepared.notes))


def _forget(state: UrlState) -> None:
    """No image any more; what the visitor said of the last one does not hold for the next."""
    st.session_state[state.key("image")] = b""
    if not state.widget("label")["disabled"]:
        st.session_state[state.key("label")] = ASK
