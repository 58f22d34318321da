"""Retouching: an image is moved a little, in L2, towards what raises the logit of a detector, most often of its own class.

It is the attack on a detector with another aim (figures 14 and 15): what changes shows what the detector looks for.
"""

import math

from aatviz.attacks.settings import AttackSettings
from aatviz.data.spec import Dataset

PAPER = (30.0, (3, 224, 224))
"""The paper's L2 radius, and the shape of its images."""


def default_settings(known: Dataset, k: int) -> AttackSettings:
    """How the page begins: the paper's 100 steps of a sixth of its radius, in proportion to the L2 norm of a white image of
    this data set."""
    eps, shape = PAPER
    scaled = eps * math.sqrt(math.prod(known.shape) / math.prod(shape))
    size = max(round(scaled, 1), 0.1)
    return AttackSettings(
        victim="detector",
        detector=k,
        loss="detector_logit",
        norm="L2",
        eps=size,
        steps=100,
        step_size=round(size / 6, 2),
        optimizer="steepest",
    )
