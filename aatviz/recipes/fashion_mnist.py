"""Fashion-MNIST recipes: the economical ones of MNIST, with a smaller ball."""

from dataclasses import replace

from aatviz.recipes.spec import AttackSpec, Job, Recipe

CLASSES = 10
EPS = 0.1
STRONG = AttackSpec(eps=EPS, step_size=0.007, steps=50, random_start=True, keep="best")
"""The attack by which the best checkpoint is chosen: best iterate, with other steps and another step size than training."""
FEW_LARGE_STEPS = AttackSpec(eps=EPS, step_size=0.03, steps=10, random_start=True)
"""The economical inner attack: Adam, as on MNIST."""


def _classifier() -> Job:
    """The natural classifier f: mirrored and moved, smoothed labels, averaged weights."""
    return Job(
        name="classifier",
        method="natural",
        width=256,
        outputs=CLASSES,
        steps=10_000,
        batch=128,
        learning_rate=1e-3,
        label_smoothing=0.1,
        shift=2,
        flip=True,
        average=0.998,
        validation_attack=STRONG,
        validation_count=500,
        evaluations=8,
        seed=100,
    )


def _judge() -> Job:
    """A network of another architecture, that no attack ever sees: it judges generated images."""
    return replace(
        _classifier(),
        name="judge",
        network="pooled",
        width=1024,
        arch=(("widths", (24, 48, 64)), ("stem", 12)),
        steps=4000,
        learning_rate=2e-3,
        warmup=0.1,
        evaluations=4,
        seed=300,
    )


def _robust() -> Job:
    """Madry's robust classifier, the baseline."""
    return Job(
        name="robust",
        method="madry",
        outputs=CLASSES,
        steps=6000,
        batch=64,
        learning_rate=5e-4,
        attack=AttackSpec(eps=EPS, step_size=0.035, steps=7, random_start=True),
        ramp=0.2,
        shift=1,
        flip=True,
        average=0.998,
        validation_attack=STRONG,
        validation_count=500,
        evaluations=6,
        seed=101,
    )


def _shared() -> Job:
    """The shared bank: one cosine, averaged weights, images moved by a pixel from the start."""
    return Job(
        name="shared",
        method="aat_shared",
        outputs=CLASSES,
        steps=5000,
        batch=192,
        learning_rate=1e-3,
        attack=FEW_LARGE_STEPS,
        ramp=0.2,
        mixed_eps=0.25,
        shift=1,
        average=0.998,
        validation_attack=STRONG,
        validation_count=100,
        evaluations=5,
        seed=200,
    )


def linf_01_shared() -> Recipe:
    """One trunk with ten logits, the two classifiers and the judge: about two hours of one CPU core."""
    return Recipe(
        name="fashion-mnist-linf-0.1-shared",
        system="fashion-mnist-linf-0.1-shared",
        dataset="fashion-mnist",
        norm="Linf",
        eps=EPS,
        about="Garments: one network of Madry's size with ten detector logits, trained with the paper's objective.",
        jobs=(_shared(), _robust(), _classifier(), _judge()),
    )


RECIPES = (linf_01_shared,)
