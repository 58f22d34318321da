"""What the view in the browser is told: the points once, and a picture of every model, packed as base64."""

import base64
from functools import lru_cache
from typing import Any

import numpy as np
from torch import Tensor

from aatviz.data import toy
from aatviz.explore.plane import live, measures
from aatviz.explore.plane.live import MODELS, Dropped, ModelName, Picture
from aatviz.ui.common import theme
from aatviz.ui.common.plane_map import COLOURS, SHOWN
from aatviz.ui.playground.training import Run

NAMES: dict[ModelName, str] = {
    "classifier": "Natural classifier",
    "robust": "Madry's robust classifier",
    "detectors": "AAT detectors",
}


@lru_cache(maxsize=8)
def static(points: toy.Plane) -> dict[str, Any]:
    """What depends on the points alone."""
    x, y = live.train_points(points)
    return {
        "id": points.name,
        "points": _bytes((x[:SHOWN].flatten(1) * 255).round()),
        "labels": y[:SHOWN].tolist(),
        "classes": list(toy.CLASSES[: points.classes]),
        "colours": list(COLOURS[: points.classes]),
        "far": _bytes(measures.far_mask(x, live.SIDE).reshape(1, -1)),
        "side": live.SIDE,
        "shares": list(live.SHARES),
        "threshold": theme.THRESHOLD.colour,
        "drawing": points.kind == "drawn",
    }


def frame(run: Run) -> dict[str, Any]:
    """What changes while the models are trained."""
    return {
        "serial": f"{run.points.name} {run.settings.name} {run.serial}",
        "step": run.step,
        "steps": run.settings.updates,
        "eps": run.settings.eps,
        "playing": run.playing,
        "models": [_model(run, model) for model in MODELS],
    }


def _model(run: Run, model: ModelName) -> dict[str, Any]:
    return {
        "name": model,
        "title": NAMES[model],
        "loss": [[step, round(value, 4)] for step, value in run.losses[model]],
        "auc": [[step, round(natural, 4), round(adversarial, 4)] for step, natural, adversarial in run.aucs[model]],
        "dropped": _dropped(run.dropped[model]) if model in run.dropped else None,
        "pictures": [_picture(picture) for picture in run.pictures[model]],
    }


def _picture(picture: Picture) -> dict[str, Any]:
    low, high, paths = float(picture.landscape.min()), float(picture.landscape.max()), picture.paths
    scaled = (picture.landscape - low) / max(high - low, 1e-6) * 65535
    return {
        "step": picture.step,
        "low": low,
        "high": high,
        "landscape": _words(scaled),
        "thresholds": [[round(value, 4) for value in row] for row in picture.thresholds.tolist()],
        "paths": None if paths is None else {"shape": list(paths.shape), "values": _words(paths * 65535)},
    }


def _dropped(dropped: Dropped) -> dict[str, Any]:
    return {
        "shape": list(dropped.path.shape),
        "values": _words(dropped.path * 65535),
        "target": dropped.target.tolist(),
        "landed": dropped.landed.tolist(),
    }


def _words(values: Tensor) -> str:
    """Numbers from 0 to 65535 as base64 of 16 bits each."""
    return base64.b64encode(values.round().clamp(0, 65535).numpy().astype("<u2").tobytes()).decode()


def _bytes(values: Tensor) -> str:
    return base64.b64encode(values.numpy().astype(np.uint8).tobytes()).decode()
