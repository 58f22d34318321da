"""The cheapest recipes known for L-inf 0.3 on MNIST: what benchmarks/training compares, and its finding.

Five inner steps of half the radius instead of ten of a third of it, images moved by a pixel from the start, and the running
average of the weights instead of a second cosine.
"""

from dataclasses import replace

from aatviz.recipes.mnist import EPS, linf_03, linf_03_shared
from aatviz.recipes.spec import AttackSpec, Recipe

FIVE_STEPS = AttackSpec(eps=EPS, step_size=0.15, steps=5, random_start=True)
SHARED = "mnist-linf-0.3-quick-shared"


def linf_03_quick_shared() -> Recipe:
    """The shared bank, from random weights in one cosine."""
    plain = linf_03_shared()
    bank = replace(plain.job("stage/shared"), name="shared", attack=FIVE_STEPS, steps=4500, shift=1, average=0.995)
    return replace(
        plain,
        name=SHARED,
        system=SHARED,
        about="One network with ten detector logits, trained by the cheapest recipe known to keep the AUC.",
        jobs=(bank,),
        classifiers_from=plain.system,
        prominence=0,
    )


def linf_03_quick() -> Recipe:
    """Ten separate detectors, finetuned from that bank."""
    plain, name = linf_03(), "mnist-linf-0.3-quick"
    start = f"../{SHARED}/shared.safetensors"
    return replace(
        plain,
        name=name,
        system=name,
        about="Ten separate base detectors, each finetuned from the bank of the cheapest recipe.",
        jobs=tuple(replace(job, steps=300, attack=FIVE_STEPS, average=0.99, start_from=start) for job in plain.jobs),
    )


RECIPES = (linf_03_quick_shared, linf_03_quick)
