"""Attack scenarios on whole systems; their logits are stored, and every curve is computed from them: figures 2, 4, 7 to
9."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from aatviz.attacks.victims import Victim
from aatviz.data import Split, open_split
from aatviz.evaluate.attacking import attack
from aatviz.evaluate.images import Arrays, Parts, evenly, outputs, test_split
from aatviz.evaluate.kind import Kind, Part
from aatviz.metrics import share
from aatviz.recipes.evaluation import Scenario, SystemEvaluation
from aatviz.runtime.memory import in_batches
from aatviz.store.systems import System

NATURAL, HELD_OUT = "natural", "held_out"
TRUE_POSITIVE_RATE = 0.95
"""The point of figures 2a and 7 that is reported: T accepts this share of the natural images (equation 7)."""
PASSES = {"classifier_margin": (1, 0), "combined": (1, 1), "combined_surrogate": (1, 1)}
"""Passes of the classifier and of the bank that a loss takes; all other losses take one of the bank alone."""


def parts(system: System, recipe: SystemEvaluation) -> list[Part]:
    """One part for each scenario, and two for natural images: the test set, and held-out ones."""
    images = test_split(system)
    return [
        Part(name=NATURAL, count=0, of="test"),
        Part(name=HELD_OUT, count=0, of=recipe.held_out),
        *(
            Part(name=name, count=len(_rows(images, recipe, scenario)), of=scenario)
            for name, scenario in recipe.scenarios.items()
        ),
    ]


def passes(system: System, recipe: SystemEvaluation, part: Part) -> float:
    """The passes of the attack's steps, where a pass of a separate bank counts once for each of its networks."""
    scenario = part.of
    if not isinstance(scenario, Scenario):
        return 0.0
    classifier, bank = (1, 0) if scenario.victim == "robust" else PASSES.get(scenario.loss, (0, 1))
    return scenario.attack.steps * scenario.attack.restarts * (classifier + bank * len(system.detectors.networks))


def compute(system: System, recipe: SystemEvaluation, part: Part, rows: slice, bf16: bool) -> Arrays:
    """Labels "y" (N,), and the logits (N,K) of f, "z_f", the bank, "z_h", and the robust classifier, "z_r"."""
    scenario = part.of
    if not isinstance(scenario, Scenario):
        images = open_split(system.card.dataset, scenario)
        natural = {name: outputs(model, images, device=system.device) for name, model in _models(system).items()}
        return {"y": images.labels.numpy()} | natural
    images = test_split(system)
    chosen = _rows(images, recipe, scenario)[rows]
    x, y = images.images(chosen).to(system.device), images.labels[chosen]
    victim = system.robust_classifier if scenario.victim == "robust" else system
    aimed: dict[str, Any] = {"y": y} if scenario.target is None else {"target": scenario.target}
    best, last = attack(victim, scenario.loss, scenario.attack, x, **aimed, bf16=bf16, seed=rows.start)
    return {"y": y.numpy()} | _all_logits(system, best if scenario.attack.keep == "best" else last)


def summary(system: System, recipe: SystemEvaluation, parts: Parts) -> dict[str, Any]:
    """Accuracy on natural images; error under each scenario without rejection, and at 0.95 TPR."""
    found = {part: {name: torch.from_numpy(array) for name, array in scores.items()} for part, scores in parts.items()}
    natural = found[NATURAL]
    labels = {
        "generative": system.generative.decide(natural["z_h"])[0],
        "classifier": natural["z_f"].argmax(1),
        "robust": natural["z_r"].argmax(1),
    }
    result: dict[str, Any] = {
        "accuracy": {name: share(label == natural["y"])._asdict() for name, label in labels.items()},
        "error_without_rejection": {},
        "at_tpr": {"tpr": TRUE_POSITIVE_RATE, "threshold": {}, "error": {}},
    }
    for name, scenario in recipe.scenarios.items():
        logits = found[name]
        victim = Victim(name=scenario.victim, system=system)
        label, score = decide(victim, logits)
        wrong = label != logits["y"]
        result["error_without_rejection"][name] = share(wrong)._asdict()
        if scenario.victim == "robust":
            continue
        accepted = decide(victim, natural)[1]
        threshold = float(accepted.quantile(1 - TRUE_POSITIVE_RATE))
        result["at_tpr"]["threshold"][name] = threshold
        result["at_tpr"]["error"][name] = share(wrong & (score >= threshold))._asdict()
    return result


def decide(victim: Victim, stored: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The winning class (N,) and the score (N,) that is compared with a threshold, from stored logits."""
    return victim.decide({model: stored[f"z_{model}"] for model in victim.models})


def _rows(images: Split, recipe: SystemEvaluation, scenario: Scenario) -> Tensor:
    """The rows of the attacked images: evenly spread, without images of the target class."""
    rows = evenly(torch.arange(len(images)), recipe.count)
    return rows if scenario.target is None else rows[images.labels[rows] != scenario.target]


def _models(system: System) -> dict[str, Callable[[Tensor], Tensor]]:
    return {"z_f": system.classifier, "z_h": system.detectors, "z_r": system.robust_classifier}


@torch.no_grad()
def _all_logits(system: System, x: Tensor) -> Arrays:
    return {name: in_batches(model, x).cpu().numpy() for name, model in _models(system).items()}


KIND = Kind(
    name="system",
    recipe=SystemEvaluation,
    chunk=250,
    needs=("full_bank", "robust_classifier"),
    parts=parts,
    passes=passes,
    compute=compute,
    summary=summary,
)
