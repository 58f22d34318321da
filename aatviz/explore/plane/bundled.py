"""Trained models of the usual points, part of this package: what the Playground shows before anything is trained.

`tools/build_plane.py` makes the file, by the recipes whose names it holds.
"""

from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from torch import Tensor

from aatviz.data import toy
from aatviz.explore.plane.live import MODELS, ModelName, Piece, State, make, network_of, validation_aucs
from aatviz.recipes import digest, plane
from aatviz.recipes.plane import PlaneSettings
from aatviz.runtime.files import read_tensors, write_tensors

FILE = "trained.safetensors"
POINTS = toy.Plane()
SETTINGS = (
    PlaneSettings(),
    PlaneSettings(eps=0.05),
    PlaneSettings(eps=0.5),
    PlaneSettings(anywhere=0.5),
)
"""The rows of the page's table; the first is what the page begins with."""


Trained = dict[ModelName, tuple[State, tuple[float, float]]]
"""Every model's last state, with its natural and adversarial AUC on validation points."""


def trained(points: toy.Plane, settings: PlaneSettings) -> Trained | None:
    """The trained models of these points and settings; None where they are not bundled."""
    if points.name != POINTS.name or settings not in SETTINGS:
        return None
    tensors, note = _read()
    if note["recipes"].get(settings.name) != _hash(settings):
        return None
    aucs = note["aucs"][settings.name]
    return {model: (_state(tensors, settings, model), tuple(aucs[model])) for model in MODELS}


def build(path: Path) -> None:
    """Train all bundled models and write their weights, rounded to float16."""
    tensors: dict[str, Tensor] = {}
    for settings in SETTINGS:
        for model in MODELS:
            place = _place(settings, model)
            if any(name.startswith(place) for name in tensors):
                continue
            made = make(Piece(points=POINTS, settings=settings, model=model, updates=settings.updates))
            for name, value in made.state.tensors()[0].items():
                if name.startswith("network."):
                    tensors[f"{place}{name}"] = value.detach().half()
    recipes = {settings.name: _hash(settings) for settings in SETTINGS}
    write_tensors(path, tensors, {"recipes": recipes, "aucs": {one.name: _aucs(tensors, one) for one in SETTINGS}})


def _aucs(tensors: dict[str, Tensor], settings: PlaneSettings) -> dict[ModelName, tuple[float, float]]:
    found = {}
    for model in MODELS:
        network = network_of(Piece(points=POINTS, settings=settings, model=model, state=_state(tensors, settings, model)))
        found[model] = validation_aucs(network, POINTS, settings)
    return found


def _state(tensors: dict[str, Tensor], settings: PlaneSettings, model: ModelName) -> State:
    place = _place(settings, model)
    found = {name.removeprefix(place): value.float() for name, value in tensors.items() if name.startswith(place)}
    return State.of(settings.updates, [found])


def _place(settings: PlaneSettings, model: ModelName) -> str:
    """What the names of a model's tensors begin with; the natural classifier is the same for all settings, and Madry's for
    all that differ only in the negatives of detectors."""
    if model == "classifier":
        return "classifier/"
    return f"e{settings.numbers['e']}/robust/" if model == "robust" else f"{settings.name}/detectors/"


def _hash(settings: PlaneSettings) -> str:
    return digest(plane.recipe(toy.dataset(POINTS), settings))


@lru_cache(maxsize=1)
def _read() -> tuple[dict[str, Tensor], dict[str, Any]]:
    with as_file(files("aatviz.explore.plane").joinpath(FILE)) as path:
        return read_tensors(path)
