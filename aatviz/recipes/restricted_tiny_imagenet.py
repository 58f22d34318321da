"""One dog detector at 64 x 64 for two CPU cores: EfficientNet-Lite0, finetuned from its ImageNet weights.

First the natural classifier of the six categories, each output from the mean of its breeds' rows; from that, a robust one by
N-FGSM; from that both Madry's robust classifier, the baseline, and, as on CIFAR-10, the detector: its dog row less the mean
of its other rows, for the paper's chain of growing balls. The paper's chain begins with a natural network; at equal cost on
CIFAR-10 a bank from a robust one had an AUC of 0.835 under attack, one from a natural one 0.793. Batch norm keeps its
statistics of ImageNet throughout.

Planned from steps that were timed on one core (fp32: depthwise convolutions are slower in bf16), beside other work:

| job | seconds a step | steps | hours |
|---|---|---|---|
| classifier | 0.27 | 2,000 | 0.15 |
| stage/robust, N-FGSM | 0.40 | 4,000 | 0.45 |
| robust, 5 steps of PGD | 0.92 | 2,500 | 0.65 |
| stage/first, 5 steps | 0.83 | 500 | 0.1 |
| stage/second, 5 steps | 0.83 | 800 | 0.2 |
| detector-0, 5 steps, then 10 | 0.83, 1.20 | 600 and 400 | 0.3 |
| judge, in bf16 | 0.32 | 3,000 | 0.25 |
"""

from dataclasses import replace
from typing import Any

from aatviz.data.restricted import CATEGORIES
from aatviz.data.restricted_tiny_imagenet import CLASSES, NAME
from aatviz.recipes.cifar10 import SGD
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
SETTINGS_OF_JUDGE: dict[str, Any] = {
    name: value for name, value in SETTINGS.items() if name not in ("network", "frozen_norm")
} | SGD


def _attack(eps: float, steps: int) -> AttackSpec:
    """Momentum from a random start; all steps together are two and a half times as long as eps."""
    return AttackSpec(eps=eps, step_size=2.5 * eps / steps, steps=steps, optimizer="momentum", random_start=True)


def _strong(eps: float) -> AttackSpec:
    """The attack by which the best checkpoint is chosen: 20 steps from the image itself."""
    return replace(_attack(eps, 20), random_start=False, keep="best")


def _classifier() -> Job:
    """The natural classifier f: about twelve epochs."""
    return Job(
        name="classifier",
        method="natural",
        outputs=len(CLASSES),
        steps=2000,
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


def _robust() -> tuple[Job, Job]:
    """Madry's robust classifier, the baseline. The first 25 epochs are N-FGSM, whose step costs less than half of one of
    PGD; where they end, the detector begins. The last 15 epochs are PGD."""
    first = replace(
        _classifier(),
        name="stage/robust",
        method="madry",
        steps=4000,
        label_smoothing=0.0,
        attack=AttackSpec(eps=EPS, step_size=EPS, steps=1, optimizer="steepest"),
        start_noise=2.0,
        ramp=0.2,
        start_from="classifier.safetensors",
        start_rows=(),
        evaluations=6,
        seed=101,
    )
    last = replace(
        first,
        name="robust",
        steps=2500,
        learning_rate=1e-4,
        attack=_attack(EPS, 5),
        start_noise=0.0,
        ramp=0.0,
        start_from="stage/robust.safetensors",
        evaluations=5,
        seed=102,
    )
    return first, last


def _judge() -> Job:
    """A network of another architecture, from random weights, that no attack ever sees: it judges generated images."""
    return Job(
        name="judge",
        method="natural",
        network="pooled",
        outputs=len(CLASSES),
        steps=3000,
        batch=64,
        learning_rate=0.05,
        label_smoothing=0.1,
        validation_attack=_strong(EPS),
        evaluations=3,
        seed=300,
        **SETTINGS_OF_JUDGE,
    )


def _detectors() -> tuple[Job, Job, Job]:
    """The dog detector, three trainings with a cosine each, for eps 0.005, 0.01 and 0.02. Of 128 images that are drawn,
    about 33 are dogs, and as many others are attacked. The robust network knows the largest ball already. In a training of
    3,000 steps the AUC under attack on validation images was 0.767, 0.786, 0.774 and 0.757 after 500, 1,000, 1,500 and
    2,000, while that on training images rose to 0.970: so the last one has 1,000."""
    first = Job(
        name="stage/first",
        method="aat",
        target=DOG,
        outputs=1,
        steps=500,
        batch=128,
        learning_rate=3e-4,
        attack=_attack(EPS / 4, 5),
        mixed_eps=0.25,
        start_from="stage/robust.safetensors",
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
        steps=800,
        attack=_attack(EPS / 2, 5),
        validation_attack=_strong(EPS / 2),
        evaluations=4,
        seed=201,
    )
    last = replace(
        second,
        name=f"detector-{DOG}",
        start_from="stage/second.safetensors",
        steps=1000,
        attack=_attack(EPS, 10),
        curriculum=((0.0, 5, EPS / 2), (0.6, 10, EPS / 4)),
        validation_attack=_strong(EPS),
        evaluations=4,
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
        jobs=(*_detectors(), *_robust(), _classifier(), _judge()),
    )


RECIPES = (dog_linf,)
