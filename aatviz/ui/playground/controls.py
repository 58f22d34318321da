"""The Playground's controls: which points, how the models are trained, and where the negatives start. All in the URL."""

import re
from typing import Any

import streamlit as st

from aatviz.data import toy
from aatviz.recipes.plane import BANKS, PlaneSettings
from aatviz.ui.common.url import Param, UrlState, choice, number, whole

KIND_NAMES = {"moons": "two moons", "rings": "rings", "spirals": "spirals", "blobs": "blobs", "drawn": "your own"}
BANK_NAMES = {"shared": "one network for all classes", "separate": "a network a class, as in the paper"}
SPEEDS = {"slow": "slow motion", "steady": "steady", "fast": "as fast as it goes"}
FIRST_PLACES: tuple[toy.Place, ...] = ((70, 180, 0), (185, 75, 1), (190, 190, 2), (65, 65, 3))
"""Of drawn points, before anybody has added one."""
USUAL = PlaneSettings()


def _read_places(text: str) -> str:
    if not re.fullmatch(r"([0-9a-f]{4}[0-3])*", text) or len(text) > 5 * toy.MOST_PLACES:
        raise ValueError(f"up to {toy.MOST_PLACES} places of five hex digits each")
    return text


def _read_cross(text: str) -> str:
    shape = re.fullmatch(r"[0-9]{1,3},[0-9]{1,3}(,[0-9]{1,3},[0-9]{1,3})?", text)
    if not shape or any(int(one) > 255 for one in text.split(",")):
        raise ValueError("two whole numbers from 0 to 255, x and y, and two more for the point that it came from")
    return text


state = UrlState(
    "playground",
    [
        choice("points", "moons", toy.KINDS),
        whole("classes", 2, 2, 4),
        whole("noise", 100, 0, 300),
        whole("seed", 0, 0, 999),
        Param(name="places", default="", read=_read_places, write=lambda text: text or None),
        whole("anywhere", 0, 0, 100),
        number("eps", USUAL.eps, 0.01, 0.7),
        whole("inner", USUAL.inner_steps, 1, 30),
        number("step", USUAL.step, 0.05, 1.0),
        whole("width", USUAL.width, 4, 128),
        whole("depth", USUAL.depth, 1, 3),
        choice("bank", USUAL.bank, BANKS),
        choice("speed", "fast", tuple(SPEEDS)),
        whole("share", 95, 50, 100),
        Param(name="cross", default="", read=_read_cross, write=lambda text: text or None),
    ],
)


def choose() -> tuple[toy.Plane, PlaneSettings]:
    """Draw the controls, and return the points and the settings."""
    if notes := state.read():
        st.info("  \n".join(notes), icon=":material/link:")
    with st.container(border=True):
        left, middle, right = st.columns(3, gap="medium")
        with left:
            _points()
        with middle:
            _negatives()
        with right:
            _training()
    return points(), settings()


def points() -> toy.Plane:
    """The points that are chosen."""
    kind = next(one for one in toy.KINDS if one == state["points"])
    classes = 2 if kind == "moons" else state["classes"]
    return toy.Plane(
        kind=kind,
        classes=classes,
        noise=_noise(kind),
        seed=state["seed"],
        places=places(classes) if kind == "drawn" else (),
    )


def _noise(kind: toy.Kind) -> int | None:
    """The noise in thousandths; None where it is the usual one."""
    noise = min(round(toy.USUAL_NOISE[kind] * state["noise"] / 100), toy.MOST_NOISE)
    return None if noise == toy.USUAL_NOISE[kind] else noise


def settings() -> PlaneSettings:
    """The settings that are chosen."""
    return PlaneSettings(
        eps=round(state["eps"], 3),
        inner_steps=state["inner"],
        step=round(state["step"], 3),
        anywhere=state["anywhere"] / 100,
        width=state["width"],
        depth=state["depth"],
        seed=state["seed"],
        bank=next(bank for bank in BANKS if bank == state["bank"]),
    )


def places(classes: int) -> tuple[toy.Place, ...]:
    """The places that were drawn; for a class without any, the first one."""
    text = state["places"]
    drawn = [(int(text[i : i + 2], 16), int(text[i + 2 : i + 4], 16), int(text[i + 4])) for i in range(0, len(text), 5)]
    found = [place for place in drawn if place[2] < classes]
    return (*(first for first in FIRST_PLACES[:classes] if all(place[2] != first[2] for place in found)), *found)


def add_place(told: dict[str, Any]) -> None:
    """Add the place that was clicked, {"x", "y", "k"}, x and y from 0 to 255. What is impossible is ignored."""
    try:
        text = state["places"] + f"{int(told['x']):02x}{int(told['y']):02x}{int(told['k']):x}"
        st.session_state[state.key("places")] = _read_places(text)
    except (KeyError, TypeError, ValueError):
        return


def undo_place(everything: bool) -> None:
    """Take back the last place that was drawn, or all of them."""
    st.session_state[state.key("places")] = "" if everything else state["places"][:-5]


def _points() -> None:
    st.markdown("**Points**")
    st.selectbox("Which", toy.KINDS, format_func=KIND_NAMES.__getitem__, **state.widget("points"))
    first, second = st.columns(2)
    moons = state["points"] == "moons"
    if moons:
        first.number_input("Classes", 2, 2, 2, disabled=True, key="playground.two")
    else:
        first.number_input("Classes", 2, 4, **state.widget("classes"))
    second.number_input("Seed", 0, 999, help="Of the points and of the first weights.", **state.widget("seed"))
    st.slider("Noise, % of the usual", 0, 300, step=10, **state.widget("noise"))
    if state["points"] == "drawn":
        with st.container(horizontal=True):
            idle = not state["places"] or state.widget("places")["disabled"]
            st.button("Undo", icon=":material/undo:", on_click=undo_place, args=(False,), disabled=idle)
            st.button("Clear", icon=":material/delete:", on_click=undo_place, args=(True,), disabled=idle)
        st.caption("Choose a class above a map, then click where its points should be.")


def _negatives() -> None:
    st.markdown("**Detectors and attack**")
    st.slider(
        "Negatives that start anywhere, %",
        0,
        100,
        step=5,
        help="0: all negatives are points of other classes that the attack pushes, as in the paper. The others start at "
        "random places of the square, and are pushed as well.",
        **state.widget("anywhere"),
    )
    st.slider("eps, the ball's half side", 0.01, 0.7, step=0.01, **state.widget("eps"))
    first, second = st.columns(2)
    first.number_input("Inner steps", 1, 30, **state.widget("inner"))
    second.number_input("Step, share of eps", 0.05, 1.0, step=0.05, **state.widget("step"))


def _training() -> None:
    st.markdown("**Networks**")
    first, second = st.columns(2)
    first.number_input("Units a layer", 4, 128, step=4, **state.widget("width"))
    second.number_input("Hidden layers", 1, 3, **state.widget("depth"))
    st.selectbox("Detectors", BANKS, format_func=BANK_NAMES.__getitem__, **state.widget("bank"))
    st.selectbox("Speed", list(SPEEDS), format_func=SPEEDS.__getitem__, **state.widget("speed"))
