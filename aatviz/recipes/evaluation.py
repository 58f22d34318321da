"""Evaluation recipes as data: which attacks, on how many test images, against which victims."""

from dataclasses import dataclass
from typing import Literal

from aatviz.attacks.objectives import LossName
from aatviz.recipes.spec import AttackSpec

PAPER = AttackSpec(eps=0.3, step_size=0.01, steps=200)
"""Tables 2 and 11: Adam, 200 steps of 0.01, from the image itself."""
HUNDRED = AttackSpec(eps=0.3, step_size=0.01, steps=100, keep="best")
"""Figure 2: Adam, 100 steps of 0.01."""


@dataclass(frozen=True, kw_only=True)
class DetectorEvaluation:
    """AUC of every base detector: attacked out-of-class test images against all natural in-class ones."""

    name: str
    about: str
    attacks: dict[str, AttackSpec]
    """By a name for the table. Of several attacks, the worst result of each image counts as well."""
    count: int
    """Out-of-class test images for each detector, evenly spread over the test set (its first half is the harder one)."""
    paper: tuple[float, ...] = ()
    """The paper's AUC of detectors 0..9, where it gives one."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One attack scenario on a whole system."""

    victim: Literal["generative", "integrated", "robust"]
    loss: LossName
    attack: AttackSpec


@dataclass(frozen=True, kw_only=True)
class SystemEvaluation:
    """Logits of classifier, robust classifier and bank on natural and on attacked test images, for every curve."""

    name: str
    about: str
    scenarios: dict[str, Scenario]
    count: int
    """Attacked test images, evenly spread over the test set; the natural ones are always the whole test set."""
    held_out: str = "validation"
    """The split whose natural images are scored as well, for thresholds that are chosen without the test set."""


Evaluation = DetectorEvaluation | SystemEvaluation

_ALL: tuple[Evaluation, ...] = (
    DetectorEvaluation(
        name="table-11",
        about="AUC of the base detectors under the paper's attack (table 11).",
        attacks={"Adam 200 x 0.01": PAPER},
        count=2000,
        paper=(0.99959, 0.99971, 0.99876, 0.99861, 0.99859, 0.99861, 0.99795, 0.99863, 0.99687, 0.99418),
    ),
    DetectorEvaluation(
        name="worst-case",
        about="AUC of the base detectors under the worst of three optimizers with restarts, best iterate of each image.",
        attacks={
            "Adam 100 x 0.02": AttackSpec(eps=0.3, step_size=0.02, steps=100, random_start=True, restarts=3, keep="best"),
            "momentum 100 x 0.02": AttackSpec(
                eps=0.3, step_size=0.02, steps=100, optimizer="momentum", random_start=True, restarts=3, keep="best"
            ),
            "sign 200 x 0.01": AttackSpec(
                eps=0.3, step_size=0.01, steps=200, optimizer="steepest", random_start=True, restarts=3, keep="best"
            ),
        },
        count=300,
    ),
    SystemEvaluation(
        name="curves",
        about="Accuracy and error at every threshold (figure 2), with the robust classifier beside.",
        scenarios={
            "generative": Scenario(victim="generative", loss="detectors_max", attack=HUNDRED),
            "integrated": Scenario(victim="integrated", loss="combined", attack=HUNDRED),
            "robust": Scenario(victim="robust", loss="classifier_margin", attack=HUNDRED),
        },
        count=1000,
    ),
)
EVALUATIONS: dict[str, Evaluation] = {evaluation.name: evaluation for evaluation in _ALL}
"""The evaluation recipes by name."""
