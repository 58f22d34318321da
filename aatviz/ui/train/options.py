"""What can be trained on here, the settings in the page's address, and the recipe that they make."""

from dataclasses import replace
from functools import lru_cache
from typing import Any, get_args

import streamlit as st

from aatviz.attacks.geometry import Norm
from aatviz.data import DataNotFound, Dataset, dataset, names, open_split
from aatviz.data.parts import MARK, SAMPLE, part_name, whole_of
from aatviz.data.placing import data_folder
from aatviz.data.registry import BUILT_IN
from aatviz.data.spec import UnknownDataset, number, written
from aatviz.recipes.budget import Budget, Size
from aatviz.ui.common.url import Param, UrlState, amount, choice
from aatviz.ui.common.url import number as number_param
from aatviz.ui.session import caches
from aatviz.ui.session.limits import LIMITS

SIZES: dict[Size, str] = {
    "tiny": "tiny: fully connected, seconds",
    "small": "small: convolutions, minutes",
    "large": "large: four times as many weights",
}
NORMS = {"Linf": "L∞: every pixel by at most ε", "L2": "L2: ε in all"}
MOST_ON_DISK = 60_000
"""Training images of a data set that is offered whole."""
USUAL_CLASSES = 3
"""Chosen at first: fewer classes are learned sooner."""
_UPLOADED = "train.uploaded"


@st.cache_data(max_entries=1, ttl=60, show_spinner=False)
def _on_machine(data: str) -> list[str]:
    """The data sets that can be trained on, in the order of the list: bundled samples, then whole sets that are here."""
    whole = [name for name in names() if name in BUILT_IN and dataset(name).splits.get("sample") and name != "mnist-sample"]
    return [*(part_name(name, sample=True) for name in whole if _opens(name, SAMPLE)), *filter(_fits, names())]


def _opens(name: str, split: str) -> bool:
    try:
        return len(open_split(name, split)) > 0
    except (DataNotFound, ValueError, OSError):
        return False


def _fits(name: str) -> bool:
    if name == "mnist-sample" or dataset(name).shape[0] not in (1, 3) or not _opens(name, "train"):  # points have 2 channels
        return False
    training = open_split(name, "train")
    return not training.on_the_fly and len(training) <= MOST_ON_DISK


def data_sets() -> list[str]:
    """The data sets that this visitor can train on."""
    mine = [name for name in st.session_state.get(_UPLOADED, []) if caches.trainings().use_set(name)]
    asked = whole_of(st.query_params.get("data", ""))
    if asked not in mine and caches.trainings().use_set(asked):  # a link, or after a reload
        add(asked)
        mine.append(asked)
    return [*mine, *_on_machine(str(data_folder()))]


def add(name: str) -> None:
    """Offer this visitor an uploaded data set."""
    st.session_state[_UPLOADED] = [name, *(one for one in st.session_state.get(_UPLOADED, []) if one != name)]


def title(name: str) -> str:
    """A data set in the list: its name, and how many images it has to train on."""
    known = dataset(name)
    return f"{known.title} ({known.splits['train'].count:,} training images)"


def known() -> Dataset:
    """The chosen data set, with all its classes."""
    return dataset(_now("data", _on_machine(str(data_folder()))[0]))


def _now(name: str, otherwise: str) -> str:
    """A setting that the defaults of others depend on: they are asked for before it is read from a new address."""
    sets = data_sets() if name == "data" else get_args(Norm)
    found = st.session_state.get(f"train.{name}") or st.query_params.get(name, otherwise)
    return found if found in sets else otherwise


def _classes_param() -> Param:
    def possible() -> int:
        try:
            return len(known().classes)
        except UnknownDataset:
            return 0

    def read(text: str) -> list[int]:
        try:
            found = sorted({int(word) for word in text.split(",")})
        except ValueError:
            found = []
        if len(found) < 2 or not fits(found):
            raise ValueError(f"at least two classes among 0 to {possible() - 1}, as 0,2")
        return found

    def fits(found: list[int]) -> bool:
        return all(0 <= k < possible() for k in found)  # fewer than two are told of beside the button

    return Param(
        name="classes",
        default=lambda: list(range(min(possible(), USUAL_CLASSES))),
        read=read,
        write=lambda found: ",".join(map(str, sorted(found))) if len(found) > 1 else None,
        fits=fits,
    )


def _usual_eps() -> str:
    norm = _now("norm", "Linf")
    usual = [threat.eps for threat in known().threats if threat.norm == norm]
    return usual[0] if usual else ("8/255" if norm == "Linf" else "0.5")


state = UrlState(
    "train",
    [
        choice("data", lambda: _on_machine(str(data_folder()))[0], data_sets),
        _classes_param(),
        choice("size", "small", list(SIZES)),
        choice("norm", "Linf", get_args(Norm)),
        amount("eps", _usual_eps, 1e-4, lambda: 1.0 if _now("norm", "Linf") == "Linf" else 100.0),
        number_param("minutes", lambda: min(2.0, LIMITS.training_minutes), 0.05, LIMITS.training_minutes),
    ],
)


def chosen() -> Dataset:
    """The chosen classes as a data set of their own. ValueError for fewer than two classes."""
    classes = sorted(state["classes"])
    if len(classes) < 2:
        raise ValueError("Choose at least two classes: a detector needs something to be told apart from.")
    base, _, rest = state["data"].partition(MARK)
    every = len(classes) == len(known().classes)
    return dataset(part_name(base, () if every else tuple(classes), sample=rest == SAMPLE))


def budget() -> Budget:
    """The settings of the recipe, without a name."""
    return Budget(minutes=state["minutes"], size=state["size"], norm=state["norm"], eps=written(number(state["eps"])))


@lru_cache(maxsize=16)
def few_pictures(name: str, each: int) -> dict[str, Any]:
    """Some training images of every class, by the name of the class: (each,C,H,W) in [0,1]."""
    split, of = open_split(name, "train"), dataset(name)
    found = {}
    for k, label in enumerate(of.classes):
        rows = (split.labels == k).nonzero().squeeze(1)[:each]
        found[label] = split.images(rows)
    return found


def with_name(settings: Budget, name: str) -> Budget:
    """The same settings for a system of this name."""
    return replace(settings, name=name)
