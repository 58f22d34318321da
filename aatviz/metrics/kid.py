"""Kernel inception distance (Binkowski et al., 2018): how far one set of images is from another, by a network's features.

It is 0 on average for two samples of one distribution, and larger for unlike ones. Unlike FID it is unbiased, so that few
images are enough. The scale depends on the network: compare only values on the same features.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SUBSETS = 100


class Distance(NamedTuple):
    """A kernel inception distance."""

    value: float
    """The unbiased estimate on all images; it may be below 0."""
    std: float
    """The standard deviation of the estimate, taken over random halves of both sets (a delete-half jackknife)."""
    n: int
    """The number of measured images, without the reference."""


def kid(features: NDArray[np.float64], reference: NDArray[np.float64], seed: int = 0) -> Distance:
    """The squared maximum mean discrepancy of features (N,d) and reference features (M,d), N and M at least 4, by the kernel
    (x . y / d + 1)^3. ValueError for fewer, for other shapes and for values that are not finite."""
    fits = features.ndim == reference.ndim == 2 and features.shape[1] == reference.shape[1]
    if not fits or min(len(features), len(reference)) < 4:
        raise ValueError(
            "KID compares features (N,d) with (M,d), at least 4 of each; got "
            f"{tuple(features.shape)} and {tuple(reference.shape)}."
        )
    if not (np.isfinite(features).all() and np.isfinite(reference).all()):
        raise ValueError("KID needs finite features; some of these are not.")
    from sklearn.metrics.pairwise import polynomial_kernel  # here: loading it takes a second

    own, other, cross = (
        polynomial_kernel(a, b, degree=3, coef0=1).astype(np.float64)  # gamma is 1 / d
        for a, b in ((features, features), (reference, reference), (features, reference))
    )
    rng = np.random.default_rng(seed)

    def estimate(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> float:
        within = [
            (part.sum() - np.trace(part)) / (len(part) * (len(part) - 1))
            for part in (own[np.ix_(rows, rows)], other[np.ix_(columns, columns)])
        ]
        return float(sum(within) - 2 * cross[np.ix_(rows, columns)].mean())

    def half(count: int) -> NDArray[np.int64]:
        return rng.permutation(count)[: count // 2]

    halves = [estimate(half(len(features)), half(len(reference))) for _ in range(SUBSETS)]
    value = estimate(np.arange(len(features)), np.arange(len(reference)))
    return Distance(value, float(np.std(halves, ddof=1)), len(features))
