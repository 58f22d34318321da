"""A system of one dog detector on Restricted Tiny ImageNet as its recipe trains it, made in seconds: a tenth of a percent of
the images, networks of a few weights, a few steps. What is tested is that everything runs; it has learned nothing."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest

from aatviz import recipes
from aatviz.data import restricted_tiny_imagenet
from aatviz.data.importing import import_path
from aatviz.data.spec import OTHER
from aatviz.recipes import Recipe
from aatviz.recipes.restricted_tiny_imagenet import DOG_LINF
from aatviz.store.cards import write_card
from aatviz.store.gaussians import build_gaussians
from aatviz.train.loop import train
from tests.unit.data_files import picture

TINY = restricted_tiny_imagenet.NAME
SMALL: dict[str, Any] = {"network": "pooled", "arch": (("widths", (4, 8)), ("stem", 4))}


def write_jpegs(folder: Path, count: int, wnid: str, side: int) -> None:
    """JPEG files of noise, none like another, in a folder; their names begin with the wnid."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        seed = int.from_bytes(hashlib.sha256(f"{folder.name}{folder.parent.name}{number}".encode()).digest()[:4], "big")
        picture(seed, (side, side + 3 * (number % 2))).save(folder / f"{wnid}_{folder.parent.name}{number}.JPEG")


def write_tree(top: Path, patch: pytest.MonkeyPatch) -> Path:
    """A small copy of the tiny tree, whose counts the data set then expects."""
    for name in restricted_tiny_imagenet.CLASSES:
        write_jpegs(top / "train" / name, 30, "n00000001", 64)
        write_jpegs(top / "test" / name, 4, "n00000001", 64)
    write_jpegs(top / OTHER, 9, "n00000002", 64)
    patch.setattr(restricted_tiny_imagenet, "COUNTS", {"train": 180, "test": 24, OTHER: 9})
    return top


def small_recipe() -> Recipe:
    """The recipe with small networks, from random weights, and two updates of each."""
    recipe = recipes.get(DOG_LINF)

    def small(job: recipes.Job) -> recipes.Job:
        attacks = [dataclasses.replace(one, steps=1) for one in job.attacks]
        fresh: dict[str, Any] = {"start_from": None, "start_rows": ()} if job.name == "classifier" else {}
        return dataclasses.replace(
            job,
            steps=2,
            evaluations=1,
            validation_count=4,
            batch=24,
            attack=attacks[0] if attacks else None,
            validation_attack=dataclasses.replace(job.validation_attack, steps=1),
            **(SMALL if job.name != "judge" else SMALL | {"arch": (("widths", (4, 6)), ("stem", 4))}),
            **fresh,
        )

    return dataclasses.replace(recipe, jobs=tuple(map(small, recipe.jobs)))


def make_dogs(data: Path, checkpoints: Path, patch: pytest.MonkeyPatch) -> Path:
    """The data set in $AATVIZ_DATA, which is set to `data`, and the system's folder below `checkpoints`."""
    patch.setenv("AATVIZ_DATA", str(data))
    import_path(write_tree(data.with_name("tree") / TINY, patch))
    recipe, folder = small_recipe(), checkpoints / DOG_LINF
    waiting = list(recipe.jobs)
    while waiting:  # a job comes after the one that it starts from
        job = next(job for job in waiting if job.start_from not in {f"{one.name}.safetensors" for one in waiting})
        waiting.remove(job)
        train(job, recipe.dataset, folder)
    build_gaussians(recipe.dataset, folder)
    assert write_card(recipe, folder)
    return folder
