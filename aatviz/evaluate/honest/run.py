"""The honest protocol on one system: all its attacks, the sweeps, the attack unit test, and the verdict."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aatviz.attacks import apgd, pgd, square
from aatviz.attacks.unit_test import attack_unit_test, planted_bank
from aatviz.attacks.victims import OWN_LOSS, WITH_REJECT, Victim
from aatviz.data import dataset, open_split
from aatviz.evaluate.honest import sweeps
from aatviz.evaluate.honest.protocol import NEEDS, attacks, budget, depends, fooled_scores, transfer_source
from aatviz.evaluate.honest.verdict import errors, masking_checks, sweep_errors
from aatviz.evaluate.images import Arrays, Parts, outputs, stored_scores, test_images, test_split
from aatviz.evaluate.kind import Kind, Part
from aatviz.metrics import share
from aatviz.models.decisions import MODELS_OF, VictimName
from aatviz.recipes.evaluation import HonestEvaluation
from aatviz.store.systems import System
from aatviz.thresholds.choose import accepting_scores

NATURAL, PLANTED = "natural", "attack unit test"
ACCEPTED = float(torch.finfo(torch.float32).min)
"""The T that rejects nothing. Not minus infinity, which is the score of images that are not misclassified."""
COST = 0.05
"""The points of accuracy on natural images that Tramer et al. (2020) let a reject option cost."""


@dataclass(frozen=True, kw_only=True)
class On:
    """The subject of a part: a victim, with an attack, a sweep, or, with neither, natural images."""

    victim: VictimName
    attack: str | None = None
    sweep: str | None = None

    @property
    def name(self) -> str:
        """ "generative/APGD", "robust/sweep eps", "generative/natural" and so on."""
        return f"{self.victim}/{self.attack or (f'sweep {self.sweep}' if self.sweep else NATURAL)}"


def parts(system: System, recipe: HonestEvaluation) -> list[Part]:
    """For each victim: natural images, every attack and every sweep. Also the attack unit test, where the bank allows it."""
    count, swept = (min(asked, len(test_split(system))) for asked in (recipe.count, recipe.sweep_count))
    found: list[Part] = []
    for victim in WITH_REJECT:
        about = [(On(victim=victim), 0)]
        about += [(On(victim=victim, attack=attack), count) for attack in _attacks(system, victim, recipe)]
        about += [(On(victim=victim, sweep=sweep), swept) for sweep in sweeps.SWEEPS]
        found += [Part(name=on.name, count=images, of=on) for on, images in about]
    return found + ([Part(name=PLANTED, count=0)] if _plantable(system, recipe) else [])


def passes(system: System, recipe: HonestEvaluation, part: Part) -> float:
    """The calls of the attack on one image, times the networks that a call runs."""
    on: On | None = part.of
    if on is None or not (on.attack or on.sweep):
        return 0.0
    each = sum(len(system.detectors.networks) if model == "h" else 1 for model in MODELS_OF[on.victim])
    if on.attack:
        calls: int = _attacks(system, on.victim, recipe)[on.attack].calls
        return calls * each
    spent = budget(system, recipe)
    chain = sweeps.settings(recipe, on.sweep or "", spent.norm, spent.eps, math.prod(test_split(system).shape))
    steps = [setting["steps"] for setting in chain]
    runs = recipe.sweep_restarts if on.sweep == "eps" else 1
    return (max(steps) if on.sweep == "steps" else runs * sum(steps)) * each


def compute(system: System, recipe: HonestEvaluation, part: Part, rows: slice, bf16: bool) -> Arrays:
    """The scores (N,), or (N,L) along a sweep, with which images are misclassified in ball and box; minus infinity for the
    others. For natural images and the attack unit test, see `on_natural_images` and `_planted`."""
    on: On | None = part.of
    if on is None:
        return _planted(system, recipe)
    victim = Victim(name=on.victim, system=system)
    spent = budget(system, recipe)
    if on.attack:
        x, y = test_images(system, recipe.count, rows)
        attack = attacks(victim, spent, transfer_source(system), bf16)[on.attack]
        return {"scores": fooled_scores(victim, x, attack.run(x, y, rows.start), y, spent).cpu().numpy()}
    if on.sweep:
        x, y = test_images(system, recipe.sweep_count, rows)
        scores = sweeps.run(victim, recipe, on.sweep, x, y, spent.norm, spent.eps, bf16, seed=rows.start)
        return {"scores": scores.T.cpu().numpy()}
    return on_natural_images(victim, system, recipe.held_out)


def summary(system: System, recipe: HonestEvaluation, parts: Parts) -> dict[str, Any]:
    """For each victim and each share of rejected clean images: T, accuracy, the error of each attack, sweeps and checks."""
    result: dict[str, Any] = {"victims": {}, "transfer_from": None}
    spent, dimensions = budget(system, recipe), math.prod(dataset(system.card.dataset).shape)
    chains = {sweep: sweeps.settings(recipe, sweep, spent.norm, spent.eps, dimensions) for sweep in sweeps.SWEEPS}
    own = {"eps": spent.eps, "step_size": spent.step_size, "steps": spent.steps}
    used = {sweep: sweeps.nearest(chain, sweep, own[sweep]) for sweep, chain in chains.items()}
    nearly = [sweep for sweep, chain in chains.items() if not sweeps.holds(chain, sweep, own[sweep])]
    if source := transfer_source(system):
        result["transfer_from"] = source.name
    for name in WITH_REJECT:
        tried = {attack: On(victim=name, attack=attack).name for attack in _attacks(system, name, recipe)}
        moved = {sweep: On(victim=name, sweep=sweep).name for sweep in sweeps.SWEEPS}
        scores = {attack: stored_scores(parts[part])["scores"] for attack, part in tried.items()}
        swept = {sweep: stored_scores(parts[part])["scores"].T for sweep, part in moved.items()}
        natural = stored_scores(parts[On(victim=name).name])
        rows = [_row(rejection, natural, scores, swept, used, nearly) for rejection in (0.0, *recipe.rejections)]
        result["victims"][name] = {"own": OWN_LOSS[name], "at": rows, "at_cost": _at_cost(natural, scores)}
    result["settings"] = chains
    if PLANTED in parts:
        names, solved = parts[PLANTED]["names"].tolist(), torch.from_numpy(parts[PLANTED]["found"])
        result["planted"] = {name: share(row)._asdict() for name, row in zip(names, solved, strict=True)}
    return result


def _row(
    rejection: float,
    natural: dict[str, Tensor],
    scores: dict[str, Tensor],
    swept: dict[str, Tensor],
    used: dict[str, int],
    nearly: list[str],
) -> dict[str, Any]:
    """All numbers at the threshold that rejects this share of the held-out clean images."""
    threshold = accepting_scores(natural["held_out"], rejection) if rejection else -math.inf
    limit = threshold if rejection else ACCEPTED
    return {
        "clean_rejection": rejection,
        "threshold": threshold if rejection else None,
        "rejected": share(natural["score"] < limit)._asdict(),
        "accuracy": share(natural["right"] & (natural["score"] >= limit))._asdict(),
        "error": {key: value._asdict() for key, value in errors(scores, limit).items()},
        "sweeps": {sweep: [value._asdict() for value in sweep_errors(swept[sweep], limit)] for sweep in swept},
        "checks": masking_checks(scores, swept, used, limit, nearly),
    }


def _at_cost(natural: dict[str, Tensor], scores: dict[str, Tensor]) -> dict[str, Any]:
    """Accuracy and errors at the highest T that costs at most `COST` of the accuracy on natural test images."""
    right, n = natural["score"][natural["right"]].sort().values, len(natural["right"])
    limit = float(right[min(math.floor(COST * n + 1e-9), len(right) - 1)]) if len(right) else ACCEPTED
    accuracy = share(natural["right"] & (natural["score"] >= limit))._asdict()
    error = {key: value._asdict() for key, value in errors(scores, limit).items()}
    return {"cost": COST, "threshold": limit, "accuracy": accuracy, "error": error}


def _attacks(system: System, name: Any, recipe: HonestEvaluation) -> dict[str, Any]:
    return attacks(Victim(name=name, system=system), budget(system, recipe), transfer_source(system))


def on_natural_images(victim: Victim, system: System, split: str) -> Arrays:
    """On all natural test images the score, and whether the decision is right; and the scores of the held-out images, from
    which thresholds come: "score", "right", "held_out"."""
    test = test_split(system)
    judged = [victim.judge(x.to(system.device)) for x, _ in test.batches()]
    label, score = (torch.cat(values).cpu() for values in zip(*judged, strict=True))
    held_out = outputs(lambda x: victim.judge(x)[1], open_split(system.card.dataset, split), device=system.device)
    return {"score": score.numpy(), "right": (label == test.labels).numpy(), "held_out": held_out}


def _plantable(system: System, recipe: HonestEvaluation) -> bool:
    """Whether the attack unit test is possible: in a shared bank whose last layer has more features than inner points."""
    head = getattr(system.detectors.networks[0], "out", None)
    return system.detectors.shared and isinstance(head, nn.Linear) and head.in_features > recipe.planted_inner


def _planted(system: System, recipe: HonestEvaluation) -> Arrays:
    """The names of the A kinds of attack, and which planted examples each finds on N test images, bool (A,N)."""
    spent = budget(system, recipe)
    x, _ = test_images(system, recipe.planted_count, slice(None))
    test = planted_bank(system.detectors, x, norm=spent.norm, eps=spent.eps, inner=recipe.planted_inner)
    small = spent.eps / 30  # Adam's step size, in either norm
    steepest = "PGD, sign steps" if spent.norm == "Linf" else "PGD, steepest"
    tried: dict[str, Any] = {
        "PGD, Adam": partial(pgd, optimizer="adam", step_size=small, steps=spent.steps),
        "PGD, momentum": partial(pgd, optimizer="momentum", step_size=spent.step_size, steps=spent.steps),
        steepest: partial(pgd, optimizer="steepest", step_size=spent.step_size, steps=spent.steps),
        "APGD": partial(apgd, steps=spent.steps, random_start=False),
        "Square": lambda goal, x, **ball: square(lambda x_adv: -test.logit(x_adv), x, **ball, queries=recipe.queries),
    }
    found = attack_unit_test(test, tried)
    return {"names": np.array(list(found)), "found": torch.stack(list(found.values())).cpu().numpy()}


KIND = Kind(
    name="honest",
    recipe=HonestEvaluation,
    chunk=50,
    needs=NEEDS,
    parts=parts,
    passes=passes,
    compute=compute,
    summary=summary,
    depends=depends,
)
