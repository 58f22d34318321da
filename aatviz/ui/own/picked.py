"""The image that a page attacks: one of the bundled sample, or the visitor's own."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
import torch
from torch import Tensor

from aatviz.data import Dataset
from aatviz.data.own_image.link_text import Shape, to_image, to_pixels
from aatviz.store.systems import System
from aatviz.ui.common.classes import a, class_param, dataset_of, pick_class
from aatviz.ui.common.pictures import show_image
from aatviz.ui.common.url import LARGEST_SEED, Param, UrlState, choice, whole
from aatviz.ui.common.words import literal
from aatviz.ui.own import input as own_input
from aatviz.ui.own.link import PICK, image_param

PICKS = {"class": "class", "index": "index", "shuffle": "shuffle", PICK: "your own"}
FIELDS = {
    "class": ("digit", "nth"),
    "index": ("index",),
    "shuffle": ("shuffle",),
    PICK: ("source", "image", "label"),
}
"""The parameters that each way to pick uses. "digit" is the class: the name stays, since links contain it."""


Sample = tuple[Tensor, Tensor]
"""The bundled images (N,C,H,W) and their classes (N,)."""


def params(known: Callable[[], Dataset], sample: Callable[[], Sample | None], first: Callable[[Tensor], int]) -> list[Param]:
    """The parameters of the page's URL that say which image.

    Args:
        known: the system's data set.
        sample: its bundled images; None where they are not on this machine. Then every image is the visitor's own.
        first: from the classes (N,) of the sample to the place of the image that the page begins with.
    """

    def begins() -> tuple[int, int]:
        """The class of the first image, and how many images of that class come before it."""
        there = sample()
        if there is None:
            return 0, 0
        place = first(there[1])
        return int(there[1][place]), int((there[1][:place] == there[1][place]).sum())

    def picks() -> tuple[str, ...]:
        return possible(sample() is not None)

    def source() -> str:
        ways = own_input.sources(known())
        return own_input.EXAMPLE if sample() is None and own_input.EXAMPLE in ways else ways[0]

    def most() -> int:
        sample = known().splits.get("sample")
        return sample.count - 1 if sample else 0

    return [
        choice("pick", lambda: picks()[0], picks),
        class_param("digit", lambda: begins()[0], known),
        whole("nth", lambda: begins()[1], 0, most),
        whole("index", 0, 0, most),
        whole("shuffle", 0, 0, LARGEST_SEED),
        choice("source", source, lambda: own_input.sources(known())),
        image_param(lambda: known().shape),
        choice("label", own_input.ASK, lambda: own_input.labels(known())),
    ]


def possible(sample: bool) -> tuple[str, ...]:
    """The ways to pick an image, with a bundled sample or without one."""
    return tuple(PICKS) if sample else (PICK,)


@dataclass(frozen=True, kw_only=True)
class Picked:
    """One image with its true class. Hashable: equal ones give equal results."""

    pixels: bytes
    """The image's levels, channel by channel, row by row."""
    shape: Shape
    label: int
    index: int | None = None
    """Its place in the bundled sample; None for an image of the visitor's own."""

    @property
    def image(self) -> Tensor:
        """The image (1,C,H,W) in [0,1]."""
        return to_image(self.pixels, self.shape)

    @property
    def name(self) -> str:
        """The image's name in file names."""
        return "own" if self.index is None else str(self.index)

    @property
    def source(self) -> dict[str, int]:
        """The argument that the functions of `aatviz.explore.snippets` get for this image."""
        return {"label": self.label} if self.index is None else {"index": self.index}


def bundled(x: Tensor, y: Tensor, index: int) -> Picked:
    """Image `index` of the bundled sample x (N,C,H,W), y (N,)."""
    channels, height, width = x.shape[1:]
    shape = (channels, height, width)
    return Picked(pixels=to_pixels(x[index], shape), shape=shape, label=int(y[index]), index=index)


def idle(state: UrlState) -> tuple[str, ...]:
    """The parameters that the present way to pick does not use."""
    return tuple(name for pick, names in FIELDS.items() if pick != state["pick"] for name in names)


def is_own(state: UrlState) -> bool:
    """Whether the visitor brings the image."""
    return bool(state["pick"] == PICK)


def choose(state: UrlState, system: System, sample: Sample | None) -> Picked | None:
    """Draw the controls and return the image; None as long as the visitor has drawn or sent nothing."""
    known = dataset_of(system)
    st.markdown(f"**{known.noun.capitalize()}**")
    st.segmented_control(
        f"Pick the {known.noun}",
        list(possible(sample is not None)),
        format_func=PICKS.__getitem__,
        required=True,
        label_visibility="collapsed",
        **state.widget("pick"),
    )
    if sample is None or is_own(state):
        own = own_input.choose(state, system)
        return Picked(pixels=own[0], shape=known.shape, label=own[1]) if own else None
    x, y = sample
    picture, fields = st.columns([1, 2], vertical_alignment="center")
    with fields:
        index = _index(state, y, known.classes)
        name = a(known.classes[int(y[index])])
        st.caption(f"{literal(name[0].upper() + name[1:])}: image {index} of the sample, in no network's training set.")
    show_image(picture, x[index], 112, f"The chosen {known.noun}, {name}")
    return bundled(x, y, index)


def _index(state: UrlState, y: Tensor, classes: tuple[str, ...]) -> int:
    if state["pick"] == "class":
        left, right = st.columns(2)
        members = (y == pick_class(left, "Class", classes, state, "digit", room=0)).nonzero().squeeze(1)
        if not len(members):
            left.caption(":material/info: The sample has none of this class; the first image is taken.")
            return 0
        if state["nth"] >= len(members):  # the class before had more
            st.session_state[state.key("nth")] = len(members) - 1
        right.number_input("Which one", 0, len(members) - 1, **state.widget("nth"))
        return int(members[state["nth"]])
    if state["pick"] == "index":
        st.number_input(f"Index, 0 to {len(y) - 1}", 0, len(y) - 1, **state.widget("index"))
        return int(state["index"])
    locked = bool(state.widget("shuffle")["disabled"])
    st.button(
        "Shuffle", icon=":material/shuffle:", on_click=state.another, args=("shuffle",), width="stretch", disabled=locked
    )
    return int(torch.randint(len(y), (1,), generator=torch.Generator().manual_seed(state["shuffle"])))
