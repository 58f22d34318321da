"""CIFAR-10 recipes for two CPU cores: small networks, and a bank that is finetuned from a robust classifier.

The network of the bank and the robust classifier is the fastest of four. In a tournament, each trained robustly for the same
time of one core and then attacked, it came first as well (`python -m benchmarks.tournament`, docs/results.md). Measured on
one core with 64 images in bf16: attack steps (forward, and gradient for the image) and training steps, in samples a second.

| stem and stages; blocks | million multiply-adds | weights | attacked | trained |
|---|---|---|---|---|
| **32-64-128-256; 0 1 1 1** | 45 | 1.2 M | 961 | 581 |
| 32-64-128-256; 1 1 1 1 | 64 | 1.2 M | 651 | 404 |
| 32-64-128-256; 0 2 1 1 | 64 | 1.3 M | 692 | 423 |
| 24-64-160-320; 0 1 1 1 | 58 | 1.8 M | 780 | 456 |

A block at full resolution costs a third of the speed and adds hardly any weights. The natural classifier, which is trained
once and seldom attacked, is the network of the last row.
"""

from dataclasses import replace
from typing import Any

from aatviz.attacks.geometry import Norm
from aatviz.recipes.spec import AttackSpec, Job, Recipe

CLASSES = 10
EPS = 8 / 255
STRONG = AttackSpec(eps=EPS, step_size=1 / 255, steps=20, optimizer="momentum", keep="best")
"""The attack by which the best checkpoint is chosen."""
SGD: dict[str, Any] = {"optimizer": "sgd", "nesterov": True, "weight_decay": 5e-4}
MOVED: dict[str, Any] = {"shift": 4, "border": "reflect", "flip": True}
LINF_8 = "cifar10-linf-8-shared"


def _classifier() -> Job:
    """The natural classifier f: 60 epochs of one cycle, with cutout. After 30 epochs without, it knew 0.971 of its training
    images and 0.890 of the test set."""
    return Job(
        name="classifier",
        method="natural",
        network="preact",
        arch=(("widths", (24, 64, 160, 320)),),
        outputs=CLASSES,
        steps=21_000,
        batch=128,
        learning_rate=0.1,
        warmup=0.15,
        label_smoothing=0.1,
        cutout=12,
        average=0.998,
        validation_attack=STRONG,
        validation_count=500,
        evaluations=7,
        seed=100,
        **SGD,
        **MOVED,
    )


def _judge() -> Job:
    """A network of another architecture, that no attack ever sees: it judges generated images."""
    return replace(_classifier(), name="judge", network="pooled", arch=(), steps=5600, cutout=0, evaluations=4, seed=300)


def _robust() -> tuple[Job, ...]:
    """Madry's robust classifier: the baseline, and the network that the bank is finetuned from.

    Most of its training is N-FGSM, whose epoch costs a fourth of one of PGD; the last ten epochs are PGD. After the first 20
    epochs the network still underfits: its accuracy is 0.695 on validation and 0.716 on training images, and 0.418 and 0.396
    under 20 momentum steps of 1/255. So a round of 34 epochs follows. (An epoch is 45,000 images, 351 steps.)
    """
    first = Job(
        name="stage/robust",
        method="madry",
        network="preact",
        outputs=CLASSES,
        steps=7000,
        batch=128,
        learning_rate=0.1,
        warmup=0.2,
        attack=AttackSpec(eps=EPS, step_size=EPS, steps=1, optimizer="steepest"),
        start_noise=2.0,
        average=0.998,
        validation_attack=STRONG,
        validation_count=500,
        evaluations=7,
        seed=101,
        **SGD,
        **MOVED,
    )
    second = replace(
        first,
        name="stage/robust-2",
        start_from="stage/robust.safetensors",
        steps=12_000,
        warmup=0.05,
        evaluations=4,
        seed=103,
    )
    last = replace(
        first,
        name="robust",
        steps=3500,
        learning_rate=0.03,
        warmup=0.0,
        attack=AttackSpec(eps=EPS, step_size=2 / 255, steps=7, optimizer="momentum", random_start=True),
        start_noise=0.0,
        start_from="stage/robust-2.safetensors",
        evaluations=7,
        seed=102,
    )
    return first, second, last


def _bank(norm: Norm, eps: float, unit: float, start: str, seed: int) -> Job:
    """A shared bank, finetuned in evaluation mode. The inner attack grows from 5 steps to 10; `unit` is the step size at
    which 10 steps are two and a half times as long as eps."""
    momentum = AttackSpec(norm=norm, eps=eps, step_size=unit, steps=10, optimizer="momentum", random_start=True)
    return Job(
        name="shared",
        method="aat_shared",
        network="preact",
        outputs=CLASSES,
        steps=4000,
        batch=256,
        learning_rate=0.02,
        warmup=0.05,
        attack=momentum,
        curriculum=((0.0, 5, 2 * unit), (0.4, 10, unit)),
        mixed_eps=0.25,
        average=0.998,
        start_from=start,
        validation_attack=replace(momentum, step_size=unit / 2, steps=20, random_start=False, keep="best"),
        validation_count=100,
        evaluations=4,
        seed=seed,
        optimizer="sgd",
        nesterov=True,
        weight_decay=2e-4,
        shift=2,
        border="reflect",
        flip=True,
    )


def linf_8_shared() -> Recipe:
    """L-inf 8/255: about twelve hours of one CPU core with bf16, seven of them for the robust classifier.

    Separate detectors gain nothing: ten of them, each finetuned from the bank for 400 steps with the same inner attack,
    changed the AUC under the paper's attack by -0.0043 to +0.0027, in the mean by -0.0007 (n = 1,000 a class).
    """
    return Recipe(
        name=LINF_8,
        system=LINF_8,
        dataset="cifar10",
        norm="Linf",
        eps=EPS,
        about="A small network with ten detector logits, finetuned from a robust classifier with the paper's objective.",
        prominence=1,
        jobs=(_bank("Linf", EPS, 2 / 255, "robust.safetensors", seed=200), *_robust(), _classifier(), _judge()),
    )


def _other_threat(name: str, words: str, bank: Job) -> Recipe:
    """A bank for another ball, with the classifiers of L-inf 8/255. It starts from that bank, so fewer steps are enough."""
    return Recipe(
        name=name,
        system=name,
        dataset="cifar10",
        norm=bank.validation_attack.norm,
        eps=bank.validation_attack.eps,
        about=f"A small network with ten detector logits, finetuned for {words} from the bank for L-inf 8/255.",
        jobs=(replace(bank, steps=1500),),
        classifiers_from=LINF_8,
    )


def linf_2_shared() -> Recipe:
    """L-inf 2/255."""
    bank = _bank("Linf", 2 / 255, 0.5 / 255, f"../{LINF_8}/shared.safetensors", seed=210)
    return _other_threat("cifar10-linf-2-shared", "L-inf 2/255", bank)


def l2_80_shared() -> Recipe:
    """L2 80/255."""
    bank = _bank("L2", 80 / 255, 20 / 255, f"../{LINF_8}/shared.safetensors", seed=220)
    return _other_threat("cifar10-l2-80-shared", "L2 80/255", bank)


RECIPES = (linf_8_shared, linf_2_shared, l2_80_shared)
