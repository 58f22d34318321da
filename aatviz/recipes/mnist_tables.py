"""The paper's tables 2, 3 and 8 to 10 and its figures 2, 7 and 8, which are on MNIST alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aatviz.attacks.geometry import Norm
from aatviz.recipes.evaluation import DetectorEvaluation, DistortionEvaluation, Evaluation, Scenario, SystemEvaluation
from aatviz.recipes.hard_attacks import three_optimizers
from aatviz.recipes.published import MNIST, published
from aatviz.recipes.scenarios import every_loss, every_scenario
from aatviz.recipes.spec import AttackSpec

DATASET = "mnist"
STEP_SIZE: Mapping[Norm, float] = {"Linf": 0.01, "L2": 0.1}
"""The step size of Adam, in balls of any size."""
PAPERS_T = 3.6
"""The threshold of the paper's search for the smallest distortion, for both of its systems."""


def papers_attack(norm: Norm, eps: float, steps: int | None = None) -> AttackSpec:
    """Tables 2, 11 and 12: Adam, 200 steps of 0.01 (L2: of 0.1), from the image itself."""
    return AttackSpec(norm=norm, eps=eps, step_size=STEP_SIZE[norm], steps=steps or 200)


def worst(norm: Norm, eps: float) -> dict[str, AttackSpec]:
    """The attacks of the worst case."""
    adam, large, small = (0.02, 0.02, 0.01) if norm == "Linf" else (0.1, 0.4 * eps, 0.8 * eps)
    # in balls larger than 0.3 a random start makes a weak attack: there the first run begins at the image itself
    return three_optimizers(norm, eps, adam, large, small, random_start=eps == 0.3)


def tables(norm: Norm, eps: float) -> list[Evaluation]:
    """The evaluations that make sense for this ball, with the paper's numbers where it has some."""
    numbers = published(DATASET, norm, eps)
    found: list[Evaluation] = [
        _strengths(norm, eps, "table-2", "adam", numbers.tables.get("table-2", ())),
        _strengths(norm, eps, "table-8", "steepest", numbers.tables.get("table-8", ())),
        _cross(numbers.tables.get("table-9", ())),
    ]
    if restarts := numbers.tables.get("table-10"):
        found.append(_restarts(norm, eps, restarts))
    if norm == "Linf":
        distortion, rate = numbers.distortion or (None, None)
        about = "Mean L2 distortion of unconstrained false positives at 0.95 TPR (table 3, appendix B)."
        search = DistortionEvaluation(name="table-3", about=about, count=500, paper=distortion, paper_rate=rate)
        about = f"The same at the paper's T of {PAPERS_T:g} (table 7), whatever share of natural images it accepts."
        found += [search, replace(search, name="table-3-threshold", about=about, threshold=PAPERS_T)]
    if (norm, eps) == ("Linf", 0.3):
        trained, stronger = _hundred("Linf", 0.3), _hundred("Linf", 0.4)
        found += [every_scenario(2, trained, stronger, "0.4"), every_loss(7, trained), _figure_8()]
    return found


def _strengths(
    norm: Norm, eps: float, name: str, optimizer: Any, numbers: tuple[tuple[float, ...], ...]
) -> DetectorEvaluation:
    attacks = {
        f"{steps:,} x {step:g}": AttackSpec(norm=norm, eps=eps, steps=steps, step_size=step, optimizer=optimizer)
        for steps, step in ((200, STEP_SIZE[norm]), (2000, STEP_SIZE[norm] / 2))
    }
    how = "Adam" if optimizer == "adam" else "normalized steepest descent"
    about = f"AUC of the first two detectors under {how}, with more and more steps ({name.replace('-', ' ')})."
    paper = dict(zip(attacks, numbers, strict=True)) if numbers else {}
    return DetectorEvaluation(name=name, about=about, attacks=attacks, count=1000, detectors=(0, 1), paper=paper)


def _cross(numbers: tuple[tuple[float, ...], ...]) -> DetectorEvaluation:
    attacks = {f"{norm} {eps:g}": papers_attack(norm, eps) for norm, eps in MNIST}
    about = "AUC of the first two detectors in balls that they were not trained for (table 9)."
    paper = dict(zip(attacks, numbers, strict=True)) if numbers else {}
    return DetectorEvaluation(name="table-9", about=about, attacks=attacks, count=1000, detectors=(0, 1), paper=paper)


def _restarts(norm: Norm, eps: float, numbers: tuple[tuple[float, ...], ...]) -> DetectorEvaluation:
    settings: dict[str, Any] = {"norm": norm, "eps": eps, "step_size": STEP_SIZE[norm], "steps": 200}
    attacks = {
        "fixed start": AttackSpec(**settings),
        "50 random restarts": AttackSpec(**settings, random_start=True, restarts=50),
    }
    paper = dict(zip(attacks, numbers, strict=True))
    about = "AUC of the first detector from a fixed start, and with 50 random restarts (table 10)."
    return DetectorEvaluation(name="table-10", about=about, attacks=attacks, count=200, detectors=(0,), paper=paper)


def _hundred(norm: Norm, eps: float) -> AttackSpec:
    """Figure 2: Adam, 100 steps of 0.01."""
    return replace(papers_attack(norm, eps, steps=100), keep="best")


def _figure_8() -> SystemEvaluation:
    victims: tuple[Any, ...] = ("generative", "robust")
    attack = AttackSpec(eps=0.4, step_size=0.01, steps=100)
    scenarios = {name: Scenario(victim=name, loss="target_logit", attack=attack, target=1) for name in victims}
    about = "The logit of class 1 on its natural images and on others that were pushed towards it (figures 3 and 8)."
    return SystemEvaluation(name="figure-8", about=about, scenarios=scenarios, count=500)
