"""Recipes for any data set, such as a folder of your own images: `aatviz train RECIPE --dataset NAME` uses them.

Shape, classes, ball and how images are moved come from the data set. "tiny" trains every network in seconds, to check that
all works. "small" trains a small residual network in some hours of one core; it is CIFAR-10's economical recipe with fewer
steps.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aatviz.data import Dataset
from aatviz.data.spec import number
from aatviz.recipes import plane
from aatviz.recipes.cifar10 import SGD
from aatviz.recipes.spec import AttackSpec, Job, Recipe


def tiny(of: Dataset) -> Recipe:
    """A shared bank, both classifiers and a judge: small fully connected networks, a few steps each."""
    eps = number(of.threats[0].eps)
    attack = AttackSpec(norm=of.threats[0].norm, eps=eps, step_size=eps / 2, steps=3, random_start=True)
    settings: dict[str, Any] = {
        "network": "mlp",
        "arch": (("widths", (32,)),),
        "outputs": len(of.classes),
        "steps": 12,
        "batch": _batch(of, 64),
        "learning_rate": 5e-3,
        "validation_attack": attack,
        "validation_count": 20,
        "evaluations": 2,
        **_moved(of),
    }
    jobs = (
        Job(name="shared", method="aat_shared", attack=attack, seed=1, **settings),
        Job(name="robust", method="madry", attack=attack, seed=2, **settings),
        Job(name="classifier", method="natural", seed=3, **settings),
        Job(name="judge", method="natural", seed=4, **settings),
    )
    return _recipe("tiny", of, "A few steps of tiny networks; it works, and that is all.", jobs)


def small(of: Dataset) -> Recipe:
    """A natural classifier, a judge, a robust classifier, and a shared bank that is finetuned from the robust classifier."""
    threat = of.threats[0]
    eps = number(threat.eps)
    inner = AttackSpec(norm=threat.norm, eps=eps, step_size=eps / 4, steps=10, optimizer="momentum", random_start=True)
    strong = replace(inner, step_size=eps / 8, steps=20, random_start=False, keep="best")
    settings: dict[str, Any] = {
        "network": "preact",
        "outputs": len(of.classes),
        "batch": _batch(of, 128),
        "average": 0.998,
        "validation_attack": strong,
        "validation_count": 200,
        **SGD,
        **_moved(of),
    }
    classifier = Job(
        name="classifier",
        method="natural",
        steps=4000,
        learning_rate=0.1,
        warmup=0.15,
        label_smoothing=0.1,
        evaluations=4,
        seed=100,
        **settings,
    )
    robust = Job(
        name="robust",
        method="madry",
        steps=4000,
        learning_rate=0.05,
        warmup=0.15,
        attack=replace(inner, step_size=0.35 * eps, steps=5),
        ramp=0.2,
        evaluations=5,
        seed=101,
        **settings,
    )
    shared = Job(
        name="shared",
        method="aat_shared",
        steps=3000,
        learning_rate=0.02,
        warmup=0.05,
        attack=inner,
        mixed_eps=0.25,
        start_from="robust.safetensors",
        evaluations=5,
        seed=200,
        **settings | {"validation_count": 100, "weight_decay": 2e-4},
    )
    judge = replace(classifier, name="judge", network="pooled", seed=300)
    about = "A small network with a detector logit for each class, finetuned from a robust classifier."
    return _recipe("small", of, about, (shared, robust, classifier, judge))


RECIPES: dict[str, Callable[[Dataset], Recipe]] = {"tiny": tiny, "small": small}


def named(name: str) -> Callable[[Dataset], Recipe]:
    """What makes the recipe of that name for a data set. ValueError, with the known names, where there is none."""
    if name in RECIPES:
        return RECIPES[name]
    if settings := plane.named(name):
        return lambda of: plane.recipe(of, settings)
    raise ValueError(
        f"There is no recipe {name!r} for any data set; there are {', '.join(RECIPES)}, budget:minutes=5, {plane.HELP}."
    )


def _recipe(kind: str, of: Dataset, about: str, jobs: tuple[Job, ...]) -> Recipe:
    name, threat = f"{of.name}-{kind}", of.threats[0]
    return Recipe(name=name, system=name, dataset=of.name, norm=threat.norm, eps=number(threat.eps), about=about, jobs=jobs)


def _batch(of: Dataset, usual: int) -> int:
    """The usual batch, or half of the training images where these are few."""
    return min(usual, max(of.splits["train"].count // 2, 2))


def _moved(of: Dataset) -> dict[str, Any]:
    """How training images are moved: photographs are continued beyond their border by reflection, drawings by black."""
    border = "reflect" if of.shape[0] == 3 else "black"
    return {"shift": of.movement.shift, "flip": of.movement.flip, "border": border}
