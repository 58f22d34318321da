"""The free baseline: the robust classifier's logits are used as detectors, under the same attack as the detectors."""

from torch import Tensor

from aatviz.evaluate.detectors import parts, passes, scores, summary
from aatviz.evaluate.images import Arrays
from aatviz.evaluate.kind import Kind, Part
from aatviz.recipes.evaluation import RobustLogitsEvaluation
from aatviz.store.systems import System


def compute(system: System, recipe: RobustLogitsEvaluation, part: Part, rows: slice, bf16: bool) -> Arrays:
    """As for a detector: the attack raises the robust classifier's logit of class k, and that logit is the score."""
    robust = system.robust_classifier

    def logit(images: Tensor, k: int) -> Tensor:
        found: Tensor = robust(images)[:, k]
        return found

    return scores(system, recipe, part, rows, bf16, logit, (robust, "target_logit"))


KIND = Kind(
    name="robust-logits",
    recipe=RobustLogitsEvaluation,
    chunk=250,
    needs=("robust_classifier",),
    parts=parts,
    passes=passes,
    compute=compute,
    summary=summary,
)
