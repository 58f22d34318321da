"""Victims side by side, each under several attacks: for every image the worst of them counts."""

import math
from typing import Any

import torch
from torch import Tensor

from aatviz.attacks.victims import Victim
from aatviz.evaluate import systems
from aatviz.evaluate.images import Parts, evenly
from aatviz.evaluate.kind import Kind
from aatviz.metrics import share
from aatviz.recipes.evaluation import SideBySideEvaluation
from aatviz.store.systems import System
from aatviz.thresholds.choose import accepting_scores


def summary(system: System, recipe: SideBySideEvaluation, parts: Parts) -> dict[str, Any]:
    """For each victim, without rejection and at the T chosen on held-out natural images: accuracy on all natural test
    images, and the share of the attacked images that is misclassified and accepted, under the worst attack for each image
    and under each attack alone. The natural image counts as one of the attacks, since it lies in its own ball.
    """
    found = {part: {name: torch.from_numpy(array) for name, array in scores.items()} for part, scores in parts.items()}
    natural, held_out = found[systems.NATURAL], found[systems.HELD_OUT]
    victims: dict[str, Any] = {}
    for name in dict.fromkeys(scenario.victim for scenario in recipe.scenarios.values()):
        victim = Victim(name=name, system=system)
        attacked = {key: found[key] for key, scenario in recipe.scenarios.items() if scenario.victim == name}
        label, score = systems.decide(victim, natural)
        right = label == natural["y"]
        fooled = {key: _fooled(victim, logits) for key, logits in attacked.items()}
        unmoved = evenly(score.where(~right, -torch.inf), len(next(iter(fooled.values()))))
        worst = torch.stack([unmoved, *fooled.values()]).amax(0)
        threshold = accepting_scores(systems.decide(victim, held_out)[1], recipe.clean_rejection)
        victims[name] = [
            {
                "clean_rejection": rejection,
                "threshold": None if limit == -math.inf else limit,
                "accuracy": share(right & (score >= limit))._asdict(),
                "error": share((worst >= limit) & (worst > -torch.inf))._asdict(),
                "alone": {key: share((scores >= limit) & (scores > -torch.inf))._asdict() for key, scores in fooled.items()},
            }
            for rejection, limit in ((0.0, -math.inf), (recipe.clean_rejection, threshold))
        ]
    return {"victims": victims}


def _fooled(victim: Victim, logits: dict[str, Tensor]) -> Tensor:
    """The score (N,) with which each image is misclassified; minus infinity where it is not."""
    if not all(values.isfinite().all() for values in logits.values()):
        raise ValueError("Stored logits are not finite; numbers made of them would be worthless. Measure them again.")
    label, score = systems.decide(victim, logits)
    return score.where(label != logits["y"], -torch.inf)


KIND = Kind(
    name="side by side",
    recipe=SideBySideEvaluation,
    chunk=systems.KIND.chunk,
    needs=systems.KIND.needs,
    parts=systems.parts,  # the scenarios are computed as those of a system are; what is made of the logits differs
    passes=systems.passes,
    compute=systems.compute,
    summary=summary,
)
