"""What the honest protocol leaves out, on a subsample: attacks that want images rejected, the strongest attack in growing
balls, many restarts, many queries.

A classifier that may reject can withstand every attack and be of no use. So the total error at alpha (Chen et al., 2023,
arXiv 2305.01139) counts an image where an attack within alpha eps gets it rejected, or one within eps misclassified and
accepted; at alpha = 0 an image that is rejected as it is. Alpha from 0 to 1 makes a curve.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aatviz.attacks import multi_targeted, pgd, square
from aatviz.attacks.victims import OWN_LOSS, WITH_REJECT, Victim
from aatviz.evaluate.honest.protocol import NEEDS, Budget, fooled_scores
from aatviz.evaluate.honest.run import NATURAL, on_natural_images
from aatviz.evaluate.honest.verdict import total_error
from aatviz.evaluate.images import Arrays, Parts, evenly, stored_scores, test_images, test_split
from aatviz.evaluate.kind import Kind, Part
from aatviz.metrics import share
from aatviz.models.decisions import MODELS_OF, VictimName
from aatviz.recipes.evaluation import ThoroughEvaluation
from aatviz.store.systems import System
from aatviz.thresholds.choose import accepting_scores

RESTARTS, QUERIES, GROWING, REJECTED = "many restarts", "many queries", "every target, growing balls", "to be rejected"
RUNS = 2
"""Runs of an attack that wants images rejected, for each of its two losses: from the image itself, and from a random
start."""


@dataclass(frozen=True, kw_only=True)
class On:
    """The subject of a part: a victim, and what is done to it."""

    victim: VictimName
    what: str

    @property
    def name(self) -> str:
        """ "generative/many restarts" and so on."""
        return f"{self.victim}/{self.what}"


def parts(system: System, recipe: ThoroughEvaluation) -> list[Part]:
    """For each victim natural images, and each of the four attacks."""
    count = min(recipe.count, len(test_split(system)))
    found = [(On(victim=victim, what=NATURAL), 0) for victim in WITH_REJECT]
    found += [
        (On(victim=victim, what=what), count) for victim in WITH_REJECT for what in (RESTARTS, QUERIES, GROWING, REJECTED)
    ]
    return [Part(name=on.name, count=images, of=on) for on, images in found]


def passes(system: System, recipe: ThoroughEvaluation, part: Part) -> float:
    """The calls of the attack on one image, times the networks that a call runs."""
    on: On = part.of
    each = sum(len(system.detectors.networks) if model == "h" else 1 for model in MODELS_OF[on.victim])
    run, targets = recipe.steps + 1, len(system.detectors.classes) - 1
    calls = {
        NATURAL: 0,
        RESTARTS: recipe.restarts * run,
        QUERIES: recipe.queries + 1,
        GROWING: len(recipe.radii) * targets * run,
        REJECTED: len(recipe.radii) * 2 * RUNS * run,
    }
    return calls[on.what] * each


def compute(system: System, recipe: ThoroughEvaluation, part: Part, rows: slice, bf16: bool) -> Arrays:
    """The scores (N,), or (N,R) along the radii, with which images are misclassified in ball and box, minus infinity for the
    others; of attacks that want images rejected, the scores of whatever is decided. For natural images, see
    `on_natural_images`."""
    on: On = part.of
    victim = Victim(name=on.victim, system=system)
    if on.what == NATURAL:
        return on_natural_images(victim, system, recipe.held_out)
    x, y = test_images(system, recipe.count, rows)
    whole = _budget(system, recipe, 1.0)
    seed, own = rows.start, OWN_LOSS[on.victim]
    if on.what == RESTARTS:
        x_adv = pgd(victim.untargeted(own, y, bf16), x, **whole.pgd(restarts=recipe.restarts, seed=seed))
        found = fooled_scores(victim, x, x_adv, y, whole)
    elif on.what == QUERIES:
        ball: dict[str, Any] = {"norm": whole.norm, "eps": whole.eps}
        x_adv = square(lambda tried: victim.rank_of(tried, y), x, **ball, queries=recipe.queries, seed=seed)
        found = fooled_scores(victim, x, x_adv, y, whole)
    else:
        along = _towards_all if on.what == GROWING else _to_be_rejected
        balls = [_budget(system, recipe, radius) for radius in recipe.radii]
        found = torch.stack([along(victim, x, y, ball, bf16, seed) for ball in balls], 1)
    return {"scores": found.cpu().numpy()}


def _budget(system: System, recipe: ThoroughEvaluation, radius: float) -> Budget:
    return Budget(norm=system.card.norm, eps=radius * system.card.eps, steps=recipe.steps)


def _towards_all(victim: Victim, x: Tensor, y: Tensor, ball: Budget, bf16: bool, seed: int) -> Tensor:
    return fooled_scores(victim, x, multi_targeted(victim, x, y, bf16=bf16, **ball.pgd(), seed=seed), y, ball)


def _to_be_rejected(victim: Victim, x: Tensor, y: Tensor, ball: Budget, bf16: bool, seed: int) -> Tensor:
    """The lowest score (N,) that was found: by lowering it, and by turning the decision."""
    tried = [pgd(victim.rejected(y, bf16, turning), x, **ball.pgd(restarts=RUNS, seed=seed)) for turning in (False, True)]
    return torch.stack([victim.judge(x_adv)[1] for x_adv in tried]).amin(0)


def summary(system: System, recipe: ThoroughEvaluation, parts: Parts) -> dict[str, Any]:
    """For each victim and each share of rejected clean images: T; the error under many restarts, many queries, and every
    target; and the total errors, along growing balls and along alpha."""
    result: dict[str, Any] = {"victims": {}, "radii": [0.0, *recipe.radii]}
    for victim in WITH_REJECT:
        found = {
            what: stored_scores(parts[On(victim=victim, what=what).name])
            for what in (NATURAL, RESTARTS, QUERIES, GROWING, REJECTED)
        }
        result["victims"][victim] = [_row(rejection, found) for rejection in recipe.rejections]
    return result


def _row(rejection: float, found: dict[str, dict[str, Tensor]]) -> dict[str, Any]:
    scores = {what: arrays["scores"] for what, arrays in found.items() if what != NATURAL}
    n = len(scores[RESTARTS])
    threshold = accepting_scores(found[NATURAL]["held_out"], rejection)
    fooled = {what: scores[what] >= threshold for what in (RESTARTS, QUERIES)}
    grown, rejected = threshold <= scores[GROWING].T, threshold > scores[REJECTED].T
    every = grown.any(0)
    inside = every | fooled[RESTARTS] | fooled[QUERIES]
    wrong = evenly(~found[NATURAL]["right"] | (found[NATURAL]["score"] < threshold), n)
    errors = {RESTARTS: fooled[RESTARTS], QUERIES: fooled[QUERIES], "every target": every, "worst of all": inside}
    return {
        "clean_rejection": rejection,
        "threshold": threshold,
        "error": {name: share(hits)._asdict() for name, hits in errors.items()},
        "growing": _curve(total_error(wrong, grown)),
        "rejected": _curve(total_error(wrong | inside, rejected)),
    }


def _curve(hits: Tensor) -> list[dict[str, Any]]:
    """The shares of the images (R+1,N), bool, at every radius, with their intervals."""
    return [share(row)._asdict() for row in hits]


KIND = Kind(
    name="thorough",
    recipe=ThoroughEvaluation,
    chunk=50,
    needs=NEEDS,
    parts=parts,
    passes=passes,
    compute=compute,
    summary=summary,
)
