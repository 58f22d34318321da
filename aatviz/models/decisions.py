"""Who can be attacked, by one name each."""

from typing import Literal, get_args

VictimName = Literal["generative", "integrated", "robust", "natural", "detector"]
"""The generative, integrated, robust or naturally trained classifier of a system, or one of its base detectors."""
VICTIMS: tuple[VictimName, ...] = get_args(VictimName)
