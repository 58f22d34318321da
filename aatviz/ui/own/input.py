"""The visitor's own image: drawn, photographed or sent as a file, made ready, shown, and given its true class."""

import base64
import binascii

import streamlit as st

from aatviz.data import Dataset
from aatviz.data.decode import FORMATS
from aatviz.data.own_image import example, prepare
from aatviz.data.own_image.link_text import to_image, to_png, to_text
from aatviz.store.systems import System
from aatviz.ui.common.classes import a, dataset_of, size
from aatviz.ui.common.pictures import show_image
from aatviz.ui.common.url import UrlState
from aatviz.ui.common.words import literal
from aatviz.ui.own.canvas import canvas
from aatviz.ui.own.link import TOO_BIG, is_drawn
from aatviz.ui.own.verdicts import first_look
from aatviz.ui.session.limits import LIMITS

ASK = "auto"
"""The label that leaves the true class to the natural classifier."""
EXAMPLE = "example"
"""The source that is a photograph of this package."""
_TITLES = {"draw": "Draw", "upload": "Upload", "camera": "Take a photo", EXAMPLE: "A cat"}
_NOTES, _PROBLEM = "attack.own-notes", "attack.own-problem"
_DRAWN = "attack.own-drawn"
"""The image made from the last drawing, and that drawing as the canvas sent it."""
_CANVAS, _FILE, _CAMERA = "attack.own-canvas", "attack.own-file", "attack.own-camera"
_HEADER = "data:image/png;base64,"
_WIDTH = 140
"""Screen pixels of the prepared image."""


def sources(known: Dataset) -> tuple[str, ...]:
    """The ways in which a visitor can bring an image of this data set."""
    return ("draw", "upload") if is_drawn(known) else ("upload", "camera", EXAMPLE)


def needs_sample(known: Dataset) -> bool:
    """Whether a page has nothing to begin with where the bundled images are not on this machine."""
    return is_drawn(known) or not known.splits


def labels(known: Dataset) -> tuple[str, ...]:
    """The visitor's answers about the image's class: `ASK`, or one of the classes."""
    return (ASK, *map(str, range(len(known.classes))))


def invitation(known: Dataset, done: str = "attacked") -> str:
    """The sentence on the page as long as there is no image, which then can be `done`."""
    verb = f"Draw {a(known.noun)} above" if is_drawn(known) else "Take a photo"
    return f"{verb}, or upload one; then it can be {done}."


def instead(known: Dataset) -> str:
    """What a visitor can do where the bundled images are not on this machine; nothing where the page has no others."""
    if needs_sample(known):
        return ""
    return f"The images of {known.title} are not on this machine. Bring a photo of your own, or take the cat."


def choose(state: UrlState, system: System) -> tuple[bytes, int] | None:
    """Draw the controls and return the prepared image's levels and its class, or None while there is no image."""
    known = dataset_of(system)
    editor, prepared = st.columns(2, gap="medium")
    with editor:
        if state.hidden("image") or state.widget("image")["disabled"]:
            st.caption(":material/lock: This lesson comes with an image of its own.")
        else:
            _editor(state, known)
    with prepared:
        if problem := st.session_state.pop(_PROBLEM, None):
            st.warning(problem, icon=":material/image_not_supported:")
        pixels = example.prepared(known.shape).pixels if state["source"] == EXAMPLE else state["image"]
        if not pixels:
            st.caption(f"What the networks get appears here: {size(known.shape)}, prepared in the way of {known.title}.")
            return None
        return pixels, _prepared(state, system, known, pixels)


def _editor(state: UrlState, known: Dataset) -> None:
    st.segmented_control(
        "Where from",
        sources(known),
        format_func=_TITLES.__getitem__,
        required=True,
        label_visibility="collapsed",
        on_change=lambda: None if is_drawn(known) else _forget_class(state),
        **state.widget("source"),
    )
    if state["source"] == "draw":
        of, drawn = st.session_state.get(_DRAWN, (None, ""))
        shown = drawn if of == state["image"] else _data_url(state["image"], known)
        canvas(known, _CANVAS, lambda: take_drawing(state, known, st.session_state[_CANVAS]["picture"]), shown)
        return
    if state["source"] == EXAMPLE:
        st.caption(f":material/pets: {example.CREDIT}")
        return
    if state["source"] == "camera":
        st.camera_input("A photo", key=_CAMERA, on_change=lambda: _take_file(state, known, _CAMERA))
    else:
        kind = f"One {known.noun}, dark on light or light on dark." if is_drawn(known) else "Its middle is used."
        st.file_uploader(
            f"An image of one {known.noun}" if is_drawn(known) else "An image file",
            type="image",
            key=_FILE,
            max_upload_size=LIMITS.upload_mb,
            on_change=lambda: _take_file(state, known, _FILE),
            help=f"A photo, a scan or a drawing: {', '.join(FORMATS)}. {kind}",
        )
    st.caption("The picture stays in the memory of this app while you look at it; it is not stored.")


def _prepared(state: UrlState, system: System, known: Dataset, pixels: bytes) -> int:
    """Show the prepared image, what was done to it, and the question about its class; returns the class."""
    picture, question = st.columns([1, 1], vertical_alignment="center")
    show_image(picture, to_image(pixels, known.shape)[0], _WIDTH, "The prepared image, as the networks see it")
    guess = first_look(system, pixels).natural
    options = labels(known)
    question.selectbox(
        "Which class is it?" if not is_drawn(known) else f"What {known.noun} is it?",
        options,
        format_func=lambda label: "ask the classifier" if label == ASK else known.classes[int(label)],
        help="*Fooled* means that a network decides for another class than this one.",
        **state.widget("label"),
    )
    if state["label"] == ASK:
        st.caption(
            f":material/info: The natural classifier says that it is **{literal(a(known.classes[guess]))}**. Say so if it "
            "is wrong."
        )
    elif int(state["label"]) != guess:
        st.caption(f":material/info: The natural classifier would say **{literal(known.classes[guess])}**.")
    of, notes = st.session_state.get(_NOTES, (b"", ()))
    lines = notes if of == pixels else ("It came with the link, and is used as it is.",)
    lines = example.prepared(known.shape).notes if state["source"] == EXAMPLE else lines
    st.caption(f"What the networks get: {size(known.shape)}. " + " ".join(lines))
    if state["source"] != EXAMPLE and to_text(pixels) is None:
        st.caption(f":material/link_off: {TOO_BIG}")
    return guess if state["label"] == ASK else int(state["label"])


def take_drawing(state: UrlState, known: Dataset, picture: str) -> None:
    """Use the canvas's drawing, a PNG as a data URL; with an empty text or an empty drawing, the image is removed."""
    if not picture:
        _forget(state)
        return
    try:
        data = base64.b64decode(picture.removeprefix(_HEADER), validate=True)
    except binascii.Error:
        data = b""
    _take(state, known, data, "The drawing did not arrive whole. Draw once more.")
    st.session_state[_DRAWN] = (state["image"], picture)


def _take_file(state: UrlState, known: Dataset, key: str) -> None:
    file = st.session_state[key]
    if file is not None:
        _forget(state)
        _take(state, known, file.getvalue())
    elif st.session_state.get(_NOTES, (None,))[0] == state["image"]:  # the picture that was sent has been removed
        _forget(state)


def _data_url(pixels: bytes, known: Dataset) -> str:
    """An image's levels as a picture for the browser; "" for none."""
    return _HEADER + base64.b64encode(to_png(pixels, known.shape)).decode() if pixels else ""


def _take(state: UrlState, known: Dataset, data: bytes, problem: str = "") -> None:
    """Prepare a picture and make it the page's image."""
    try:
        prepared = prepare(data, known)
    except ValueError as error:
        _forget(state)
        st.session_state[_PROBLEM] = problem if problem and not data else str(error)
        return
    st.session_state[state.key("image")] = prepared.pixels
    st.session_state[_NOTES] = (prepared.pixels, prepared.notes)


def _forget(state: UrlState) -> None:
    """Remove the image, and the visitor's answer about its class."""
    st.session_state[state.key("image")] = b""
    _forget_class(state)


def _forget_class(state: UrlState) -> None:
    """Remove the visitor's answer about the class, which does not hold for the next image."""
    if not state.widget("label")["disabled"]:
        st.session_state[state.key("label")] = ASK
