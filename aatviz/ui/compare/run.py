"""The Compare page's request to the worker: attacks on every model, and the logits of natural samples."""

import dataclasses

import streamlit as st
from torch import Tensor

from aatviz.explore import work
from aatviz.explore.attack_grid.result import CompareSettings
from aatviz.explore.attack_grid.run import compare, default_settings, step_count
from aatviz.store.systems import System
from aatviz.ui.session.runs import Request, Runs
from aatviz.ui.session.timing import seconds_per_call

runs = Runs("compare", "Compare")


def request(system: System, settings: CompareSettings, x: Tensor, y: Tensor) -> Request:
    """The comparison of these settings on the bundled sample x (N,C,H,W), y (N,)."""
    columns = len(settings.targets) if settings.targets else system.card.classes
    pairs = columns**2
    count = len(settings.models)
    return Request(
        system=system,
        choice=settings,
        function=work.comparisons,
        argument=settings,
        total=step_count(system, settings),
        seconds=lambda: _seconds(system, settings, x, y),
        steps=f"{count} {'model' if count == 1 else 'models'}, {pairs} pairs each, {settings.steps} steps",
    )


def _seconds(system: System, settings: CompareSettings, x: Tensor, y: Tensor) -> float:
    per_model = (_seconds_per_call(system, str(system.folder), model, x, y) for model in settings.models)
    return sum(per_model) * step_count(system, settings) / len(settings.models)


@st.cache_data(max_entries=64, show_spinner=False)
def _seconds_per_call(_system: System, folder: str, model: str, _x: Tensor, _y: Tensor) -> float:
    """The time between two calls of an attack's callback, from the first few of a comparison."""
    settings = dataclasses.replace(default_settings(_system), models=(model,))  # type: ignore[arg-type]
    return seconds_per_call(lambda watch: compare(_system, settings, _x, _y, callback=watch))
