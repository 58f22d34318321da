"""The evaluations of a system: the paper's protocol and a harder one, for any data set and ball.

On MNIST they are the paper's own, with its step sizes, tables and figures, and its published numbers. On every other data
set they are the same attacks with step sizes in proportion to eps, and no published numbers.
"""

from dataclasses import replace
from functools import cache
from typing import Any, Protocol

from aatviz.attacks.geometry import Norm
from aatviz.attacks.objectives import LossName
from aatviz.data.registry import dataset as known_dataset
from aatviz.recipes import mnist_tables
from aatviz.recipes.evaluation import (
    DetectorEvaluation,
    Evaluation,
    HonestEvaluation,
    RealImagesEvaluation,
    Scenario,
    SideBySideEvaluation,
    SystemEvaluation,
)
from aatviz.recipes.published import Threat, published
from aatviz.recipes.spec import AttackSpec

WORST_CASE, SIDE_BY_SIDE, CURVES = "worst-case", "side-by-side", "curves"
ATTACKED = 90_000
"""Out-of-class test images that are attacked for all detectors of a bank together: all of ten classes with 1,000 each."""
ATTACKED_HARD = 3000
"""Those that the slow attacks of the worst case get."""
FEW = 50
"""At least so many for each detector, however many there are."""


class Trained(Protocol):
    """What a card says that a system is made for."""

    @property
    def threat(self) -> Threat: ...
    @property
    def bank(self) -> tuple[int, ...]: ...


def evaluations_of(card: Trained) -> dict[str, Evaluation]:
    """The evaluation recipes of a system, by name, from its card."""
    return evaluations(*card.threat, card.bank)


def evaluations(dataset: str, norm: Norm, eps: float, detectors: tuple[int, ...] | None = None) -> dict[str, Evaluation]:
    """The evaluation recipes of systems trained for this data set and ball, by name.

    Those of MNIST that the paper has no numbers for are there as well, as long as they make sense. `detectors` are the
    classes that the bank has detectors of; None: all of the data set, which must then be known on this machine.
    """
    if detectors is None:
        detectors = tuple(range(len(known_dataset(dataset).classes)))
    return _evaluations(dataset, norm, eps, detectors)


@cache
def _evaluations(dataset: str, norm: Norm, eps: float, detectors: tuple[int, ...]) -> dict[str, Evaluation]:
    found: list[Evaluation] = [_all_detectors(dataset, norm, eps, detectors)]
    if dataset == mnist_tables.DATASET:
        found += [_mnist_worst_case(norm, eps, detectors), _curves(dataset, norm, eps), *mnist_tables.tables(norm, eps)]
    else:
        found += [_worst_case(norm, eps, detectors), _curves(dataset, norm, eps), _side_by_side(norm, eps)]
    found += [RealImagesEvaluation(), HonestEvaluation()]
    return {recipe.name: recipe for recipe in found if {*getattr(recipe, "detectors", ())} <= {*detectors}}


def all_detectors(dataset: str, norm: Norm, eps: float) -> str:
    """The name of the recipe that measures all detectors under the paper's attack."""
    return published(dataset, norm, eps).table or "detectors"


def usual_attack(dataset: str, norm: Norm, eps: float, steps: int = 200) -> AttackSpec:
    """Adam from the image itself, last iterate: the paper's attack. Its steps are those of the paper on MNIST, and elsewhere
    a twentieth of eps (L2: a thirtieth), so that 200 of them cross the ball several times."""
    if dataset == mnist_tables.DATASET:
        return mnist_tables.papers_attack(norm, eps, steps)
    return AttackSpec(norm=norm, eps=eps, step_size=_rounded(eps / (20 if norm == "Linf" else 30)), steps=steps)


def _all_detectors(dataset: str, norm: Norm, eps: float, detectors: tuple[int, ...]) -> DetectorEvaluation:
    name, numbers = all_detectors(dataset, norm, eps), published(dataset, norm, eps)
    attack = usual_attack(dataset, norm, eps)
    words = f"{attack.optimizer.capitalize()} {attack.steps} x {attack.step_size:g}"
    where = f" ({name.replace('-', ' ')})" if numbers.all_detectors else ""
    return DetectorEvaluation(
        name=name,
        about=f"AUC of the base detectors under the paper's attack{where}.",
        attacks={words: attack},
        count=2000 if dataset == mnist_tables.DATASET else _each(ATTACKED, detectors),
        detectors=detectors,
        paper={words: tuple(numbers.all_detectors[k] for k in detectors)} if numbers.all_detectors else {},
    )


def _mnist_worst_case(norm: Norm, eps: float, detectors: tuple[int, ...]) -> DetectorEvaluation:
    adam, large, small = (0.02, 0.02, 0.01) if norm == "Linf" else (0.1, 0.4 * eps, 0.8 * eps)
    # in a larger ball than 0.3 a random start is a weak one: the first run begins at the image itself
    attacks = _three_optimizers(norm, eps, adam, large, small, random_start=eps == 0.3)
    return _worst_of(attacks, 300, detectors)


def _worst_case(norm: Norm, eps: float, detectors: tuple[int, ...]) -> DetectorEvaluation:
    return _worst_of(_scaled(norm, eps), _each(ATTACKED_HARD, detectors), detectors)


def _worst_of(attacks: dict[str, AttackSpec], count: int, detectors: tuple[int, ...]) -> DetectorEvaluation:
    about = "AUC of the base detectors under the worst of three optimizers with restarts, best iterate of each image."
    return DetectorEvaluation(name=WORST_CASE, about=about, attacks=attacks, count=count, detectors=detectors)


def _scaled(norm: Norm, eps: float) -> dict[str, AttackSpec]:
    """The three optimizers with the steps that they have in MNIST's ball of 0.3, in proportion to eps."""
    shares = (1 / 15, 1 / 15, 1 / 30) if norm == "Linf" else (1 / 25, 0.4, 0.8)
    adam, momentum, steepest = (_rounded(share * eps) for share in shares)
    return _three_optimizers(norm, eps, adam, momentum, steepest, random_start=False)


def _three_optimizers(
    norm: Norm, eps: float, adam: float, momentum: float, steepest: float, random_start: bool
) -> dict[str, AttackSpec]:
    """Three runs each, the best iterate of each image kept; without `random_start` the first begins at the image itself."""
    hard: dict[str, Any] = {"norm": norm, "eps": eps, "random_start": random_start, "restarts": 3, "keep": "best"}
    return {
        f"Adam 100 x {adam:g}": AttackSpec(step_size=adam, steps=100, **hard),
        f"momentum 100 x {momentum:.2g}": AttackSpec(step_size=momentum, steps=100, optimizer="momentum", **hard),
        f"{'sign' if norm == 'Linf' else 'steepest'} 200 x {steepest:.2g}": AttackSpec(
            step_size=steepest, steps=200, optimizer="steepest", **hard
        ),
    }


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
    """Not of MNIST's systems: their records were made without it, and the honest protocol has these attacks and more."""
    aims: tuple[tuple[Any, LossName], ...] = (
        ("generative", "detectors_max"),
        ("generative", "cw"),  # lowers the true class's logit as well, which counts where nothing is rejected
        ("robust", "classifier_margin"),
    )
    scenarios = {
        f"{victim}, {loss.replace('_', ' ')}, {words}": Scenario(victim=victim, loss=loss, attack=attack)
        for victim, loss in aims
        for words, attack in _scaled(norm, eps).items()
    }
    about = "The bank and the robust classifier beside each other, under the worst of three optimizers with restarts."
    return SideBySideEvaluation(name=SIDE_BY_SIDE, about=about, scenarios=scenarios, count=1000)


def _each(together: int, detectors: tuple[int, ...]) -> int:
    return max(FEW, together // len(detectors))


def _rounded(step_size: float) -> float:
    """With two digits: 0.0067, as a table names it."""
    return float(f"{step_size:.2g}")
