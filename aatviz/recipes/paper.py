"""The evaluations of a system: the paper's protocol and a harder one, for any data set and ball.

On MNIST, CIFAR-10 and Restricted ImageNet they are the paper's own, with its step sizes, tables and figures, and its
published numbers. On every other data set they are the same attacks with step sizes in proportion to
eps, and no published numbers.
"""

from dataclasses import replace
from functools import cache
from typing import Any, Protocol

from aatviz.attacks.geometry import Norm
from aatviz.attacks.objectives import LossName
from aatviz.data.registry import dataset as known_dataset
from aatviz.data.spec import written
from aatviz.recipes import cifar10_tables, mnist_tables, restricted_tables
from aatviz.recipes.evaluation import (
    DetectorEvaluation,
    Evaluation,
    HonestEvaluation,
    RealImagesEvaluation,
    Scenario,
    SideBySideEvaluation,
    SystemEvaluation,
    ThoroughEvaluation,
)
from aatviz.recipes.hard_attacks import rounded, scaled
from aatviz.recipes.published import Threat, published
from aatviz.recipes.spec import AttackSpec

WORST_CASE, SIDE_BY_SIDE, CURVES = "worst-case", "side-by-side", "curves"
ATTACKED = 90_000
"""Out-of-class test images that are attacked, for all detectors of a bank together. With ten classes of 1,000 test images
each, these are all of them."""
ATTACKED_HARD = 3000
"""The same for the slow attacks of the worst case."""
FEW = 50
"""The least number for each detector, however many detectors there are."""


COUNT_OF_THE_PAPER, HARD_OF_THE_PAPER = 2000, 300
"""The same two numbers for each detector, on the data sets of the paper."""


class Tables(Protocol):
    """What a module of this folder has for a data set of the paper."""

    def papers_attack(self, norm: Norm, eps: float, steps: int | None = None) -> AttackSpec: ...
    def worst(self, norm: Norm, eps: float) -> dict[str, AttackSpec]: ...
    def tables(self, norm: Norm, eps: float) -> list[Evaluation]: ...


OF_THE_PAPER: dict[str, Tables] = {
    mnist_tables.DATASET: mnist_tables,
    cifar10_tables.DATASET: cifar10_tables,
    **{tables.dataset: tables for tables in restricted_tables.BOTH},
}
"""The data sets that the paper has tables for, by name."""


class Trained(Protocol):
    """The part of a card that says what a system is trained for."""

    @property
    def threat(self) -> Threat: ...
    @property
    def bank(self) -> tuple[int, ...]: ...


def evaluations_of(card: Trained) -> dict[str, Evaluation]:
    """The evaluation recipes of a system, by name, from its card."""
    return evaluations(*card.threat, card.bank)


def evaluations(dataset: str, norm: Norm, eps: float, detectors: tuple[int, ...] | None = None) -> dict[str, Evaluation]:
    """The evaluation recipes of systems trained for this data set and ball, by name.

    They include evaluations for which the paper has no numbers in this ball, as long as they make sense. `detectors` are the
    classes of the bank's detectors; None: all classes of the data set, which must then be known on this machine
    (UnknownDataset where it is not).
    """
    if detectors is None:
        detectors = tuple(range(len(known_dataset(dataset).classes)))
    return _evaluations(dataset, norm, eps, detectors)


@cache
def _evaluations(dataset: str, norm: Norm, eps: float, detectors: tuple[int, ...]) -> dict[str, Evaluation]:
    found: list[Evaluation] = [_all_detectors(dataset, norm, eps, detectors), _worst_case(dataset, norm, eps, detectors)]
    found.append(_curves(dataset, norm, eps))
    found += OF_THE_PAPER[dataset].tables(norm, eps) if dataset in OF_THE_PAPER else [_side_by_side(norm, eps)]
    found += [RealImagesEvaluation(), HonestEvaluation(), ThoroughEvaluation()]
    return {recipe.name: recipe for recipe in found if {*getattr(recipe, "detectors", ())} <= {*detectors}}


def all_detectors(dataset: str, norm: Norm, eps: float) -> str:
    """The name of the recipe that measures all detectors under the paper's attack."""
    return published(dataset, norm, eps).table or "detectors"


def usual_attack(dataset: str, norm: Norm, eps: float, steps: int | None = None) -> AttackSpec:
    """The paper's attack on its own data sets. On others its attack on MNIST, Adam from the image itself, last iterate; with
    steps of a twentieth of eps (L2: a thirtieth), so that 200 of them can cross the ball several times."""
    if dataset in OF_THE_PAPER:
        return OF_THE_PAPER[dataset].papers_attack(norm, eps, steps)
    return AttackSpec(norm=norm, eps=eps, step_size=rounded(eps / (20 if norm == "Linf" else 30)), steps=steps or 200)


def _all_detectors(dataset: str, norm: Norm, eps: float, detectors: tuple[int, ...]) -> DetectorEvaluation:
    name, numbers = all_detectors(dataset, norm, eps), published(dataset, norm, eps)
    attack = usual_attack(dataset, norm, eps)
    words = f"{attack.optimizer.capitalize()} {attack.steps} x {written(attack.step_size)}"
    where = f" ({name.replace('-', ' ')})" if numbers.all_detectors else ""
    return DetectorEvaluation(
        name=name,
        about=f"AUC of the base detectors under the paper's attack{where}.",
        attacks={words: attack},
        count=COUNT_OF_THE_PAPER if dataset in OF_THE_PAPER else _each(ATTACKED, detectors),
        detectors=detectors,
        paper={words: tuple(numbers.all_detectors[k] for k in detectors)} if numbers.all_detectors else {},
    )


def _worst_case(dataset: str, norm: Norm, eps: float, detectors: tuple[int, ...]) -> DetectorEvaluation:
    attacks = OF_THE_PAPER[dataset].worst(norm, eps) if dataset in OF_THE_PAPER else scaled(norm, eps)
    count = HARD_OF_THE_PAPER if dataset in OF_THE_PAPER else _each(ATTACKED_HARD, detectors)
    about = "AUC of the base detectors under the worst of three optimizers with restarts, best iterate of each image."
    return DetectorEvaluation(name=WORST_CASE, about=about, attacks=attacks, count=count, detectors=detectors)


def _curves(dataset: str, norm: Norm, eps: float) -> SystemEvaluation:
    hundred = replace(usual_attack(dataset, norm, eps, steps=100), keep="best")
    return SystemEvaluation(
        name=CURVES,
        about="Accuracy and error at every threshold (figure 2), with the robust classifier beside.",
        scenarios={
            "generative": Scenario(victim="generative", loss="detectors_max", attack=hundred),
            "integrated": Scenario(victim="integrated", loss="combined", attack=hundred),
            "robust": Scenario(victim="robust", loss="classifier_margin", attack=hundred),
        },
        count=1000,
    )


def _side_by_side(norm: Norm, eps: float) -> SideBySideEvaluation:
    """Only for data sets that the paper does not have; on MNIST and CIFAR-10 the paper's figures take its place."""
    aims: tuple[tuple[Any, LossName], ...] = (
        ("generative", "detectors_max"),
        ("generative", "cw"),  # also lowers the true class's logit, which helps where nothing is rejected
        ("robust", "classifier_margin"),
    )
    scenarios = {
        f"{victim}, {loss.replace('_', ' ')}, {words}": Scenario(victim=victim, loss=loss, attack=attack)
        for victim, loss in aims
        for words, attack in scaled(norm, eps).items()
    }
    about = "The bank and the robust classifier beside each other, under the worst of three optimizers with restarts."
    return SideBySideEvaluation(name=SIDE_BY_SIDE, about=about, scenarios=scenarios, count=1000)


def _each(together: int, detectors: tuple[int, ...]) -> int:
    return max(FEW, together // len(detectors))
