"""The paper's tables 4, 5 and 13 to 18 and its figures 4 and 9, on CIFAR-10. As in the paper, attacks take sign steps (in L2
steps along the gradient).

The paper's detectors are ten networks of 6,660 million multiply-adds each; the bank shipped here is one network of 45
million with ten logits. The paper's images are the originals; those measured here may be a copy with loss (the card says
which). The paper leaves out test images that its classifier gets wrong (D_k^f); here every test image counts, by its label.
"""

from dataclasses import replace

from aatviz.attacks.geometry import Norm
from aatviz.data.spec import number
from aatviz.recipes.evaluation import (
    DetectorEvaluation,
    DistortionEvaluation,
    Evaluation,
    RobustLogitsEvaluation,
)
from aatviz.recipes.hard_attacks import rounded, scaled
from aatviz.recipes.published import published
from aatviz.recipes.scenarios import every_loss, every_scenario
from aatviz.recipes.spec import AttackSpec

DATASET = "cifar10"
LINF_8, LINF_2, L2_80 = 8 / 255, 2 / 255, 80 / 255
USUAL: dict[tuple[Norm, float], tuple[int, str]] = {
    ("Linf", LINF_8): (40, "0.5/255"),
    ("Linf", LINF_2): (10, "0.5/255"),
    ("L2", L2_80): (20, "10/255"),
}
"""Steps and step size of the attack with which the detectors of each ball are trained and tested."""
Strength = tuple[int, str]
"""Steps and step size."""


def papers_attack(norm: Norm, eps: float, steps: int | None = None) -> AttackSpec:
    """Tables 4 and 13 to 17: sign steps (L2: steps along the gradient) from the image itself. In a ball that the paper does
    not have, forty steps of a sixteenth of eps, as at 8/255."""
    usual, step_size = USUAL.get((norm, eps), (40, ""))
    return AttackSpec(
        norm=norm,
        eps=eps,
        steps=steps or usual,
        step_size=number(step_size) if step_size else rounded(eps / 16),
        optimizer="steepest",
    )


def worst(norm: Norm, eps: float) -> dict[str, AttackSpec]:
    """The attacks of the worst case: three optimizers with three runs each, of which the paper's takes large steps, and one
    run of the paper's with small steps."""
    small, large = (f"steepest {steps} x {255 * step:.3g}/255" for steps, step in ((200, eps / 80), (100, eps / 4)))
    found = {words: spec for words, spec in scaled(norm, eps).items() if spec.optimizer != "steepest"}
    return found | {
        small: _best(norm, eps, eps / 80, 200),
        large: replace(_best(norm, eps, eps / 4, 100), restarts=3),
    }


def tables(norm: Norm, eps: float) -> list[Evaluation]:
    """The evaluations that make sense for this ball, with the paper's numbers where it has some."""
    found: list[Evaluation] = []
    if (norm, eps) == ("Linf", LINF_8):
        trained, stronger = _twenty(LINF_8, 20), _twenty(12 / 255, 30)
        found += [_free_baseline(), _table_4(), _table_13(norm, eps), _table_14(), *_table_5()]
        found += [every_scenario(4, trained, stronger, "12/255"), every_loss(9, trained)]
    elif (norm, eps) == ("Linf", LINF_2):
        found += [_table_13(norm, eps), _table_18()]
    elif (norm, eps) == ("L2", L2_80):
        found.append(_table_15())
    return found


def _best(norm: Norm, eps: float, step_size: float, steps: int) -> AttackSpec:
    return AttackSpec(norm=norm, eps=eps, step_size=step_size, steps=steps, optimizer="steepest", keep="best")


def _strengths(
    name: str, about: str, norm: Norm, eps: float, strengths: tuple[Strength, ...], detectors: tuple[int, ...] = (0, 1)
) -> DetectorEvaluation:
    attacks = {
        f"{steps} x {step}": AttackSpec(norm=norm, eps=eps, steps=steps, step_size=number(step), optimizer="steepest")
        for steps, step in strengths
    }
    return _table(name, about, norm, eps, attacks, detectors)


def _table(
    name: str, about: str, norm: Norm, eps: float, attacks: dict[str, AttackSpec], detectors: tuple[int, ...]
) -> DetectorEvaluation:
    numbers = published(DATASET, norm, eps).tables.get(name, ())
    paper = dict(zip(attacks, numbers, strict=True)) if numbers else {}
    return DetectorEvaluation(name=name, about=about, attacks=attacks, count=1000, detectors=detectors, paper=paper)


def _table_4() -> DetectorEvaluation:
    about = "AUC of the first two detectors under sign steps, more and more of them (table 4)."
    strengths = ((20, "2/255"), (40, "0.5/255"), (200, "0.1/255"), (200, "0.5/255"), (500, "0.5/255"))
    return _strengths("table-4", about, "Linf", LINF_8, strengths)


def _table_13(norm: Norm, eps: float) -> DetectorEvaluation:
    usual = papers_attack(norm, eps)
    starts = {"fixed start": usual, "10 random starts": replace(usual, random_start=True, restarts=10)}
    about = "AUC of the first detector from a fixed start, and with random ones (table 13)."
    return _table("table-13", about, norm, eps, starts, (0,))


def _table_14() -> DetectorEvaluation:
    attacks = {
        "L2 80/255, 20 x 10/255": papers_attack("L2", L2_80),
        "Linf 2/255, 10 x 0.5/255": papers_attack("Linf", LINF_2),
    }
    about = "AUC of the first detector in balls that it was not trained for (table 14)."
    return _table("table-14", about, "Linf", LINF_8, attacks, (0,))


def _table_15() -> DetectorEvaluation:
    about = "AUC of the first two detectors under steps along the gradient, of length 10/255 and 5/255 (table 15)."
    return _strengths("table-15", about, "L2", L2_80, ((20, "10/255"), (50, "5/255")))


def _table_18() -> DetectorEvaluation:
    about = "AUC of the first detector under the attack of its training, and under one of smaller steps (table 18)."
    return _strengths("table-18", about, "Linf", LINF_2, ((10, "0.5/255"), (40, "0.1/255")), (0,))


def _free_baseline() -> RobustLogitsEvaluation:
    return RobustLogitsEvaluation(
        name="robust-logits",
        about="AUC of the robust classifier's own logits, taken for detectors: what robustness gives without any AAT.",
        attacks={"40 x 0.5/255": papers_attack("Linf", LINF_8)},
        count=1000,
        detectors=tuple(range(10)),
    )


def _table_5() -> tuple[DistortionEvaluation, ...]:
    """Table 5 in three ways, since the paper's table 7 and the authors' code differ. c weighs squared distances of pixels
    from 0 to 255 there, so that its bound of 1 is 255^2 here."""
    distortion, rate = published(DATASET, "Linf", LINF_8).distortion or (None, None)
    about = "Mean L2 distortion of unconstrained false positives at 0.95 TPR (table 5, appendix B)"
    search = DistortionEvaluation(
        name="table-5",
        about=f"{about}, in steps of 2.56/255: all of them lead no farther than 1.004.",
        count=500,
        most_c=255.0**2,
        steps=100,
        step_size=2.56 / 255,
        optimizer="steepest",
        paper=distortion,
        paper_rate=rate,
    )
    longer = replace(
        search, name="table-5-longer", about=f"{about}, in the steps of the authors' code, 25.6/255.", step_size=25.6 / 255
    )
    about = "The same, towards one class that is drawn at random for each image, as in the authors' code."
    return search, longer, replace(longer, name="table-5-one-target", about=about, one_target=True)


def _twenty(eps: float, steps: int) -> AttackSpec:
    """Figures 4 and 9: steps of 2/255, 20 of them within 8/255 and 30 within 12/255."""
    return _best("Linf", eps, 2 / 255, steps)
