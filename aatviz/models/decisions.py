"""Decisions of all victims: their names, and one function from logits to a decision and the score compared with T.

label, score = decide("integrated", {"f": z_f, "h": z_h})
accepted(label, score, threshold=0.0)
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from aatviz.models.losses import pick
from aatviz.runtime.hardware import in_float64

VictimName = Literal["generative", "integrated", "robust", "natural", "detector"]
"""The generative, integrated, robust or naturally trained classifier of a system, or one of its base detectors."""
VICTIMS: tuple[VictimName, ...] = get_args(VictimName)
REJECTING: tuple[VictimName, ...] = ("generative", "integrated", "detector")
"""The victims that reject by a detector's logit."""
MODELS_OF: dict[VictimName, str] = {"generative": "h", "integrated": "fh", "robust": "r", "natural": "f", "detector": "h"}
"""The models that each victim's decision depends on, by the letters of `Logits`."""
Logits = Mapping[str, Tensor]
"""Logits (...,K) by model: "f" the classifier, "h" the detector bank, "r" the robust classifier."""
Threshold = float | Sequence[float] | Tensor
"""T for all classes, or T_0 ... T_{K-1}; then the threshold of the winning class counts."""


class Decision(NamedTuple):
    """A victim's decisions about images, before any threshold."""

    label: Tensor
    """The winning class (...), int64; for a base detector, its column."""
    score: Tensor
    """The score (...) that is compared with T: the logit of the winning class's detector; for a classifier without
    detectors, the log-odds of its own decision."""


def decide(victim: VictimName, logits: Logits, *, priors: Tensor | None = None, detector: int | None = None) -> Decision:
    """A victim's decision from logits.

    Args:
        victim: one of `VICTIMS`.
        logits: (...,K) for each of the models in `MODELS_OF[victim]`; others are ignored.
        priors: p(C_k) (K,), needed by the generative classifier only (equation 6).
        detector: for the victim "detector", the column of its logit: k itself, except in a bank of only some classes.

    Raises:
        ValueError: for an unknown victim; where `priors` or `detector` is missing; for a bank without a detector of every
            class where one is needed; where a logit or a score is NaN. Without this check, an image with NaN would count as
            rejected, since NaN reaches no threshold.
    """
    if victim not in MODELS_OF:
        raise ValueError(f"The victim is one of {', '.join(VICTIMS)}; got {victim!r}.")
    decision = unchecked(victim, logits, priors=priors, detector=detector)
    bad = [model for model in MODELS_OF[victim] if bool(logits[model].isnan().any())]
    if bad or bool(decision.score.isnan().any()):
        where = f"the logits of {', '.join(bad)}" if bad else "the score"
        raise ValueError(
            f"Nothing can be said of the victim {victim}: {where} should be numbers, and are NaN for some image. "
            "Look for weights or pixels that are NaN or infinite."
        )
    return decision


def unchecked(victim: VictimName, logits: Logits, *, priors: Tensor | None = None, detector: int | None = None) -> Decision:
    """As `decide`, but without the check for NaN, for which an attack's loop would wait for the device: the decision about
    an image with NaN means nothing."""
    if victim == "detector":
        if detector is None:
            raise ValueError('detector= is missing: the victim "detector" needs it.')
        score = logits["h"][..., detector]
        return Decision(torch.full_like(score, detector, dtype=torch.long), score)
    if victim == "generative":
        if priors is None:
            raise ValueError("priors= is missing: the generative classifier weighs its detectors by them (equation 6).")
        _of_every_class(victim, logits["h"], len(priors))
        return _chosen(most_likely(logits["h"], priors), logits["h"])
    if victim == "integrated":
        _of_every_class(victim, logits["h"], logits["f"].shape[-1])
        return _chosen(logits["f"].argmax(-1), logits["h"])
    own = logits[MODELS_OF[victim]]
    label = own.argmax(-1)
    return Decision(label, log_odds(own, label))


def most_likely(z_h: Tensor, priors: Tensor) -> Tensor:
    """argmax_k p(C_k) sigma(z_k), equation 6: logits (...,K) and priors (K,) -> classes (...)."""
    return log_weights(z_h, priors).argmax(-1).to(z_h.device)


def log_weights(z_h: Tensor, priors: Tensor) -> Tensor:
    """What equation 6 compares (...,K), float64: the logarithm of p(C_k) sigma(z_k), relative to the largest prior."""
    # in float32 all logits above 16 would give the same density
    z = in_float64(z_h)
    log_prior = priors.to(z).log()
    return F.logsigmoid(z) + (log_prior - log_prior.max())


def log_odds(logits: Tensor, label: Tensor) -> Tensor:
    """log(p / (1 - p)) of a class (...) under the softmax of the logits (...,K): z_label - log sum_{i != label} exp z_i."""
    own = F.one_hot(label, logits.shape[-1]).bool()
    return pick(logits, label) - logits.masked_fill(own, -torch.inf).logsumexp(-1)


def accepted(label: Tensor, score: Tensor, threshold: Threshold, classes: int | None = None) -> Tensor:
    """Which images are accepted (N,), bool: where the score (N,) is at least T, or at least T_k of the winning class k.

    ValueError where T or a score is NaN, or where the number of T_k is not `classes`. Without `classes`, there must be a T_k
    for every class that wins here.
    """
    try:
        precision = score.dtype if score.is_floating_point() else torch.float64
        limits = torch.as_tensor(threshold, dtype=precision, device=score.device)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"A threshold is a number T, or one T_k for each class; got {str(threshold)[:60]!r}.") from None
    if bool(limits.isnan().any()) or bool(score.isnan().any()):
        raise ValueError("A threshold, and the scores that are held against it, are numbers; one of them is NaN.")
    if not limits.dim():
        return score >= limits
    if limits.dim() > 1 or (classes is not None and len(limits) != classes):
        wanted = f"{classes} classes" if classes is not None else "K classes (K,)"
        raise ValueError(f"A threshold is a number T, or one T_k for each of {wanted}; got {tuple(limits.shape)} of them.")
    if len(label) and len(limits) <= int(label.max()):
        raise ValueError(
            f"One T_k for each class is needed, and class {int(label.max())} wins here; got {len(limits)} of them."
        )
    return score >= limits[label]


def _of_every_class(victim: VictimName, z_h: Tensor, classes: int) -> None:
    """ValueError for a bank of only some classes: its columns would be taken for other classes."""
    if z_h.shape[-1] != classes:
        raise ValueError(
            f"The {victim} classifier needs a detector of every class; got {classes} classes and {z_h.shape[-1]} detectors."
        )


def _chosen(label: Tensor, z_h: Tensor) -> Decision:
    """The class with its own detector's logit."""
    return Decision(label, pick(z_h, label))
