"""Which digit the Attack page attacks: one of the bundled sample, or one of the visitor's own."""

from dataclasses import dataclass

import streamlit as st
import torch
from torch import Tensor

from aatviz.data.own_image.link_text import to_image, to_pixels
from aatviz.store.systems import System
from aatviz.ui.common.url import LARGEST_SEED, Param, UrlState, choice, whole
from aatviz.ui.own import input as own_input
from aatviz.ui.own.link import PICK, image_param

PICKS = {"class": "class", "index": "index", "shuffle": "shuffle", PICK: "your own"}
FIELDS = {
    "class": ("digit", "nth"),
    "index": ("index",),
    "shuffle": ("shuffle",),
    PICK: ("source", "image", "label"),
}
"""The parameters that play a part in each way to pick."""


def params() -> list[Param]:
    """The part of the page's URL that says which digit."""
    return [
        choice("pick", "class", tuple(PICKS)),
        whole("digit", 3, 0, 9),
        whole("nth", 0, 0, 499),
        whole("index", 0, 0, 4999),
        whole("shuffle", 0, 0, LARGEST_SEED),
        choice("source", own_input.SOURCES[0], own_input.SOURCES),
        image_param(),
        choice("label", own_input.ASK, own_input.LABELS),
    ]


@dataclass(frozen=True, kw_only=True)
class Digit:
    """One image with its true class. Hashable: equal digits give equal results."""

    pixels: bytes
    """784 grey levels, row by row."""
    label: int
    index: int | None = None
    """Its place in the bundled sample; None for an image of the visitor's own."""

    @property
    def image(self) -> Tensor:
        """The image (1,1,28,28) in [0,1]."""
        return to_image(self.pixels)

    @property
    def name(self) -> str:
        """For the names of files."""
        return "own" if self.index is None else str(self.index)

    @property
    def source(self) -> dict[str, int]:
        """What `command_line` and `python_code` of `aatviz.explore.attack_path` are told about it."""
        return {"label": self.label} if self.index is None else {"index": self.index}


def bundled(x: Tensor, y: Tensor, index: int) -> Digit:
    """Digit `index` of the bundled sample x (N,1,28,28), y (N,)."""
    return Digit(pixels=to_pixels(x[index, 0]), label=int(y[index]), index=index)


def is_own(state: UrlState) -> bool:
    """Whether the visitor brings the digit."""
    return bool(state["pick"] == PICK)


def idle(state: UrlState) -> tuple[str, ...]:
    """The parameters that play no part in the present way to pick."""
    return tuple(name for pick, names in FIELDS.items() if pick != state["pick"] for name in names)


def choose(state: UrlState, system: System, x: Tensor, y: Tensor) -> Digit | None:
    """Draw the controls and return the digit; None as long as the visitor has drawn or sent nothing."""
    st.markdown("**Digit**")
    st.segmented_control(
        "Pick the digit",
        list(PICKS),
        format_func=PICKS.__getitem__,
        required=True,
        label_visibility="collapsed",
        **state.widget("pick"),
    )
    if is_own(state):
        own = own_input.choose(state, system)
        return Digit(pixels=own[0], label=own[1]) if own else None
    picture, fields = st.columns([1, 2], vertical_alignment="center")
    with fields:
        index = _index(state, y)
        st.caption(f"A {int(y[index])}: image {index} of the bundled sample, in no network's training set.")
    digit = bundled(x, y, index)
    own_input.show_pixels(picture, digit.pixels, 112, f"The chosen digit, a {digit.label}")
    return digit


def _index(state: UrlState, y: Tensor) -> int:
    if state["pick"] == "class":
        left, right = st.columns(2)
        left.selectbox("Class", list(range(10)), **state.widget("digit"))
        members = (y == state["digit"]).nonzero().squeeze(1)
        right.number_input("Which one", 0, len(members) - 1, **state.widget("nth"))
        return int(members[state["nth"]])
    if state["pick"] == "index":
        st.number_input(f"Index, 0 to {len(y) - 1}", 0, len(y) - 1, **state.widget("index"))
        return int(state["index"])
    locked = bool(state.widget("shuffle")["disabled"])
    st.button("Shuffle", icon=":material/shuffle:", on_click=_shuffle, args=(state,), width="stretch", disabled=locked)
    return int(torch.randint(len(y), (1,), generator=torch.Generator().manual_seed(state["shuffle"])))


def _shuffle(state: UrlState) -> None:
    st.session_state[state.key("shuffle")] = (state["shuffle"] + 1) % LARGEST_SEED
