"""One dog detector at 64 x 64 for two CPU cores: EfficientNet-Lite0, finetuned from its ImageNet weights.

The paper's way, on a smaller scale: first the natural classifier of the six categories, each output from the mean of its
breeds' rows; then the detector, from the classifier's dog row less the mean of its other rows, for a chain of growing balls.
Batch norm keeps its statistics of ImageNet throughout. The robust classifier begins where the detector does.
"""

from dataclasses import replace
from typing import Any

from aatviz.data.restricted import CATEGORIES
from aatviz.data.restricted_tiny_imagenet import CLASSES, NAME
from aatviz.recipes.spec import AttackSpec, Job, Recipe

DOG_LINF = f"{NAME}-dog-linf-0.02"
DOG = CLASSES.index("dog")
EPS = 0.02
_OF = {category.name: (category.first, category.last + 1) for category in CATEGORIES}
SETTINGS: dict[str, Any] = {
    "network": "lite0",
    "average": 0.99,
    "warmup": 0.05,
    "shift": 4,
    "border": "reflect",
    "flip": True,
    "frozen_norm": True,
    "validation_count": 200,
}


def _attack(eps: float, steps: int) -> AttackSpec:
    """Momentum from a random start; all steps together are two and a half times as long as eps."""
    return AttackSpec(eps=eps, step_size=2.5 * eps / steps, steps=steps, optimizer="momentum", random_start=True)


def _strong(eps: float) -> AttackSpec:
    """The attack by which the best checkpoint is chosen: 20 steps from the image itself."""
    return replace(_attack(eps, 20), random_start=False, keep="best")


def _classifier() -> Job:
    """The natural classifier f: about nine epochs."""
    return Job(
        name="classifier",
        method="natural",
        outputs=len(CLASSES),
        steps=1500,
        batch=64,
        learning_rate=3e-4,
        label_smoothing=0.1,
        start_from="pretrained:lite0",
        start_rows=tuple(_OF[name] for name in CLASSES),
        validation_attack=_strong(EPS),
        evaluations=3,
        seed=100,
        **SETTINGS,
    )


def _robust() -> Job:
    """Madry's robust classifier: the baseline."""
    return replace(
        _classifier(),
        name="robust",
        method="madry",
        steps=3000,
        label_smoothing=0.0,
        attack=_attack(EPS, 5),
        ramp=0.3,
        start_from="classifier.safetensors",
        start_rows=(),
        evaluations=6,
        seed=101,
    )


def _detectors() -> tuple[Job, Job, Job]:
    """The dog detector, three trainings with a cosine each, for eps 0.005, 0.01 and 0.02. Of 128 images that are drawn,
    about 33 are dogs, and as many others are attacked."""
    first = Job(
        name="stage/first",
        method="aat",
        target=DOG,
        outputs=1,
        steps=1500,
        batch=128,
        learning_rate=3e-4,
        attack=_attack(EPS / 4, 5),
        mixed_eps=0.25,
        start_from="classifier.safetensors",
        start_contrast=True,
        validation_attack=_strong(EPS / 4),
        evaluations=3,
        seed=200,
        **SETTINGS,
    )
    second = replace(
        first,
        name="stage/second",
        start_from="stage/first.safetensors",
        start_contrast=False,
        steps=2500,
        attack=_attack(EPS / 2, 8),
        validation_attack=_strong(EPS / 2),
        evaluations=5,
        seed=201,
    )
    last = replace(
        second,
        name=f"detector-{DOG}",
        start_from="stage/second.safetensors",
        steps=6000,
        attack=_attack(EPS, 10),
        validation_attack=_strong(EPS),
        evaluations=8,
        seed=202,
    )
    return first, second, last


def dog_linf() -> Recipe:
    """L-inf 0.02."""
    return Recipe(
        name=DOG_LINF,
        system=DOG_LINF,
        dataset=NAME,
        norm="Linf",
        eps=EPS,
        about=(
            "One dog detector at 64 x 64 with the paper's objective, finetuned from EfficientNet-Lite0's ImageNet weights "
            "(by Google, Apache-2.0); the paper has a ResNet-50 at 224 x 224."
        ),
        jobs=(*_detectors(), _robust(), _classifier()),
    )


RECIPES = (dog_linf,)
