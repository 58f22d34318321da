"""One detector after each stage of its training: the weights of a stage lie in the system's folder while it is made.

A shipped system has the record and not the weights of the stages. The final weights pin them down: the header of each file
holds the hash of the file that its training started from, and the record's hash covers the last one.
"""

import dataclasses
from typing import Any

import torch
from torch import nn

from aatviz.evaluate.detectors import parts as detector_parts
from aatviz.evaluate.detectors import passes, row, scores
from aatviz.evaluate.images import Arrays, Parts
from aatviz.evaluate.kind import Kind, Part
from aatviz.models.detectors import DetectorBank
from aatviz.recipes.evaluation import StagesEvaluation
from aatviz.store.systems import System
from aatviz.store.weights import build_network, load_network, read_note, start_from


def parts(system: System, recipe: StagesEvaluation) -> list[Part]:
    """One part for each stage."""
    (only,) = detector_parts(system, recipe)
    return [Part(name=stage, count=only.count, of=stage) for stage in recipe.stages]


def compute(system: System, recipe: StagesEvaluation, part: Part, rows: slice, bf16: bool) -> Arrays:
    """As for a detector of the bank. FileNotFoundError where the weights of the stage are not here."""
    (k,) = recipe.detectors
    bank = DetectorBank([_detector(system, part.of, k)], (k,)).eval().requires_grad_(False).to(system.device)
    return scores(system, recipe, dataclasses.replace(part, of=k), rows, bf16, bank.logit, (bank, "target_logit"))


def summary(system: System, recipe: StagesEvaluation, parts: Parts) -> dict[str, Any]:
    """A row for each stage, as for a detector, with its name."""
    (k,) = recipe.detectors
    return {"rows": [{"stage": stage} | row(recipe, k, parts[stage]) for stage in recipe.stages]}


def _detector(system: System, stage: str, k: int) -> nn.Module:
    """The detector after a stage; of a classifier, the one that would begin with it."""
    path = system.folder / f"{stage}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: the weights of a stage are not part of a shipped system. They come with a training by "
            f"`aatviz train {system.card.recipe.get('name', system.name)}`."
        )
    note = read_note(path)
    if note["outputs"] == 1:
        return load_network(path)
    with torch.random.fork_rng(devices=[]):  # its fresh weights are overwritten
        network = build_network(note | {"outputs": 1})
    start_from(network, path, k, contrast=True)
    return network


KIND = Kind(
    name="stages",
    recipe=StagesEvaluation,
    chunk=250,
    parts=parts,
    passes=passes,
    compute=compute,
    summary=summary,
)
