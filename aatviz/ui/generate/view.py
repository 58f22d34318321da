"""The grids of the Generate page: one view in the browser, which gets all frames as one picture and plays them."""

import hashlib
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from aatviz.data import Dataset
from aatviz.explore.attack_grid.result import MODELS, Model
from aatviz.explore.generation.result import Generated
from aatviz.ui.common import theme
from aatviz.ui.common.assets import read_assets
from aatviz.ui.common.pictures import data_url
from aatviz.ui.player.view import VICTIM_COLOURS, told_once

ABOUT: dict[Model, str] = {
    "generative": "Raises the logit of the row's detector.",
    "robust": "Raises its logit of the row's class.",
    "natural": "The same; it has no defence.",
}
_VIEW = st.components.v2.component(  # registered once: this module is imported once a process
    "aatviz.generate",
    html=read_assets("generate/generate.html"),
    css=read_assets("player/player.css", "generate/generate.css"),
    js=read_assets("generate/generate.js", "generate/grid.js", "player/playback.js", "player/drawing.js"),
)


def show_grids(data: dict[str, Any], key: str, on_place: Callable[[dict[str, Any]], None]) -> dict[str, Any] | None:
    """Draw the grids. `on_place` is called with {"target", "sample"} when another cell is marked.

    Returns the cell {"model", "target", "sample"} right after the visitor asked to attack its image, else None.
    """
    result = _VIEW(
        data=data, key=key, on_place_change=lambda: on_place(st.session_state[key]["place"]), on_open_change=lambda: None
    )
    return result.open


def view_data(made: Generated, known: Dataset, titles: Mapping[Model, str], place: dict[str, int]) -> dict[str, Any]:
    """All data that the browser needs; `titles` are the models' names. Only `place`, the marked cell, does not depend on
    what was generated."""
    return _content(made, known, tuple(titles.items())) | {"place": place}


@lru_cache(maxsize=4)  # the mark moves often, and packing thousands of small images takes time
def _content(made: Generated, known: Dataset, titles: tuple[tuple[Model, str], ...]) -> dict[str, Any]:
    sprite = data_url(_sprite(made))
    facts = [_model(made, model, dict(titles)[model]) for model in MODELS]
    return {
        "id": hashlib.sha256(f"{sprite}{facts}".encode()).hexdigest()[:16],
        "sprite": sprite,
        "steps": made.settings.frames,
        "count": made.settings.count,
        "columns": made.columns,
        "seeds": len(made.targets) == 1,
        **told_once(known),
        "plural": known.plural,
        "targets": made.targets.tolist(),
        "judgedNoise": made.judged_noise.tolist(),
        "models": facts,
        "missed": theme.FOOLED.colour,
    }


def _sprite(made: Generated) -> Image.Image:
    """All frames as one picture. Frames are below one another, each with a row for each class; models are side by side, each
    with a column for each sample."""
    paths = torch.stack([made.paths[model] for model in MODELS])  # (M,F,T,n,C,H,W)
    sheet = paths.permute(1, 2, 5, 0, 3, 6, 4).flatten(3, 5).flatten(0, 2)
    sheet = sheet[..., 0] if sheet.shape[-1] == 1 else sheet
    return Image.fromarray(sheet.contiguous().numpy())


def _model(made: Generated, model: Model, title: str) -> dict[str, Any]:
    low, median = (_numbers(marks) for marks in made.marks(model))
    return {
        "key": model,
        "title": title,
        "about": ABOUT[model],
        "colour": VICTIM_COLOURS[model],
        "before": made.noise_logits[model].tolist(),
        "after": made.logits[model].tolist(),
        "judged": made.judged[model].tolist(),
        "low": low,
        "median": median,
    }


def _numbers(values: Tensor) -> list[float | None]:
    """The values for JSON: None in the place of NaN, for a class without natural images."""
    return [None if math.isnan(value) else value for value in values.tolist()]
