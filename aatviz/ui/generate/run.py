"""The Generate page's request to the worker: the same noise pushed towards each class on each of the three models."""

import streamlit as st

from aatviz.explore import work
from aatviz.explore.attack_grid.result import MODELS
from aatviz.explore.generation.result import GenerateSettings
from aatviz.explore.generation.run import generate, step_count
from aatviz.store.systems import System
from aatviz.ui.session.runs import Request, Runs
from aatviz.ui.session.timing import seconds_per_call

runs = Runs("generate", "Generate", ":material/draw:")


def request(system: System, settings: GenerateSettings) -> Request:
    """The generation with these settings."""
    images = (len(settings.targets) if settings.targets else system.card.classes) * settings.count
    return Request(
        system=system,
        choice=settings,
        function=work.generations,
        argument=settings,
        total=step_count(system, settings),
        seconds=lambda: _seconds_per_step(system, str(system.folder), settings.count) * step_count(system, settings),
        steps=f"{len(MODELS)} models, {images} images each, {settings.steps} steps",
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _seconds_per_step(_system: System, folder: str, count: int) -> float:
    """The time between two calls of the callback, from the first few of a run."""
    return seconds_per_call(lambda watch: generate(_system, GenerateSettings(count=count), watch))
