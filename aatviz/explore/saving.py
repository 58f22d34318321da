"""Attacked images to take home: the exact numbers, and a picture of 8 bits a pixel with what the rounding changed."""

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
    """The natural and the attacked images as they were computed, float32 in [0,1], with the settings as JSON: what an .npz
    holds. "perturbed" (C,H,W) of an attack; "perturbed.MODEL" (R,T,C,H,W) of a comparison."""
    perturbed: Mapping[str, Tensor] = (
        {"perturbed": result.perturbed}
        if isinstance(result, Trace)
        else {f"perturbed.{model}": images for model, images in result.images.items()}
    )
    arrays = {"natural": result.natural.numpy(), **{name: images.numpy() for name, images in perturbed.items()}}
    return arrays | {"settings": np.array(json.dumps(dataclasses.asdict(result.settings)))}


def picture_levels(trace: Trace) -> Tensor:
    """The attack's result (C,H,W) as a picture's levels, uint8, inside ball and box."""
    s = trace.settings
    return to_levels(trace.perturbed[None], trace.natural[None], s.norm, s.eps)[0]


def picture_png(trace: Trace) -> bytes:
    """The same as a PNG file of the images' own size."""
    levels = picture_levels(trace)
    height, width = levels.shape[-2:]
    return to_png(levels.numpy().tobytes(), (len(levels), height, width))


@torch.no_grad()
def rounding_words(system: System, trace: Trace, threshold: float) -> str:
    """What the picture is, beside the exact result: its distance, and what the victim decides about both at T."""
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
