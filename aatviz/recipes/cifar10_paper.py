"""The paper's CIFAR-10 recipes (appendix A.2). Where the paper is silent or differs from its authors' code, the code counts.
For a GPU.

Three things differ from that code. It chooses checkpoints on the test set; here validation images choose. It draws an L2
start with a radius from U(0, eps); here the start is uniform in the ball. It averages the losses of positives and negatives
together; here the loss is the sum of both means, which is twice as large. So half the code's learning rate of 1e-3, and
twice its weight decay of 2e-4, give the same updates.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from aatviz.attacks.geometry import Norm
from aatviz.recipes.spec import AttackSpec, Job, Recipe

CLASSES = 10
AUGMENTED: dict[str, Any] = {"network": "wide", "shift": 2, "flip": True, "optimizer": "sgd", "decay": False}


def _classifier(norm: Norm, eps: float) -> Job:
    """Madry's naturally trained network, as in the CIFAR-10 challenge."""
    return Job(
        name="classifier",
        method="natural",
        outputs=CLASSES,
        steps=80_000,
        batch=128,
        learning_rate=0.1,
        drops=(0.5, 0.75),
        weight_decay=2e-4,
        validation_attack=_attack(norm, eps, eps / 4, 20),
        validation_count=1000,
        evaluations=80,
        seed=100,
        **AUGMENTED,
    )


def _robust() -> Job:
    """Madry's robust network: PGD 7 x 2/255 at L-inf 8/255, whatever the detectors are trained for (the paper compares with
    this one)."""
    return replace(
        _classifier("Linf", 8 / 255),
        name="robust",
        method="madry",
        attack=_attack("Linf", 8 / 255, 2 / 255, 7),
        seed=101,
    )


def _attack(norm: Norm, eps: float, step_size: float, steps: int) -> AttackSpec:
    return AttackSpec(norm=norm, eps=eps, step_size=step_size, steps=steps, optimizer="steepest", random_start=True)


def _detectors(attack: AttackSpec) -> Iterator[Job]:
    """Ten detectors, each finetuned from the natural classifier's logit of its class."""
    for k in range(CLASSES):
        yield Job(
            name=f"detector-{k}",
            method="aat",
            target=k,
            outputs=1,
            steps=40_000,
            batch=300,
            learning_rate=5e-4,
            weight_decay=4e-4,
            attack=attack,
            start_from="classifier.safetensors",
            validation_attack=attack,
            validation_count=1000,
            evaluations=80,
            seed=k,
            **AUGMENTED,
        )


def _paper(name: str, words: str, attack: AttackSpec, jobs: tuple[Job, ...], classifiers_from: str | None) -> Recipe:
    return Recipe(
        name=name,
        system=name,
        dataset="cifar10",
        norm=attack.norm,
        eps=attack.eps,
        about=f"The paper's own training on CIFAR-10, appendix A.2, for {words}.",
        jobs=(*_detectors(attack), *jobs),
        classifiers_from=classifiers_from,
    )


LINF_8 = "cifar10-linf-8-paper"


def linf_8_paper() -> Recipe:
    """L-inf 8/255, with the classifiers that the recipes of the other balls use as well."""
    attack = _attack("Linf", 8 / 255, 0.5 / 255, 40)
    return _paper(LINF_8, "L-inf 8/255", attack, (_classifier("Linf", 8 / 255), _robust()), None)


def linf_2_paper() -> Recipe:
    """L-inf 2/255."""
    attack = _attack("Linf", 2 / 255, 0.5 / 255, 10)
    return _other("cifar10-linf-2-paper", "L-inf 2/255", attack)


def l2_80_paper() -> Recipe:
    """L2 80/255."""
    return _other("cifar10-l2-80-paper", "L2 80/255", _attack("L2", 80 / 255, 10 / 255, 20))


def _other(name: str, words: str, attack: AttackSpec) -> Recipe:
    recipe = _paper(name, words, attack, (), LINF_8)
    start = f"../{LINF_8}/classifier.safetensors"
    return replace(recipe, jobs=tuple(replace(job, start_from=start) for job in recipe.jobs))


RECIPES = (linf_8_paper, linf_2_paper, l2_80_paper)
