"""What the Generate page asks the worker for: the same noise pushed towards each class on each of the three models."""

import streamlit as st

from aatviz.explore import work
from aatviz.explore.attack_grid.result import MODELS
from aatviz.explore.generation.result import Generated, GenerateSettings
from aatviz.explore.generation.run import STORED, generate, load_generated, step_count
from aatviz.store.results import result_file
from aatviz.store.systems import System
from aatviz.ui.session.runs import Done, Request, Runs
from aatviz.ui.session.timing import seconds_per_call

runs = Runs("generate", "Generate", ":material/draw:")


def request(system: System, settings: GenerateSettings) -> Request:
    """The generation with these settings."""
    images = system.card["classes"] * settings.count
    return Request(
        system=system,
        choice=settings,
        function=work.generations,
        argument=settings,
        total=step_count(system, settings),
        seconds=lambda: _seconds_per_step(system, str(system.folder), settings.count) * step_count(system, settings),
        steps=f"{len(MODELS)} models, {images} images each, {settings.steps} steps",
    )


def stored(system: System, settings: GenerateSettings) -> Done | None:
    """The stored run of these settings, else that of the defaults, where there is one."""
    name = next((name for name, kept in STORED.items() if kept == settings), next(iter(STORED)))
    file = result_file(system, name, "npz")
    made = _stored(system, name, str(file), file.stat().st_mtime_ns) if file.exists() else None
    return Done(system=system.name, choice=made.settings, value=made) if made else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _stored(_system: System, name: str, file: str, changed: int) -> Generated | None:
    return load_generated(_system, name)


@st.cache_data(max_entries=64, show_spinner=False)
def _seconds_per_step(_system: System, folder: str, count: int) -> float:
    """The time between two calls of the callback, from the first few of a run."""
    return seconds_per_call(lambda watch: generate(_system, GenerateSettings(count=count), watch))
