"""The inner optimizers of PGD: each turns the gradient at x' into the step that is taken before the projection."""

from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from aatviz.attacks.geometry import Norm, norm, per_sample
from aatviz.runtime.hardware import in_float64

OptimizerName = Literal["adam", "steepest", "momentum"]
OPTIMIZERS: tuple[str, ...] = get_args(OptimizerName)


LEAST, MOST = 2.0**-50, 2.0**50
"""Gradients whose largest part lies between these can be squared in float32; others need care. A classifier that leads by 35
has smaller ones, by its cross-entropy."""


class InnerOptimizer(Protocol):
    """An optimizer of x', with the state that it keeps during one run over one batch."""

    def step(self, grad: Tensor) -> Tensor:
        """The update (N, ...) to add to x', for the gradient (N, ...) of the loss that is minimised."""


def unit_step(grad: Tensor, p: Norm) -> Tensor:
    """The steepest descent direction of unit size: -sign(g) for Linf, -g/||g||_2 for L2 (paper, table 8)."""
    if p == "Linf":
        return grad.sign().neg_()
    tiny = torch.finfo(grad.dtype).tiny
    peak = norm(grad, "Linf")
    grad = grad * per_sample(torch.where(_square_in_range(peak), 1, 1 / peak.clamp_min(tiny)), grad)
    return -grad / per_sample(norm(grad, "L2").clamp_min(tiny), grad)


def _square_in_range(peak: Tensor) -> Tensor:
    """For the largest parts (N,) of gradients: whether their squares are exact enough, bool (N,); True for 0."""
    return (peak == 0) | ((peak >= LEAST) & (peak <= MOST))


class Steepest:
    """Normalised steepest descent."""

    def __init__(self, step_size: float, p: Norm) -> None:
        self.step_size, self.p = step_size, p

    def step(self, grad: Tensor) -> Tensor:
        return self.step_size * unit_step(grad, self.p)


class Momentum:
    """Steepest descent along an average of the gradients, each of unit L1 norm (Dong et al., 2018)."""

    decay = 0.75

    def __init__(self, step_size: float, p: Norm) -> None:
        self.step_size, self.p = step_size, p
        self.velocity: Tensor | float = 0.0

    def step(self, grad: Tensor) -> Tensor:
        size = grad.flatten(1).abs().sum(1).clamp_min(torch.finfo(grad.dtype).tiny)
        self.velocity = self.decay * self.velocity + grad / per_sample(size, grad)
        step = self.step_size * unit_step(self.velocity, self.p)
        # An infinite gradient leaves a NaN behind, whose sign is 0: that pixel would never move again, and nobody know.
        return torch.where(self.velocity.isnan(), torch.nan, step)


class Adam:
    """Adam (Kingma and Ba, 2015) on the pixels, with the paper's use of it in PGD: `step_size` is the learning rate.

    `tiny` stands where Adam has its epsilon. It is kept far below any gradient: a well separated sample has gradients
    of 1e-8 and less, which the usual 1e-8 would silently turn into no attack at all. Samples that begin with a gradient
    whose square float32 cannot hold, below `LEAST` or above `MOST`, have their averages in float64 for the whole run.
    """

    beta1, beta2, tiny = 0.9, 0.999, 1e-20

    def __init__(self, step_size: float, p: Norm) -> None:
        self.step_size, self.p = step_size, p
        self.count = 0
        self.mean: Tensor | None = None
        self.square: Tensor | None = None
        self.apart: tuple[Tensor, Adam] | None = None
        """The rows (M,) whose averages are in float64, and the optimizer that has them."""

    def step(self, grad: Tensor) -> Tensor:
        if self.mean is None:
            rows = (~_square_in_range(norm(grad, "Linf"))).nonzero().flatten()
            self.apart = (rows, _WideAdam(self.step_size, self.p)) if len(rows) else None
        update = self._update(grad)
        if self.apart:
            rows, wide = self.apart
            update[rows] = wide._update(in_float64(grad[rows])).to(update)
        return update

    def _update(self, grad: Tensor) -> Tensor:
        if self.mean is None or self.square is None:
            self.mean, self.square = torch.zeros_like(grad), torch.zeros_like(grad)
        self.count += 1
        self.mean.lerp_(grad, 1 - self.beta1)
        self.square.mul_(self.beta2).addcmul_(grad, grad, value=1 - self.beta2)
        mean = self.mean / (1 - self.beta1**self.count)
        root = (self.square / (1 - self.beta2**self.count)).sqrt_().add_(self.tiny)
        return mean.div_(root).mul_(-self.step_size)


class _WideAdam(Adam):
    """Adam on gradients in float64, of any size that float32 has."""

    tiny = 1e-60


_CLASSES: dict[str, type[Adam | Steepest | Momentum]] = {"adam": Adam, "steepest": Steepest, "momentum": Momentum}


def make_optimizer(name: OptimizerName, step_size: float, p: Norm) -> InnerOptimizer:
    """A fresh optimizer for one run."""
    return _CLASSES[name](step_size, p)
