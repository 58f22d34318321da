"""The paper's table 6 on Restricted ImageNet, the same attacks in smaller balls, and what each stage of the chain brings.

The paper measures one dog detector, a ResNet-50 at 224 x 224. The tiny data set has six of the nine categories at 64 x 64;
the paper's numbers stand beside its own as well, and the report says first what they are of. Every test image counts, by its
label.
"""

from dataclasses import dataclass

from aatviz.attacks.geometry import Norm
from aatviz.data.restricted import NAMES
from aatviz.data.restricted_imagenet import NAME as LARGE
from aatviz.data.restricted_tiny_imagenet import CLASSES
from aatviz.data.restricted_tiny_imagenet import NAME as TINY
from aatviz.recipes.evaluation import DetectorEvaluation, Evaluation, RobustLogitsEvaluation, StagesEvaluation
from aatviz.recipes.hard_attacks import rounded, scaled
from aatviz.recipes.published import published
from aatviz.recipes.spec import AttackSpec

EPS = 0.02
CHAIN = {0.005: 10, 0.01: 20, EPS: 40}
"""The chain of eps, with the steps of 0.001 by which the paper trains for each."""
STRENGTHS = ((40, 0.001), (100, 0.001), (200, 0.001), (40, 0.002), (200, 0.002), (200, 0.0005))
"""Steps and step size of table 6."""


@dataclass(frozen=True, kw_only=True)
class RestrictedTables:
    """The evaluations of one of the two data sets."""

    dataset: str
    dog: int
    """The class of the detector."""
    stages: tuple[str, ...]
    """Weight files, without the suffix: of the classifiers to compare with, then of the chain's stages."""

    def papers_attack(self, norm: Norm, eps: float, steps: int | None = None) -> AttackSpec:
        """Sign steps of 0.001 from the image itself, twice as long as eps. In a ball that the paper does not have, forty
        steps of a twentieth of eps."""
        known = norm == "Linf" and eps in CHAIN
        size = 0.001 if known else rounded(eps / 20)
        return _signs(norm, eps, steps or (CHAIN[eps] if known else 40), size)

    def worst(self, norm: Norm, eps: float) -> dict[str, AttackSpec]:
        """The attacks of the worst case: three optimizers with restarts."""
        return scaled(norm, eps)

    def tables(self, norm: Norm, eps: float) -> list[Evaluation]:
        """Table 6 in three balls, the chain, and the robust classifier's own logit; nothing for another ball."""
        if (norm, eps) != ("Linf", EPS):
            return []
        return [*(self._table_6(one) for one in sorted(CHAIN, reverse=True)), self._chain(), self._free_baseline()]

    def _table_6(self, eps: float) -> DetectorEvaluation:
        name = "table-6" if eps == EPS else f"table-6-{eps:g}"
        attacks = {f"{steps} x {size:g}": _signs("Linf", eps, steps, size) for steps, size in STRENGTHS}
        numbers = published(self.dataset, "Linf", EPS).tables["table-6"] if eps == EPS else ()
        return DetectorEvaluation(
            name=name,
            about=f"AUC of the dog detector under six strengths of sign steps, L-inf eps {eps:g} (table 6).",
            attacks=attacks,
            count=1000,
            detectors=(self.dog,),
            paper=dict(zip(attacks, numbers, strict=True)) if numbers else {},
        )

    def _chain(self) -> StagesEvaluation:
        return StagesEvaluation(
            name="chain",
            about="AUC of the dog detector after each stage of its training, in the balls of all stages.",
            attacks={f"eps {eps:g}": _signs("Linf", eps, 40, rounded(eps / 16)) for eps in CHAIN},
            count=1000,
            detectors=(self.dog,),
            stages=self.stages,
        )

    def _free_baseline(self) -> RobustLogitsEvaluation:
        return RobustLogitsEvaluation(
            name="robust-logits",
            about="AUC of the robust classifier's own dog logit, taken for a detector: robustness without any AAT.",
            attacks={f"eps {eps:g}": self.papers_attack("Linf", eps) for eps in CHAIN},
            count=1000,
            detectors=(self.dog,),
        )


def _signs(norm: Norm, eps: float, steps: int, step_size: float) -> AttackSpec:
    return AttackSpec(norm=norm, eps=eps, steps=steps, step_size=step_size, optimizer="steepest")


def _stages(dog: int, *classifiers: str) -> tuple[str, ...]:
    return (*classifiers, "stage/first", "stage/second", f"detector-{dog}")


BOTH = (
    RestrictedTables(dataset=LARGE, dog=NAMES.index("dog"), stages=_stages(NAMES.index("dog"), "classifier")),
    RestrictedTables(dataset=TINY, dog=CLASSES.index("dog"), stages=_stages(CLASSES.index("dog"), "classifier", "robust")),
)
