"""The attack losses: pure functions of logits, one value per sample, *minimised* by the attacker.

Shapes: `z_f`, `z_h` are logits (N,K) of the classifier f and of the detector bank H; `y` and `target` are class
indices (N,); the result is (N,). Names and equations are those of the paper (Yin, Kolouri and Rohde, 2020).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

LOWEST = -60.0
"""The lowest score whose softplus ranks it; see `fooled_rank`."""


def pick(logits: Tensor, index: Tensor) -> Tensor:
    """The logit of class `index` of each sample: (...,K), (...) -> (...)."""
    return logits.gather(-1, index.unsqueeze(-1)).squeeze(-1)


def max_other(logits: Tensor, y: Tensor) -> Tensor:
    """max_{i != y} of the logits: (N,K), (N,) -> (N,)."""
    own = F.one_hot(y, logits.shape[1]).bool()
    return logits.masked_fill(own, -torch.inf).amax(1)


def classifier_margin(z_f: Tensor, y: Tensor) -> Tensor:
    """Loss 9: z_f(x')_y - max_{i != y} z_f(x')_i. Negative exactly where f is fooled."""
    return pick(z_f, y) - max_other(z_f, y)


def cw(logits: Tensor, y: Tensor) -> Tensor:
    """The margin of loss 9 without further gain once the sample is misclassified (Carlini and Wagner, kappa = 0)."""
    return classifier_margin(logits, y).clamp_min(0)


def detectors_max(z_h: Tensor, y: Tensor) -> Tensor:
    """Loss 10: -max_{i != y} z_H(x')_i."""
    return -max_other(z_h, y)


def combined(z_f: Tensor, z_h: Tensor, y: Tensor) -> Tensor:
    """Loss 13: loss 9 while f is still right, loss 10 once it is fooled.

    The two cases have no common scale: to compare iterates across them, use `combined_rank`.
    """
    margin = classifier_margin(z_f, y)
    return torch.where(margin >= 0, margin, detectors_max(z_h, y))


def combined_rank(z_f: Tensor, z_h: Tensor, y: Tensor) -> Tensor:
    """Ranks iterates of the combined attack: smaller is better, and every one that fools f comes before every other.

    Loss 9 (>= 0) while f is right; once it is fooled -softplus(max_{i != y} z_H(x')_i) < 0, which falls with loss 10
    (`fooled_rank`).
    """
    margin = classifier_margin(z_f, y)
    return torch.where(margin >= 0, margin, fooled_rank(max_other(z_h, y)))


def fooled_rank(score: Tensor) -> Tensor:
    """The rank (N,) of misclassified images with these scores (N,): below 0, and the lower the higher the score.

    It is -softplus(score), which in float32 is 0 below -104, where detectors do go: an attack that looks at the rank alone
    would find no way up from there. So below `LOWEST` it is a hyperbola that stays between that value and 0.
    """
    far = -1e-27 / (LOWEST + 1 - score.clamp_max(LOWEST))  # exp(LOWEST) is 9e-27
    return torch.where(score >= LOWEST, -F.softplus(score), far)


def combined_surrogate(z_f: Tensor, z_h: Tensor, y: Tensor) -> Tensor:
    """Losses 11 and 12: max_i z_g(x')_i - max_{i != y} z_f(x')_i, where the surrogate g has the logits of f and one more,
    (1 - max_{j != y} z_H(x')_j) * max_j z_f(x')_j, for "detected" (after Carlini and Wagner, 2017a)."""
    detected = (1 - max_other(z_h, y)) * z_f.amax(1)
    return torch.maximum(z_f.amax(1), detected) - max_other(z_f, y)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Minus the cross-entropy towards the true class: the attacker raises the classifier's loss."""
    return -F.cross_entropy(logits, y, reduction="none")


def cross_entropy_and_gradient(logits: Tensor, y: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """`cross_entropy` (N,) and its gradient (N,K) with respect to the logits, as autograd computes it. The classes y come as
    a column (N,1), and `own` (N,K) is 1 at these places and 0 elsewhere."""
    log_p = logits.log_softmax(1)
    return log_p.gather(1, y).squeeze(1), torch.ops.aten._log_softmax_backward_data(own, log_p, 1, logits.dtype)


def target_logit_and_gradient(logits: Tensor, target: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """`target_logit` (N,) and its gradient (N,K) with respect to the logits: -1 at the target. `target` and `own` are as in
    `cross_entropy_and_gradient`."""
    return -logits.gather(1, target).squeeze(1), -own


def target_logit(logits: Tensor, target: Tensor) -> Tensor:
    """-z(x')_t: the targeted attack of figures 3, 5 and 6. For a bank it is also `detector_logit` (objective 5)."""
    return -pick(logits, target)
