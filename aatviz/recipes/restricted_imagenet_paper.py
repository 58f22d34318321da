"""The paper's Restricted ImageNet recipe (section 5.3), for a GPU: where the paper is silent, its authors' code counts.

One dog detector: ImageNet's logit 151 of torchvision's ResNet-50, finetuned in evaluation mode for a chain of growing
balls, on batches as they come, 118 dog breeds and 85 other classes. The code keeps weights every 1,000 updates: it goes on
from those of 0.005 and 0.01 after three epochs, and measures those of 0.02 after six. An epoch of it is 4,027 updates.

Four things differ. A tenth of the training images is kept for validation, which chooses the checkpoint; the code looks at
the test set. A random crop is one of the middle square at 224 x 224, not of the whole picture. Weight decay spares biases
and batch norms. And the paper trains no classifier on these categories: the natural one here is ours.
"""

from dataclasses import replace
from typing import Any

from aatviz.data.restricted import CATEGORIES, NAMES
from aatviz.data.restricted_imagenet import NAME
from aatviz.recipes.spec import AttackSpec, Job, Recipe

PAPER = "restricted-imagenet-paper"
LOGIT = 151
"""The Chihuahua's."""
SETTINGS: dict[str, Any] = {
    "network": "resnet50",
    "batch": 64,
    "learning_rate": 5e-4,
    "optimizer": "sgd",
    "weight_decay": 1e-4,
    "decay": False,
    "crop": 0.08,
    "flip": True,
    "frozen_norm": True,
    "start_from": "pretrained:resnet50",
    "validation_count": 500,
}


def _attack(eps: float, steps: int) -> AttackSpec:
    return AttackSpec(eps=eps, step_size=0.001, steps=steps, optimizer="steepest", random_start=True)


def _detectors() -> tuple[Job, Job, Job]:
    """The chain: eps 0.005 with 10 steps, 0.01 with 20, 0.02 with 40."""
    first = Job(
        name="stage/first",
        method="aat",
        target=NAMES.index("dog"),
        outputs=1,
        balanced=False,
        steps=12_000,
        attack=_attack(0.005, 10),
        start_rows=((LOGIT, LOGIT + 1),),
        validation_attack=replace(_attack(0.005, 10), random_start=False),
        evaluations=12,
        seed=0,
        **SETTINGS,
    )
    second = replace(
        first,
        name="stage/second",
        attack=_attack(0.01, 20),
        start_from="stage/first.safetensors",
        start_rows=(),
        validation_attack=replace(_attack(0.01, 20), random_start=False),
        seed=1,
    )
    last = replace(
        second,
        name=f"detector-{first.target}",
        steps=24_000,
        attack=_attack(0.02, 40),
        start_from="stage/second.safetensors",
        validation_attack=replace(_attack(0.02, 40), random_start=False),
        evaluations=24,
        seed=2,
    )
    return first, second, last


def _classifier() -> Job:
    """A natural classifier of the nine categories, one epoch from the means of their rows."""
    return Job(
        name="classifier",
        method="natural",
        outputs=len(NAMES),
        steps=4000,
        start_rows=tuple((category.first, category.last + 1) for category in CATEGORIES),
        validation_attack=_attack(0.02, 40),
        evaluations=4,
        seed=100,
        **SETTINGS,
    )


def paper() -> Recipe:
    """L-inf 0.02."""
    return Recipe(
        name=PAPER,
        system=PAPER,
        dataset=NAME,
        norm="Linf",
        eps=0.02,
        about="The paper's own dog detector on Restricted ImageNet, section 5.3: logit 151 of a pretrained ResNet-50.",
        jobs=(*_detectors(), _classifier()),
    )


RECIPES = (paper,)
