"""The evaluations of a system trained for one norm ball: the paper's tables and figures with its numbers, and harder."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from aatviz.attacks.geometry import Norm
from aatviz.recipes.evaluation import (
    DetectorEvaluation,
    DistortionEvaluation,
    Evaluation,
    HonestEvaluation,
    RealImagesEvaluation,
    Scenario,
    SystemEvaluation,
)
from aatviz.recipes.spec import AttackSpec

Threat = tuple[Norm, float]
THREATS: tuple[Threat, ...] = (("Linf", 0.3), ("Linf", 0.5), ("L2", 2.5), ("L2", 5.0))
"""The four that the paper trains detectors for on MNIST."""
TABLE_2: Mapping[Threat, tuple[tuple[float, ...], ...]] = {
    ("Linf", 0.3): ((0.99959, 0.99971), (0.99958, 0.99971)),
    ("Linf", 0.5): ((0.99830, 0.99869), (0.99796, 0.99861)),
    ("L2", 2.5): ((0.99962, 0.99968), (0.99927, 0.99900)),
    ("L2", 5.0): ((0.99578, 0.99987), (0.99529, 0.99918)),
}
"""Detectors 0 and 1 under 200 steps of Adam, and under 2,000 of half the size."""
TABLE_8: Mapping[Threat, tuple[tuple[float, ...], ...]] = {
    ("Linf", 0.3): ((0.99962, 0.99973), (0.99959, 0.99971)),
    ("Linf", 0.5): ((0.99820, 0.99901), (0.99795, 0.99872)),
    ("L2", 2.5): ((0.99906, 0.99916), (0.99855, 0.99883)),
    ("L2", 5.0): ((0.99960, 0.99997), (0.99237, 0.99994)),
}
"""The same under normalized steepest descent."""
TABLE_9: Mapping[Threat, tuple[tuple[float, ...], ...]] = {
    ("Linf", 0.3): ((0.99959, 0.99971), (0.99436, 0.99778), (0.99974, 0.99965), (0.96421, 0.98268)),
    ("Linf", 0.5): ((0.99966, 0.99967), (0.99830, 0.99869), (0.99969, 0.99955), (0.98816, 0.98687)),
    ("L2", 2.5): ((0.99927, 0.99949), (0.99339, 0.99397), (0.99962, 0.99968), (0.97747, 0.98117)),
    ("L2", 5.0): ((0.99925, 0.99984), (0.99767, 0.99961), (0.99944, 0.99987), (0.99577, 0.99986)),
}
"""By the threat that detectors 0 and 1 were trained for: under each of the four threats, in the order of `THREATS`."""
TABLE_10: Mapping[Threat, tuple[float, ...]] = {("Linf", 0.5): (0.99830, 0.99776), ("L2", 5.0): (0.99578, 0.99501)}
"""Detector 0 from a fixed start, and with 50 random restarts."""
TABLES_11_AND_12: Mapping[Threat, tuple[float, ...]] = {
    ("Linf", 0.3): (0.99959, 0.99971, 0.99876, 0.99861, 0.99859, 0.99861, 0.99795, 0.99863, 0.99687, 0.99418),
    ("Linf", 0.5): (0.99830, 0.99869, 0.99327, 0.99355, 0.99314, 0.99228, 0.99424, 0.99439, 0.97875, 0.97690),
}
TABLE_3: Mapping[Threat, tuple[float, float]] = {("Linf", 0.3): (3.80, 0.9962), ("Linf", 0.5): (4.47, 0.9936)}
"""The mean L2 distortion, and the share of the images that could be turned into false positives."""
ALL_DETECTORS: Mapping[Threat, str] = {("Linf", 0.3): "table-11", ("Linf", 0.5): "table-12"}
"""What the record of all ten detectors is called where the paper has one."""


class Trained(Protocol):
    """What evaluations depend on: the ball that a system is trained for, as its card says."""

    @property
    def norm(self) -> Norm: ...
    @property
    def eps(self) -> float: ...


def evaluations_of(card: Trained) -> dict[str, Evaluation]:
    """The evaluation recipes of a system, by name, from its card."""
    return evaluations(card.norm, card.eps)


@cache
def evaluations(norm: Norm, eps: float) -> dict[str, Evaluation]:
    """The evaluation recipes of systems trained for this ball. Those that the paper has no numbers for are there as well, as
    long as they make sense."""
    threat = (norm, eps)
    found: list[Evaluation] = [_all_detectors(threat), _worst_case(norm, eps), _curves(norm, eps)]
    found += [_strengths(threat, "table-2", "adam", TABLE_2), _strengths(threat, "table-8", "steepest", TABLE_8)]
    found += [_cross(threat)]
    if threat in TABLE_10:
        found.append(_restarts(threat))
    if norm == "Linf":
        distortion, rate = TABLE_3.get(threat, (None, None))
        about = "Mean L2 distortion of unconstrained false positives at 0.95 TPR (table 3, appendix B)."
        found.append(DistortionEvaluation(name="table-3", about=about, count=500, paper=distortion, paper_rate=rate))
    if threat == ("Linf", 0.3):
        found += [_figure_2(), _figure_7(), _figure_8()]
    found += [RealImagesEvaluation(), HonestEvaluation()]
    return {recipe.name: recipe for recipe in found}


def all_detectors(norm: Norm, eps: float) -> str:
    """The name of the recipe that measures all ten detectors under the paper's attack."""
    return ALL_DETECTORS.get((norm, eps), "detectors")


def papers_attack(norm: Norm, eps: float, steps: int = 200) -> AttackSpec:
    """Tables 2, 11 and 12: Adam, 200 steps of 0.01 (L2: of 0.1), from the image itself."""
    return AttackSpec(norm=norm, eps=eps, step_size=_step(norm), steps=steps)


def _step(norm: Norm) -> float:
    return 0.01 if norm == "Linf" else 0.1


def _all_detectors(threat: Threat) -> DetectorEvaluation:
    name, attack = all_detectors(*threat), papers_attack(*threat)
    words = f"{attack.optimizer.capitalize()} {attack.steps} x {attack.step_size:g}"
    where = f" ({name.replace('-', ' ')})" if threat in TABLES_11_AND_12 else ""
    paper = {words: TABLES_11_AND_12[threat]} if threat in TABLES_11_AND_12 else {}
    about = f"AUC of the base detectors under the paper's attack{where}."
    return DetectorEvaluation(name=name, about=about, attacks={words: attack}, count=2000, paper=paper)


def _worst_case(norm: Norm, eps: float) -> DetectorEvaluation:
    adam, large, small = (0.02, 0.02, 0.01) if norm == "Linf" else (0.1, 0.4 * eps, 0.8 * eps)
    # in a larger ball than 0.3 a random start is a weak one: the first run begins at the image itself
    hard: dict[str, Any] = {"norm": norm, "eps": eps, "random_start": eps == 0.3, "restarts": 3, "keep": "best"}
    attacks = {
        f"Adam 100 x {adam:g}": AttackSpec(step_size=adam, steps=100, **hard),
        f"momentum 100 x {large:.2g}": AttackSpec(step_size=large, steps=100, optimizer="momentum", **hard),
        f"{'sign' if norm == 'Linf' else 'steepest'} 200 x {small:.2g}": AttackSpec(
            step_size=small, steps=200, optimizer="steepest", **hard
        ),
    }
    about = "AUC of the base detectors under the worst of three optimizers with restarts, best iterate of each image."
    return DetectorEvaluation(name="worst-case", about=about, attacks=attacks, count=300)


def _curves(norm: Norm, eps: float) -> SystemEvaluation:
    hundred = _hundred(norm, eps)
    return SystemEvaluation(
        name="curves",
        about="Accuracy and error at every threshold (figure 2), with the robust classifier beside.",
        scenarios={
            "generative": Scenario(victim="generative", loss="detectors_max", attack=hundred),
            "integrated": Scenario(victim="integrated", loss="combined", attack=hundred),
            "robust": Scenario(victim="robust", loss="classifier_margin", attack=hundred),
        },
        count=1000,
    )


def _hundred(norm: Norm, eps: float) -> AttackSpec:
    """Figure 2: Adam, 100 steps of 0.01."""
    return AttackSpec(norm=norm, eps=eps, step_size=_step(norm), steps=100, keep="best")


def _strengths(
    threat: Threat, name: str, optimizer: Any, numbers: Mapping[Threat, tuple[tuple[float, ...], ...]]
) -> DetectorEvaluation:
    norm, eps = threat
    attacks = {
        f"{steps:,} x {step:g}": AttackSpec(norm=norm, eps=eps, steps=steps, step_size=step, optimizer=optimizer)
        for steps, step in ((200, _step(norm)), (2000, _step(norm) / 2))
    }
    paper = dict(zip(attacks, numbers[threat], strict=True)) if threat in numbers else {}
    how = "Adam" if optimizer == "adam" else "normalized steepest descent"
    about = f"AUC of the first two detectors under {how}, with more and more steps ({name.replace('-', ' ')})."
    return DetectorEvaluation(name=name, about=about, attacks=attacks, count=1000, detectors=(0, 1), paper=paper)


def _cross(threat: Threat) -> DetectorEvaluation:
    attacks = {f"{norm} {eps:g}": papers_attack(norm, eps) for norm, eps in THREATS}
    paper = dict(zip(attacks, TABLE_9[threat], strict=True)) if threat in TABLE_9 else {}
    about = "AUC of the first two detectors in balls that they were not trained for (table 9)."
    return DetectorEvaluation(name="table-9", about=about, attacks=attacks, count=1000, detectors=(0, 1), paper=paper)


def _restarts(threat: Threat) -> DetectorEvaluation:
    norm, eps = threat
    settings: dict[str, Any] = {"norm": norm, "eps": eps, "step_size": _step(norm), "steps": 200}
    attacks = {
        "fixed start": AttackSpec(**settings),
        "50 random restarts": AttackSpec(**settings, random_start=True, restarts=50),
    }
    paper = {name: (value,) for name, value in zip(attacks, TABLE_10[threat], strict=True)}
    about = "AUC of the first detector from a fixed start, and with 50 random restarts (table 10)."
    return DetectorEvaluation(name="table-10", about=about, attacks=attacks, count=200, detectors=(0,), paper=paper)


def _figure_2() -> SystemEvaluation:
    trained, stronger = _hundred("Linf", 0.3), _hundred("Linf", 0.4)
    scenarios = {
        "integrated, classifier alone": Scenario(victim="integrated", loss="classifier_margin", attack=trained),
        "integrated, detectors alone": Scenario(victim="integrated", loss="detectors_max", attack=trained),
        "integrated, surrogate": Scenario(victim="integrated", loss="combined_surrogate", attack=trained),
        "integrated, combined": Scenario(victim="integrated", loss="combined", attack=trained),
        "generative, detectors": Scenario(victim="generative", loss="detectors_max", attack=trained),
        "robust": Scenario(victim="robust", loss="classifier_margin", attack=trained),
        "integrated, combined, eps 0.4": Scenario(victim="integrated", loss="combined", attack=stronger),
        "generative, detectors, eps 0.4": Scenario(victim="generative", loss="detectors_max", attack=stronger),
        "robust, eps 0.4": Scenario(victim="robust", loss="classifier_margin", attack=stronger),
    }
    about = "Detection and classification under every attack scenario, at the trained eps and a larger one (figure 2)."
    return SystemEvaluation(name="figure-2", about=about, scenarios=scenarios, count=1000)


def _figure_7() -> SystemEvaluation:
    losses: tuple[Any, ...] = ("detectors_max", "cross_entropy", "cw")
    scenarios = {loss: Scenario(victim="generative", loss=loss, attack=_hundred("Linf", 0.3)) for loss in losses}
    about = "Generative detection and classification under attacks with other losses (figure 7)."
    return SystemEvaluation(name="figure-7", about=about, scenarios=scenarios, count=1000)


def _figure_8() -> SystemEvaluation:
    victims: tuple[Any, ...] = ("generative", "robust")
    attack = AttackSpec(eps=0.4, step_size=0.01, steps=100)
    scenarios = {name: Scenario(victim=name, loss="target_logit", attack=attack, target=1) for name in victims}
    about = "The logit of class 1 on its natural images and on others that were pushed towards it (figures 3 and 8)."
    return SystemEvaluation(name="figure-8", about=about, scenarios=scenarios, count=500)
