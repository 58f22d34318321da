"""Class Gaussians, from which noise of a class is drawn: a mean, a covariance of low rank, and an isotropic rest.

Figure 6 of the paper starts its images from it, after Santurkar et al. (2019). The covariance of class k is
F_k^T F_k + sigma_k^2 I: probabilistic PCA's estimate (Tipping and Bishop, 1999), in which F_k holds the leading principal
directions and sigma_k^2 is the mean of the variances that they leave over.

Large images are estimated at a grain g, as Santurkar et al. do: each square of g x g pixels becomes their mean, the Gaussian
is one of these small images, and each pixel of what is drawn from it becomes a square again.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassGaussians:
    """One Gaussian over images for each of K classes. D is the number of values of an image at its grain, R the rank."""

    mean: Tensor
    """Mean images (K,C,h,w), in [0,1]."""
    factors: Tensor
    """F (K,R,D): the principal directions. The square of each one's length is the variance along it minus sigma^2."""
    sigma: Tensor
    """Standard deviation (K,) of the isotropic rest, on the [0,1] scale."""
    grain: int = 1
    """Images are g x h high and g x w wide."""

    @property
    def classes(self) -> int:
        """K."""
        return len(self.mean)

    @property
    def rank(self) -> int:
        """R."""
        return self.factors.shape[1]

    def draw(self, k: int, generator: torch.Generator) -> Tensor:
        """One image of noise (C,H,W) of class k, clipped to [0,1]: mean + F^T a + sigma b, with a and b standard normal, and
        enlarged by the grain."""
        along = torch.randn(self.rank, generator=generator)
        rest = torch.randn(self.factors.shape[2], generator=generator)
        noise = along @ self.factors[k] + self.sigma[k] * rest
        small = (self.mean[k] + noise.view_as(self.mean[k])).clamp(0, 1)
        return small.repeat_interleave(self.grain, 1).repeat_interleave(self.grain, 2)


def reduced(x: Tensor, grain: int) -> Tensor:
    """Images (N,C,H,W) at a grain: the means (N,C,H/g,W/g) of their squares. ValueError where the squares do not fit."""
    if grain < 1 or x.shape[2] % grain or x.shape[3] % grain:
        raise ValueError(f"Images of {x.shape[2]} x {x.shape[3]} pixels cannot be divided into squares of {grain}.")
    return x if grain == 1 else F.avg_pool2d(x, grain)


def estimate(x: Tensor, y: Tensor, rank: int) -> tuple[ClassGaussians, list[float]]:
    """The Gaussians of the classes 0..max(y), and for each class the share of its variance that the low rank holds.

    Args:
        x: images (N,C,H,W), in [0,1].
        y: their classes (N,).
        rank: R, at least 0 and below the number of pixels.

    Raises:
        ValueError: for a rank that does not fit, or a class with fewer than rank + 2 images.
    """
    return estimate_each((x[y == k] for k in range(int(y.max()) + 1)), rank)


def estimate_each(classes: Iterable[Tensor], rank: int, grain: int = 1) -> tuple[ClassGaussians, list[float]]:
    """As `estimate`, from an iterable of the images (n,C,h,w) of one class after the other, so that not all of them need to
    be in memory together. They are at this grain already (`reduced`)."""
    mean, factors, sigma, share = zip(*(_estimate_one(x, k, rank) for k, x in enumerate(classes)), strict=True)
    return ClassGaussians(mean=torch.stack(mean), factors=torch.stack(factors), sigma=torch.stack(sigma), grain=grain), list(
        share
    )


def _estimate_one(x: Tensor, k: int, rank: int) -> tuple[Tensor, Tensor, Tensor, float]:
    pixels = math.prod(x.shape[1:])
    if not 0 <= rank < pixels:
        raise ValueError(f"rank lies in 0..{pixels - 1}, below the number of pixels; got {rank}.")
    if len(x) < rank + 2:
        raise ValueError(f"Class {k} has {len(x)} images; a Gaussian of rank {rank} needs at least {rank + 2}.")
    variances, directions = _principal(x.flatten(1).double())
    kept, total = variances[:rank], variances.sum()
    rest = variances[rank:].sum() / (pixels - rank)
    factors = directions[:rank] * (kept - rest).clamp_min(0).sqrt()[:, None]
    share = float(kept.sum() / total.clamp_min(torch.finfo(torch.float64).tiny))
    return x.mean(0), factors.float(), rest.clamp_min(0).sqrt().float(), share


def _principal(flat: Tensor) -> tuple[Tensor, Tensor]:
    """The variances along the principal directions of images (N,D), the largest first, and the directions, as rows.

    N images vary in fewer than N directions. Where N is at most D, only N directions are returned, from a decomposition of
    the N x D matrix: the D x D covariance of photographs would take gigabytes.
    """
    if len(flat) > flat.shape[1]:
        variances, directions = torch.linalg.eigh(torch.cov(flat.T))  # in ascending order
        return variances.flip(0), directions.flip(1).T
    _, lengths, directions = torch.linalg.svd(flat - flat.mean(0), full_matrices=False)
    return lengths.square() / (len(flat) - 1), directions
