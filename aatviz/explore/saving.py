"""Attacked images to download: the exact numbers, and a picture of 8 bits a pixel with words about its rounding."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aatviz.attacks import norm, to_levels
from aatviz.data.own_image.link_text import to_png
from aatviz.explore.attack_grid.result import Comparison
from aatviz.explore.attack_path import Trace
from aatviz.models.decisions import MODELS_OF, REJECTING, decide
from aatviz.store.systems import System


def exact(result: Trace | Comparison) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file: the natural and the attacked images as they were computed, float32 in [0,1], and the
    settings as JSON. An attack has "perturbed" (C,H,W); a comparison has "perturbed.MODEL" (R,T,C,H,W) for every model."""
    perturbed: Mapping[str, Tensor] = (
        {"perturbed": result.perturbed}
        if isinstance(result, Trace)
        else {f"perturbed.{model}": images for model, images in result.images.items()}
    )
    arrays = {"natural": result.natural.numpy(), **{name: images.numpy() for name, images in perturbed.items()}}
    return arrays | {"settings": np.array(json.dumps(dataclasses.asdict(result.settings)))}


def picture_levels(trace: Trace) -> Tensor:
    """The attack's result as the levels of a picture (C,H,W), uint8, inside ball and box."""
    s = trace.settings
    return to_levels(trace.perturbed[None], trace.natural[None], s.norm, s.eps)[0]


def picture_png(trace: Trace) -> bytes:
    """The result as a PNG file of the image's own size."""
    levels = picture_levels(trace)
    height, width = levels.shape[-2:]
    return to_png(levels.numpy().tobytes(), (len(levels), height, width))


@torch.no_grad()
def rounding_words(system: System, trace: Trace, threshold: float) -> str:
    """A sentence about the rounded picture: its distance from the natural image, and the victim's decision at T beside that
    about the exact result."""
    shown = picture_levels(trace).to(trace.natural) / 255
    sizes = ", ".join(f"{p} {float(norm((shown - trace.natural)[None], p)):.4f}" for p in ("Linf", "L2"))
    before, after = (_decision(system, trace, image, threshold) for image in (trace.perturbed, shown))
    same = (
        f"the decision is the same: {after}"
        if before == after
        else f"the decision is {after}, and {before} without rounding"
    )
    return f"As a picture of 8 bits a pixel, rounded into the ball ({sizes}), {same}."


def _decision(system: System, trace: Trace, image: Tensor, threshold: float) -> str:
    victim, detector = trace.settings.victim, trace.settings.detector
    x = image[None].to(system.device)
    names = {"f": "classifier", "h": "detectors", "r": "robust_classifier"}
    logits = {model: getattr(system, names[model])(x) for model in MODELS_OF[victim]}
    column = None if detector is None else system.detectors.column(detector)
    label, score = decide(
        victim, logits, priors=system.generative.priors if victim == "generative" else None, detector=column
    )
    if victim in REJECTING and float(score) < threshold:
        return "rejected"
    return "accepted" if victim == "detector" else str(int(label))
