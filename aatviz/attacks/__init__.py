"""Attacks on detectors and classifiers: `pgd` minimises an `objective` inside a norm ball."""

from aatviz.attacks.apgd import apgd
from aatviz.attacks.geometry import NORMS, norm, project, to_levels
from aatviz.attacks.min_distortion import Distorted, min_distortion
from aatviz.attacks.multi_targeted import multi_targeted
from aatviz.attacks.objectives import COMBINED, LOSSES, TARGETED, Objective, objective
from aatviz.attacks.optimizers import OPTIMIZERS
from aatviz.attacks.pgd import Iterate, pgd
from aatviz.attacks.shortlist import Shortlist
from aatviz.attacks.square import square
from aatviz.attacks.until_success import pgd_until_success

__all__ = [
    "COMBINED",
    "LOSSES",
    "NORMS",
    "OPTIMIZERS",
    "TARGETED",
    "Distorted",
    "Iterate",
    "Objective",
    "Shortlist",
    "apgd",
    "min_distortion",
    "multi_targeted",
    "norm",
    "objective",
    "pgd",
    "pgd_until_success",
    "project",
    "square",
    "to_levels",
]
