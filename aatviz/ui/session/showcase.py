"""The stored run that the app shows before anything is computed: one image, the generative and the robust classifier."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aatviz.attacks.settings import AttackSettings, of_threat
from aatviz.data import dataset, load_data
from aatviz.data.own_image import example
from aatviz.data.own_image.link_text import to_image
from aatviz.data.spec import number
from aatviz.explore.attack_path import Trace, trace_attack
from aatviz.explore.stored_run import Arrays, load_run, part, store_run
from aatviz.recipes.paper import usual_attack
from aatviz.store.systems import System
from aatviz.ui.common.datasets import dataset_of_card

EXAMPLE = -1
"""Stands for the photograph of this package: that is attacked where no image of the data set may be passed on."""
FILE = "showcase"
"""The name of the stored run's file."""
SETTINGS = AttackSettings(loss="target_logit", target=8)
"""A targeted attack with 100 steps of Adam; `default_settings` changes its ball and target."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Showcase:
    """The traces on one image, the victim's first, then, where there is one, the robust classifier's."""

    index: int
    """Its place in the bundled sample, or `EXAMPLE`."""
    traces: list[Trace]


def default_settings(system: System) -> AttackSettings:
    """The default of the Attack page, made from `SETTINGS`.

    The ball is the one that the system is trained for, or the larger one that the data set has for the eye (`pushed`). The
    target is the class that the data set begins with (`first_look`). The steps are those of the data set's preset for this
    ball, else for this norm; without a preset they have the paper's size. In a system without all detectors, the victim is
    its first detector.
    """
    norm, eps, dataset = system.card.norm, system.card.eps, dataset_of_card(system.card)
    target = dataset.first_look[1] if dataset.first_look else 1
    asked = replace(SETTINGS, target=target, norm=norm, eps=eps, step_size=usual_attack(*system.card.threat).step_size)
    presets = sorted(dataset.threats, key=lambda threat: number(threat.eps) != eps)
    known = [preset for preset in presets if preset.norm == norm]
    asked = replace(asked, **of_threat(known[0]) | {"eps": eps}) if known else asked
    usual = dataset.threats[0]
    if dataset.pushed and (usual.norm, number(usual.eps)) == (norm, eps):
        asked = replace(asked, **of_threat(dataset.pushed))
    if not system.lacks("full_bank"):
        return asked
    return replace(asked, victim="detector", loss="detector_logit", target=None, detector=system.card.bank[0])


def first_image(system: System, y: Tensor) -> int:
    """The place, in the bundled sample, of the image that pages begin with. It is not of the class that it is pushed
    towards. y (N,) are the classes of the sample."""
    look, settings = dataset_of_card(system.card).first_look, default_settings(system)
    goal = settings.target if settings.detector is None else settings.detector
    return look[0] if look and int(y[look[0]]) != goal else int(y.ne(-1 if goal is None else goal).nonzero()[0])


def build_showcase(system: System) -> Path:
    """Compute the stored run of a system, write it to `results/showcase.npz` and return that file."""
    known = dataset(system.card.dataset)
    if known.passed_on:
        x, y = load_data(known.name, split="sample")
        index = first_image(system, y)
        image, label = x[index : index + 1], int(y[index])
    else:
        index, image = EXAMPLE, to_image(example.prepared(known.shape).pixels, known.shape)
        with torch.no_grad():
            label = int(system.classifier(image).argmax())  # as on the Attack page, where nobody says it
    arrays = {"index": np.array(index)}
    for settings in _wanted(system):
        trace = trace_attack(system, settings, image, label)
        arrays |= {f"{settings.victim}.{name}": array for name, array in trace.to_arrays().items()}
    return store_run(system, FILE, arrays)


def load_showcase(system: System) -> Showcase | None:
    """The stored run, if it was made with these very weights and today's default settings; else None.

    ValueError where the file is damaged.
    """
    wanted = _wanted(system)

    def build(arrays: Arrays) -> Showcase:
        traces = [Trace.from_arrays(part(arrays, f"{settings.victim}.")) for settings in wanted]
        return Showcase(index=int(arrays["index"]), traces=traces)

    found = load_run(system, FILE, build)
    return found if found and [trace.settings for trace in found.traces] == wanted else None


def _wanted(system: System) -> list[AttackSettings]:
    default = default_settings(system)
    return [default] if system.lacks("robust_classifier") else [default, default.against("robust")]
