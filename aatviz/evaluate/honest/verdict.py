"""From scores to a verdict: the error at a threshold, the worst case for each image, and checks for masked gradients.

All functions take tensors of scores. An image is a false positive at T where its score is at least T; the score is minus
infinity where the image is not misclassified, or not inside ball and box.
"""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from aatviz.metrics import Interval, share

BLACK_BOX = ("Square", "transfer")
"""Attacks that see no gradient of their victim."""
EVERY = "worst of all"
CONVERGED = {"steps": "More steps", "step_size": "Other step sizes"}
"""The sweeps that must not find more than the protocol's own setting, and what varies in them."""
LITTLE = 0.02
"""A share of the images: so much worse may a larger ball do, and so much better more steps or restarts, in a passed
check."""


def errors(scores: dict[str, Tensor], threshold: float) -> dict[str, Interval]:
    """Equation 15 for each attack's scores (N,), and for the per-image worst case over all of them."""
    found = {name: share(values >= threshold) for name, values in scores.items()}
    return found | {EVERY: share(worst_case(scores) >= threshold)}


def worst_case(scores: dict[str, Tensor]) -> Tensor:
    """The highest score (N,) of each image over all attacks."""
    return torch.stack(list(scores.values())).amax(0)


def total_error(natural: Tensor, found: Tensor) -> Tensor:
    """Which images count as errors in growing balls (L+1,N), bool: at 0 those of `natural` (N,), for example misclassified
    or rejected as they are; then also those that an attack found in one of the balls so far, from small to large, `found`
    (L,N)."""
    return torch.cat([natural[None], natural | (found.cumsum(0) > 0)])


def sweep_errors(scores: Tensor, threshold: float) -> list[Interval]:
    """The error at T for every setting of a sweep, from scores (L,N)."""
    return [share(row >= threshold) for row in scores]


def masking_checks(
    scores: dict[str, Tensor],
    sweeps: dict[str, Tensor],
    used: Mapping[str, int],
    threshold: float,
    nearly: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Checks for masked gradients, as {"check", "passed", "words"}, after Athalye et al. (2018) and Carlini et al. (2019).

    `scores` (N,) are by attack, `sweeps` (L,N) by sweep; `used` is the place in a sweep of the protocol's own setting, or
    of the nearest one in the sweeps that are named in `nearly`. The words of a check that is not passed end with what that
    means.
    """
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
        means = "The worst of all counts these; what gradients alone find is a lower bound."
        checks.append(_check(f"{name} does not beat the attacks with gradients", error[name] <= best_white, words, means))
    for name in scores:
        few, _, many = name.rpartition(", ")
        if many.endswith("restarts"):
            more = int((scores[name] >= threshold).sum() - (scores[few] >= threshold).sum())
            words = f"{few} fools {error[few]:.1%} of the images, with {many} {error[name]:.1%}."
            means = "The worst of all counts them too. Still more restarts may find more: read it as a lower bound."
            checks.append(_check("More restarts hardly do better", more <= LITTLE * len(scores[name]), words, means))
    for sweep, what in CONVERGED.items():
        if sweep in sweeps:
            fooled, about = _along(sweeps[sweep], threshold)
            n, most, own = sweeps[sweep].shape[1], int(fooled.max()), int(fooled[used[sweep]])
            where = "The setting nearest to the protocol's own" if sweep in nearly else "The protocol's own setting"
            words = f"{about} {where}: {own / n:.0%}."
            means = "This attack is not at its end: read what it finds alone, here and in other balls, as a lower bound."
            if (worst := errors(scores, threshold)[EVERY].value) > most / n:
                means += f" Other attacks find more: the worst of all is {worst:.1%}."
            checks.append(_check(f"{what} hardly do better", most - own <= LITTLE * n, words, means))
    if "eps" in sweeps:
        fooled, about = _along(sweeps["eps"], threshold)
        fall, n = int((fooled.cummax(0).values - fooled).max()), sweeps["eps"].shape[1]
        means = "This attack loses its way where it has more room: read its errors as lower bounds."
        checks.append(_check("A larger ball never does worse", fall <= LITTLE * n, about, means))
        last = int(fooled[-1]) / n
        words = f"With the whole box allowed, {last:.0%} of the images are misclassified and accepted."
        means = "The rest is a limit of this attack, not a strength: read its errors as lower bounds."
        checks.append(_check("In the whole box every image is fooled", last == 1.0, words, means))
    return checks


def _along(scores: Tensor, threshold: float) -> tuple[Tensor, str]:
    """The number of images that each setting of a sweep fools (L,), from scores (L,N), and their shares in words."""
    fooled = (scores >= threshold).sum(1)
    shares = ", ".join(f"{int(count) / scores.shape[1]:.0%}" for count in fooled)
    return fooled, f"Error along the sweep: {shares}."


def _check(check: str, passed: bool, words: str, means: str) -> dict[str, Any]:
    return {"check": check, "passed": passed, "words": words if passed else f"{words} {means}"}
