"""Attacks on detectors and classifiers: `pgd` minimises an `objective` inside a norm ball."""

from aatviz.attacks.geometry import NORMS, norm, project
from aatviz.attacks.objectives import LOSSES, TARGETED, Objective, objective
from aatviz.attacks.optimizers import OPTIMIZERS
from aatviz.attacks.pgd import Iterate, pgd

__all__ = ["LOSSES", "NORMS", "OPTIMIZERS", "TARGETED", "Iterate", "Objective", "norm", "objective", "pgd", "project"]
