"""Losses whose least value in ball and box is known exactly, and images to try attacks on."""

import torch
from torch import Tensor

from aatviz.attacks.geometry import Norm

EPS = {"Linf": 0.3, "L2": 1.5}


class Linear:
    """The loss of a linear detector, <w, x'>: its minimum in ball and box is known."""

    def __init__(self, w: Tensor) -> None:
        self.w = w
        self.calls = 0

    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        return (x_adv * self.w).flatten(1).sum(1), self.w.expand_as(x_adv).clone()


class Quadratic:
    """||x' - goal||^2 / 2, whose every iterate has another loss and gradient."""

    def __init__(self, goal: Tensor) -> None:
        self.goal = goal

    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        return (x_adv - self.goal).square().flatten(1).sum(1) / 2, x_adv - self.goal


def images(n: int = 3, *, at_border: bool, seed: int = 0) -> Tensor:
    """Images in the middle of the box, or (as digits are) with most pixels at its border."""
    drawn = torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    return (drawn * 3 - 1).clamp(0, 1) if at_border else 0.5 + 0.02 * drawn


def weights(seed: int = 7) -> Tensor:
    return torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(seed))


def optimum(w: Tensor, x: Tensor, p: Norm, eps: float) -> Tensor:
    """argmin <w, x'> in ball and box, in float64.

    Linf: pixel by pixel. L2: the Lagrangian <w, d> + mu/2 (||d||^2 - eps^2) is least at d = clip(-w / mu) into the box,
    whose norm falls with mu; mu (as its inverse s) by bisection, unless the box alone keeps d inside the ball.
    """
    w, x = w.double().expand_as(x), x.double()
    if p == "Linf":
        return (x - eps * w.sign()).clamp(0, 1)
    low, high = torch.zeros(len(x)).double(), torch.full((len(x),), 1e9).double()
    for _ in range(200):
        s = (low + high) / 2
        inside = ((x - s.view(-1, 1, 1, 1) * w).clamp(0, 1) - x).flatten(1).norm(dim=1) <= eps
        low, high = torch.where(inside, s, low), torch.where(inside, high, s)
    return (x - low.view(-1, 1, 1, 1) * w).clamp(0, 1)
