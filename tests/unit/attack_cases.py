"""Every attack on the same small system, by one signature, so that one test asks the same of all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aatviz.attacks import Objective, apgd, min_distortion, multi_targeted, objective, pgd, pgd_until_success, square
from aatviz.attacks.victims import Victim
from aatviz.models.detectors import DetectorBank, GenerativeClassifier, IntegratedClassifier

CLASSES = 4
Attack = Callable[..., Tensor]
"""A system, images, their classes, settings -> x'."""


@dataclass
class SmallSystem:
    """A bank of one network, a classifier, and what is built on them."""

    detectors: DetectorBank
    classifier: nn.Module
    robust_classifier: nn.Module

    @property
    def generative(self) -> GenerativeClassifier:
        return GenerativeClassifier(self.detectors, torch.full((CLASSES,), 1 / CLASSES))

    @property
    def integrated(self) -> IntegratedClassifier:
        return IntegratedClassifier(self.classifier, self.detectors)


def network() -> nn.Module:
    """Images (N,1,6,6) to logits, with running statistics and a curve."""
    layers = (nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Softplus(), nn.Flatten(), nn.Linear(48, CLASSES))
    found = nn.Sequential(*layers).eval().requires_grad_(False)
    found.image_shape = (1, 6, 6)  # as of one that was loaded
    return found


def small_system() -> SmallSystem:
    """The same weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SmallSystem(DetectorBank([network()], CLASSES).eval(), network(), network())


def batch() -> tuple[Tensor, Tensor]:
    """Three images and their classes."""
    return torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 3])


def _goal(system: Any, y: Any) -> Objective:
    return objective("detectors_max", system, y=y)


def _square(system: Any, x: Any, y: Any, **settings: Any) -> Tensor:
    goal = _goal(system, y)
    return square(lambda x_adv: goal(x_adv)[0], x, queries=4, **settings)


def _until_success(system: Any, x: Any, y: Any, **settings: Any) -> Tensor:
    labels = torch.as_tensor(y)
    return pgd_until_success(lambda rows: _goal(system, labels[rows]), x, below=-9e9, steps=2, **settings)


def _distortion(system: Any, x: Any, y: Any, **settings: Any) -> Tensor:
    def success(x_adv: Tensor, rows: Tensor) -> Tensor:
        return torch.ones(len(rows), dtype=torch.bool)

    return min_distortion(_goal(system, y), success, x, depth=2, steps=2, **settings).last


IN_A_BALL: dict[str, Attack] = {
    "pgd": lambda system, x, y, **settings: pgd(_goal(system, y), x, steps=2, **settings),
    "pgd, last": lambda system, x, y, **settings: pgd(_goal(system, y), x, steps=2, keep="last", **settings),
    "pgd, restarts": lambda system, x, y, **settings: pgd(_goal(system, y), x, steps=2, restarts=2, **settings),
    "apgd": lambda system, x, y, **settings: apgd(_goal(system, y), x, steps=2, **settings),
    "square": _square,
    "until success": _until_success,
    "multi-targeted": lambda system, x, y, **settings: multi_targeted(
        Victim(name="integrated", system=system), x, y, steps=2, **settings
    ),
}
"""Those that take norm and eps."""
ATTACKS: dict[str, Attack] = IN_A_BALL | {"min distortion": _distortion}
