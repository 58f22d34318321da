"""The live view of the Thresholds page: the browser gets all scores once, and redraws by itself while T is dragged.

Python is told a new T when a slider is let go. Python and the view exchange settings as texts, which the same `Param` reads
and writes as for the URL.
"""

import base64
import hashlib
import json
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from aatviz.evaluate import evenly
from aatviz.explore.example_images import Examples
from aatviz.thresholds.choose import GRID
from aatviz.thresholds.curves import Curve, Decided, corners
from aatviz.ui.common import theme
from aatviz.ui.common.assets import read_assets
from aatviz.ui.common.url import UrlState
from aatviz.ui.thresholds.data import ThresholdView
from aatviz.ui.thresholds.state import LIVE

KEY = "thresholds-live"
_LOOKS = {"generative": theme.GENERATIVE, "integrated": theme.INTEGRATED, "robust": theme.ROBUST}
_RIGHT = 1 << 15
MOST_EXAMPLES = 40


_VIEW = st.components.v2.component(  # registered once: this module is imported once a process
    "aatviz.live_thresholds",
    html=read_assets("thresholds/live.html"),
    css=read_assets("player/player.css", "player/chart.css", "thresholds/live.css"),
    js=read_assets(
        "thresholds/live.js",
        "thresholds/controls.js",
        "thresholds/scores.js",
        "thresholds/rates.js",
        "thresholds/histograms.js",
        "thresholds/strip.js",
        "thresholds/png.js",
        "player/drawing.js",
    ),
)


def show_live(system: str, view: ThresholdView, state: UrlState, first: bool) -> None:
    """Draw the view. `first` says that the whole page runs, so that the browser may have to build the view anew."""
    settings = {param.name: param.write(state[param.name]) or "" for param in state.params if param.name in LIVE}
    _VIEW(
        data=_static(system, view.stamp, view) | _settings(state, settings, first) | _lesson(state),
        key=KEY,
        on_settings_change=partial(_moved, state),
    )


def static_data(system: str, view: ThresholdView) -> dict[str, Any]:
    """The data that no setting changes; `id` changes only with it."""
    data: dict[str, Any] = {
        "name": system,
        "noun": view.noun,
        "names": view.names,
        "limits": [view.low, view.high],
        "step": GRID,
        "classifiers": {
            name: {
                "natural": pack(decisions.natural),
                "attacked": pack(decisions.perturbed),
                "curves": _curves(view.curves[name]),
            }
            for name, decisions in view.decisions.items()
        },
        "robust": {"accuracy": list(view.record.robust_accuracy), "error": list(view.record.robust_error)},
        "examples": _examples(view.examples) if view.examples else None,
        "looks": {name: {"label": m.label, "colour": m.colour, "symbol": m.symbol} for name, m in _LOOKS.items()},
        "colours": {
            "natural": theme.NATURAL.colour,
            "perturbed": theme.PERTURBED.colour,
            "fooled": theme.FOOLED.colour,
            "rejected": theme.REJECTED.colour,
            "threshold": theme.THRESHOLD.colour,
        },
    }
    return data | {"id": hashlib.sha256(json.dumps(data).encode()).hexdigest()[:16]}


def pack(decided: Decided) -> dict[str, str]:
    """Logits in ascending order as base64 of float32, and two bytes for each: the winning class, plus 2**15 where right."""
    order = decided.logit.argsort()
    tags = decided.label[order] + _RIGHT * decided.right[order]
    return {"logits": _floats(decided.logit[order]), "tags": _base64(tags.numpy().astype("<u2"))}


def _settings(state: UrlState, settings: dict[str, str], first: bool) -> dict[str, Any]:
    """The settings, with a serial number that grows when the view has to take them over.

    As long as the settings come from the view itself, this stays the same, and Streamlit does not send the data again.
    """
    memory = st.session_state.setdefault(f"{state.page}.live", {"serial": 0, "sent": {}, "told": {}})
    if settings != memory["told"] or (first and settings != memory["sent"]):
        memory |= {"serial": memory["serial"] + 1, "sent": settings, "told": settings}
        st.session_state[f"{state.page}.live"] = memory
    return {"serial": memory["serial"], "settings": memory["sent"]}


def _lesson(state: UrlState) -> dict[str, list[str]]:
    """The view's own controls that the lesson that led here locks or hides."""
    return {
        "locked": [name for name in LIVE if state.widget(name)["disabled"]],
        "hidden": [name for name in LIVE if state.hidden(name)],
    }


def _moved(state: UrlState) -> None:
    """Take over the settings that a control of the view has changed, checked as those of a link are."""
    told: dict[str, str] = st.session_state[KEY]["settings"]
    for param in state.params:
        if param.name in LIVE and param.name in told:
            try:
                st.session_state[state.key(param.name)] = param.read(told[param.name])
            except ValueError:  # the view itself would never send this
                continue
    st.session_state[f"{state.page}.live"]["told"] = told


@st.cache_resource(max_entries=4, show_spinner=False)
def _static(system: str, stamp: tuple[object, ...], _view: ThresholdView) -> dict[str, Any]:
    return static_data(system, _view)


def _curves(curve: Curve) -> dict[str, dict[str, str]]:
    """Both curves for drawing, without the points on their straight parts."""
    found = {}
    for name, x, y in (("roc", curve.fpr, curve.tpr), ("classification", curve.error, curve.accuracy)):
        kept = corners(x, y)
        found[name] = {"x": _floats(x[kept]), "y": _floats(y[kept])}
    return found


def _examples(examples: Examples) -> dict[str, Any]:
    """The data of at most `MOST_EXAMPLES` examples, spread over the classes."""

    def part(decided: Decided) -> dict[str, list[Any]]:
        return {name: getattr(decided, name)[rows].tolist() for name in ("logit", "label", "right")}

    rows = evenly(torch.arange(len(examples.y)), MOST_EXAMPLES)
    return {
        "y": examples.y[rows].tolist(),
        "index": examples.index[rows].tolist(),
        "size": list(next(iter(examples.images.values())).shape[1:]),
        "images": {name: _base64(images[rows].numpy()) for name, images in examples.images.items()},
        "decided": {
            name: {"natural": part(parts["natural"]), "attacked": part(parts["perturbed"])}
            for name, parts in examples.decided.items()
        },
    }


def _floats(values: Tensor) -> str:
    return _base64(values.to(torch.float32).numpy().astype("<f4"))


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()
