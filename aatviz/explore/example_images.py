"""A few bundled images with their attacked versions and logits: they show what a moving threshold accepts and rejects."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from aatviz.attacks import objective, pgd
from aatviz.data import load_data
from aatviz.explore.stored_run import Arrays, load_run, of_weights, store_run
from aatviz.models.decisions import VictimName
from aatviz.recipes.evaluation import SystemEvaluation
from aatviz.recipes.paper import evaluations_of
from aatviz.store.results import recipe_hash
from aatviz.store.systems import System
from aatviz.thresholds.curves import JUDGES, RECIPE, Decided, decide

FILE = "examples"
"""The name of the stored examples' file."""
PER_CLASS = 2
"""How many images of each class: the first ones in the bundled sample, which is shuffled. None is hand-picked."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """N natural images and the same ones attacked against each classifier with a reject option."""

    index: Tensor
    """Their places in the bundled sample (N,)."""
    y: Tensor
    """Their classes (N,)."""
    images: dict[str, Tensor]
    """By "natural" or by the victim of the attack: (N,C,H,W) as bytes, rounded for display. The logits are those of the
    images before rounding."""
    decided: dict[str, dict[str, Decided]]
    """By classifier, then by "natural" or "perturbed": its decisions on the images, as in
    `decided["generative"]["natural"]`."""


def build_examples(system: System) -> Path:
    """Attack the examples by the scenarios of the curves recipe, write `results/examples.npz` and return that file."""
    recipe = evaluations_of(system.card)[RECIPE]
    assert isinstance(recipe, SystemEvaluation)
    sample, labels = load_data(system.card.dataset, split="sample")
    index = torch.cat([(labels == k).nonzero().flatten()[:PER_CLASS] for k in range(system.card.classes)])
    x, y = sample[index].to(system.device), labels[index]
    arrays = {"index": index.numpy(), "y": y.numpy()}
    parts = {"natural": x}
    for victim in JUDGES:
        scenario = recipe.scenarios[victim]
        parts[victim] = pgd(objective(scenario.loss, system, y=y), x, **dataclasses.asdict(scenario.attack), seed=0)
    for part, images in parts.items():
        with torch.no_grad():
            arrays[f"{part}.z_f"] = system.classifier(images).cpu().numpy()
            arrays[f"{part}.z_h"] = system.detectors(images).cpu().numpy()
        arrays[f"{part}.images"] = (images * 255).round().byte().cpu().numpy()
    return store_run(system, FILE, arrays, _made_with(system))


def load_examples(system: System) -> Examples | None:
    """The stored examples, if they were made with these very weights and today's recipe; else None.

    ValueError where the file is damaged.
    """
    return load_run(system, FILE, lambda arrays: _from_arrays(system, arrays), lambda: _made_with(system))


def _made_with(system: System) -> dict[str, str]:
    return of_weights(system) | {"recipe_hash": recipe_hash(evaluations_of(system.card)[RECIPE])}


def _from_arrays(system: System, stored: Arrays) -> Examples:
    arrays = {name: torch.from_numpy(array) for name, array in stored.items()}

    def shown(name: str) -> Tensor:
        images = arrays[f"{name}.images"]
        return images.unsqueeze(1) if images.dim() == 3 else images  # old files hold images without a channel

    def part(name: str, victim: VictimName) -> Decided:
        return decide(victim, system.generative, arrays[f"{name}.z_f"], arrays[f"{name}.z_h"], arrays["y"])

    return Examples(
        index=arrays["index"],
        y=arrays["y"],
        images={name: shown(name) for name in ("natural", *JUDGES)},
        decided={victim: {"natural": part("natural", victim), "perturbed": part(victim, victim)} for victim in JUDGES},
    )
