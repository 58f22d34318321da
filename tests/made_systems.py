"""Whole systems on data sets of several shapes, made in seconds by the real import, the real training and the real card.

| system | images | classes | networks | bank | ball |
|---|---|---|---|---|---|
| fashion-mnist-made | (1,28,28) | 10 | mlp | shared | Linf 0.1 |
| cifar10-made | (3,32,32) | 10 | preact | shared | L2 0.5 |
| pets-made | (3,16,24) | 3 | pooled | separate | Linf 8/255 |
| many-made | (3,8,8) | 200 | mlp | shared | Linf 8/255 |
| dog-made | (3,16,24) | 3 | mlp | the dog detector alone, no robust classifier | L2 0.5 |

The networks have learned next to nothing; what is tested is that everything runs, and on which shapes.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aatviz.attacks.geometry import Norm
from aatviz.data import cifar10, dataset, fashion_mnist, idx_set
from aatviz.data.importing import import_path
from aatviz.data.placing import staging
from aatviz.data.split import Bytes
from aatviz.data.stored_set import Note, write_set
from aatviz.recipes import AttackSpec, Job, Recipe
from aatviz.recipes.spec import Method
from aatviz.store.cards import write_card
from aatviz.store.gaussians import build_gaussians
from aatviz.train.loop import train

PETS = ("cat", "dog", "eel")
MANY = tuple(f"kind {k:03}" for k in range(200))


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One made system."""

    name: str
    dataset: str
    norm: Norm
    eps: float
    network: str
    arch: tuple[tuple[str, Any], ...]
    bank: tuple[int, ...] = ()
    """The classes of separate detectors; empty: a shared bank of all."""


KINDS = (
    Kind(name="fashion-mnist-made", dataset="fashion-mnist", norm="Linf", eps=0.1, network="mlp", arch=(("widths", (16,)),)),
    Kind(
        name="cifar10-made",
        dataset="cifar10",
        norm="L2",
        eps=0.5,
        network="preact",
        arch=(("widths", (4, 8)), ("blocks", (0, 1))),
    ),
    Kind(
        name="pets-made",
        dataset="pets",
        norm="Linf",
        eps=8 / 255,
        network="pooled",
        arch=(("widths", (4, 8)), ("stem", 4)),
        bank=(0, 1, 2),
    ),
    Kind(name="many-made", dataset="many", norm="Linf", eps=8 / 255, network="mlp", arch=(("widths", (16,)),)),
    Kind(name="dog-made", dataset="pets", norm="L2", eps=0.5, network="mlp", arch=(("widths", (16,)),), bank=(1,)),
)
NAMES = tuple(kind.name for kind in KINDS)


@dataclass(frozen=True)
class Made:
    """Where the data sets and the systems lie."""

    data: Path
    checkpoints: Path


def make_systems(folder: Path) -> Made:
    """All data sets and systems in an empty folder; environment variables are as before afterwards."""
    made = Made(folder / "data", folder / "checkpoints")
    made.data.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AATVIZ_DATA", str(made.data))
        make_data(folder / "images")
        for kind in KINDS:
            make_system(kind, made.checkpoints / kind.name)
    return made


def make_data(scratch: Path) -> None:
    """The four data sets, in $AATVIZ_DATA."""
    fashion_mnist.SET.place(_idx_parts("fashion-mnist"))
    _make_cifar10()
    import_path(write_classes(scratch / "pets", PETS, 20, (20, 26)), "pets", (16, 24))
    import_path(write_classes(scratch / "many", MANY, 12, (8, 8)), "many", (8, 8))


def write_classes(folder: Path, names: tuple[str, ...], each: int, size: tuple[int, int]) -> Path:
    """PNG files of height x width in a subfolder a class: a colour of the class's own, in noise."""
    rng = np.random.default_rng(5)
    for name in names:
        colour = rng.integers(40, 215, 3)
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = (colour + rng.normal(0, 25, (*size, 3))).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:03}.png")
    return folder


def make_system(kind: Kind, folder: Path) -> None:
    """Train the networks of one system, estimate its Gaussians and write its card."""
    recipe = recipe_of(kind)
    for job in recipe.jobs:
        train(job, recipe.dataset, folder)
    build_gaussians(kind.dataset, folder)
    assert write_card(recipe, folder)


def recipe_of(kind: Kind) -> Recipe:
    """Bank, natural and robust classifier and judge, in a few steps each."""
    k = len(dataset(kind.dataset).classes)
    attack = AttackSpec(norm=kind.norm, eps=kind.eps, step_size=kind.eps / 2, steps=2, random_start=True)

    def job(name: str, method: Method, seed: int, outputs: int = k, target: int | None = None) -> Job:
        return Job(
            name=name,
            method=method,
            network=kind.network,
            arch=kind.arch,
            outputs=outputs,
            target=target,
            steps=8,
            batch=32,
            learning_rate=5e-3,
            attack=None if method == "natural" else attack,
            flip=True,
            validation_attack=dataclasses.replace(attack, steps=1),
            validation_count=4,
            evaluations=1,
            seed=seed,
        )

    separate = [job(f"detector-{target}", "aat", 10 + target, 1, target) for target in kind.bank]
    baseline = [job("robust", "madry", 3)] if len(kind.bank) in (0, k) else []
    return Recipe(
        name=kind.name,
        system=kind.name,
        dataset=kind.dataset,
        norm=kind.norm,
        eps=kind.eps,
        about="Networks of a few steps, for tests.",
        jobs=(
            *(separate or [job("shared", "aat_shared", 1)]),
            job("classifier", "natural", 2),
            *baseline,
            dataclasses.replace(job("judge", "natural", 4), network="mlp", arch=(("widths", (8,)),)),
        ),
    )


def _idx_parts(name: str) -> idx_set.Parts:
    """Training files with the bundled images, 8,400 moved copies of them (all but 400 go to the validation part), and as
    test images 120 moved otherwise."""
    sample = idx_set.bundled(name)
    pixels, labels = sample.bytes().numpy()[:, 0], sample.label_bytes
    moved = [np.roll(pixels, shift, (1, 2)) for shift in ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1))]
    many = np.concatenate([pixels, *moved])[:10_400], np.concatenate([labels] * 6)[:10_400]
    return {"train": many, "test": (np.roll(pixels[:120], (-1, -1), (1, 2)), labels[:120])}


def _make_cifar10() -> None:
    """The bundled photos, dealt out to the three splits."""
    sample = cifar10.bundled()
    rows = {"train": _rows(sample.label_bytes, 0, 40), "validation": _rows(sample.label_bytes, 40, 52)}
    rows["test"] = _rows(sample.label_bytes, 52, 64)

    def note(counts: dict[str, int], hashes: dict[str, str]) -> Note:
        return Note(
            name=cifar10.NAME,
            classes=cifar10.CLASSES,
            shape=sample.shape,
            source="the bundled images, for tests",
            counts=counts,
            hashes=hashes,
        )

    with staging(cifar10.folder()) as stage:
        write_set(stage.fresh, note, sample.bytes().numpy(), sample.label_bytes, rows)


def _rows(labels: Bytes, first: int, last: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Of every class the images from its `first` on and before its `last`."""
    return np.sort(np.concatenate([np.flatnonzero(labels == k)[first:last] for k in np.unique(labels)]))
