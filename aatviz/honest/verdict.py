"""From scores to a verdict: error at each threshold, the worst case for each image, checks for masked gradients, and words.

All functions take tensors of scores: a false positive at T is an image whose score is at least T (minus infinity where it is
not misclassified, or not inside ball and box).
"""

from typing import Any

import torch
from torch import Tensor

from aatviz.metrics import Interval, wilson

BLACK_BOX = ("Square", "transfer")
"""Attacks that see no gradient of their victim."""
EVERY = "worst of all"
NOISE = 2
"""By how many images a setting of a sweep may do worse than a weaker one."""


def errors(scores: dict[str, Tensor], threshold: float) -> dict[str, Interval]:
    """Equation 15 for each attack's scores (N,), and for the per-image worst case over all of them."""
    found = {name: share(values >= threshold) for name, values in scores.items()}
    return found | {EVERY: share(worst_case(scores) >= threshold)}


def worst_case(scores: dict[str, Tensor]) -> Tensor:
    """The highest score (N,) of each image over all attacks."""
    return torch.stack(list(scores.values())).amax(0)


def share(hits: Tensor) -> Interval:
    """A proportion of booleans (N,) with Wilson's 95 % interval."""
    return wilson(int(hits.sum()), len(hits))


def sweep_errors(scores: Tensor, threshold: float) -> list[Interval]:
    """The error at T for every setting of a sweep, from scores (L,N)."""
    return [share(row >= threshold) for row in scores]


def masking_checks(scores: dict[str, Tensor], sweeps: dict[str, Tensor], threshold: float) -> list[dict[str, Any]]:
    """Signs that gradients are masked, as {"check", "passed", "words"}: Athalye et al. (2018) and Carlini et al. (2019)."""
    error = {name: values.value for name, values in errors(scores, threshold).items()}
    white = {name: values for name, values in scores.items() if name not in BLACK_BOX}
    blind = {name: values for name, values in scores.items() if name in BLACK_BOX}
    best_white = max(error[name] for name in white)
    checks = []
    for name in blind:
        alone = int(((blind[name] >= threshold) & (worst_case(white) < threshold)).sum())
        words = (
            f"{name} fools {error[name]:.1%} of the images, the strongest attack with gradients {best_white:.1%}; "
            f"{alone} of {len(blind[name])} images are fooled by {name} alone."
        )
        checks.append(_check(f"{name} does not beat the attacks with gradients", error[name] <= best_white, words))
    for name, about in (("steps", "More steps never do worse"), ("eps", "A larger ball never does worse")):
        if name in sweeps:
            rates = [found.value for found in sweep_errors(sweeps[name], threshold)]
            fooled = (sweeps[name] >= threshold).sum(1)
            fall = int((fooled.cummax(0).values - fooled).max())
            words = "Error along the sweep: " + ", ".join(f"{rate:.0%}" for rate in rates) + "."
            checks.append(_check(about, fall <= NOISE, words))
    if "eps" in sweeps:
        last = sweep_errors(sweeps["eps"], threshold)[-1].value
        words = f"With the whole box allowed, {last:.0%} of the images are misclassified and accepted."
        words += (
            "" if last == 1.0 else " The rest is a limit of this attack, not a strength: read its errors as lower bounds."
        )
        checks.append(_check("In the whole box every image is fooled", last == 1.0, words))
    return checks


def _check(check: str, passed: bool, words: str) -> dict[str, Any]:
    return {"check": check, "passed": passed, "words": words}
