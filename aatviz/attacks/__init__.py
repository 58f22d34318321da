"""Attacks on detectors and classifiers: `pgd` minimises an `objective` inside a norm ball."""

from aatviz.attacks.apgd import apgd
from aatviz.attacks.geometry import NORMS, norm, project
from aatviz.attacks.multi_targeted import multi_targeted
from aatviz.attacks.objectives import LOSSES, TARGETED, Objective, objective
from aatviz.attacks.optimizers import OPTIMIZERS
from aatviz.attacks.pgd import Iterate, pgd

__all__ = [
    "LOSSES",
    "NORMS",
    "OPTIMIZERS",
    "TARGETED",
    "Iterate",
    "Objective",
    "apgd",
    "multi_targeted",
    "norm",
    "objective",
    "pgd",
    "project",
]
