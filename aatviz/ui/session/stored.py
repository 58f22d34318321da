"""The stored results of a system, loaded once for all visitors and read again when their files change."""

from typing import Any

import streamlit as st
from torch import Tensor

from aatviz import evaluate
from aatviz.data import DataNotFound
from aatviz.explore.attack_grid.run import Stored, load_comparison
from aatviz.explore.generation.result import Generated, GenerateSettings
from aatviz.explore.generation.run import STORED, load_generated, stored_settings
from aatviz.explore.generation.scores import FILE as SCORES
from aatviz.explore.generation.scores import Scores, load_scores
from aatviz.recipes.paper import evaluations_of
from aatviz.store.results import result_file
from aatviz.store.systems import System
from aatviz.thresholds import curves
from aatviz.thresholds.curves import CurveRecord
from aatviz.ui.common.datasets import is_known, missing
from aatviz.ui.common.words import message
from aatviz.ui.session import caches
from aatviz.ui.session.runs import Done


def records(system: System, names: tuple[str, ...] | None = None) -> dict[str, dict[str, Any]]:
    """The stored records of these very weights by recipe, of all recipes or of those in `names`, whatever their number of
    images."""
    recipes = evaluations_of(system.card)
    files = {name: result_file(system, name, "json") for name in recipes if names is None or name in names}
    changed = tuple((name, file.stat().st_mtime_ns) for name, file in files.items() if file.exists())
    return _records(system, str(system.folder), changed)


def sample_or_say(system: System, instead: str = "") -> tuple[Tensor, Tensor] | None:
    """The bundled images (N,C,H,W) in [0,1] and their classes (N,); where they are not on this machine, a note says how to
    get them. `instead` says, in a sentence, what the page can do without them; then the note is a small one."""
    try:
        if is_known(system.card):
            return caches.sample(system.card.dataset)
        missing(system.card.dataset)
    except (DataNotFound, ValueError) as error:
        if instead:
            st.caption(f":material/hide_image: {instead}", help=message(str(error)))
        else:
            st.info(f"The images of this page cannot be shown. {message(str(error))}", icon=":material/hide_image:")
    return None


@st.cache_data(max_entries=6, show_spinner=False)
def _records(_system: System, folder: str, changed: tuple[tuple[str, int], ...]) -> dict[str, dict[str, Any]]:
    recipes = evaluations_of(_system.card)
    found = {name: evaluate.stored(_system, recipes[name], least=1) for name, _ in changed}
    return {name: record for name, record in found.items() if record is not None}


def threshold_record(system: System) -> CurveRecord:
    """The stored logits behind the curves. Raises as `thresholds.curves.load` does."""
    file = result_file(system, curves.RECIPE, "json")
    return _threshold_record(system, str(file), file.stat().st_mtime_ns if file.exists() else 0)


@st.cache_resource(max_entries=4, show_spinner=False)
def _threshold_record(_system: System, file: str, changed: int) -> CurveRecord:
    return curves.load(_system)


def comparison(system: System) -> Done | None:
    """The stored comparison of the default settings, where there is one."""
    file = result_file(system, "compare", "npz")
    value = _comparison(system, str(file), file.stat().st_mtime_ns) if file.exists() else None
    return Done(system=system.name, choice=value.comparison.settings, value=value) if value else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _comparison(_system: System, file: str, changed: int) -> Stored | None:
    return load_comparison(_system)


def generated(system: System, settings: GenerateSettings) -> Done | None:
    """The stored run of these settings, else that of the defaults, where there is one."""
    name = next((name for name, kept in stored_settings(system).items() if kept == settings), STORED[0])
    file = result_file(system, name, "npz")
    made = _generated(system, name, str(file), file.stat().st_mtime_ns) if file.exists() else None
    return Done(system=system.name, choice=made.settings, value=made) if made else None


def has_generated(system: System) -> bool:
    """Whether there is a stored run; it holds the logits of natural images, so that no image of the data set is needed."""
    return any(generated(system, settings) for settings in stored_settings(system).values())


@st.cache_resource(max_entries=4, show_spinner=False)
def _generated(_system: System, name: str, file: str, changed: int) -> Generated | None:
    return load_generated(_system, name)


def generated_scores(system: System) -> Scores | None:
    """The stored scores of the images that the system generates; None where there are none."""
    file = result_file(system, SCORES, "npz")
    return _generated_scores(system, str(file), file.stat().st_mtime_ns) if file.exists() else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _generated_scores(_system: System, file: str, changed: int) -> Scores | None:
    return load_scores(_system)
