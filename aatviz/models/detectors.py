"""The detector bank H and the two classifiers with a reject option that are built on it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aatviz.models.checks import Array, check_fits, check_images, image_shape, in_precision_of
from aatviz.models.decisions import Decision, Threshold, accepted, decide
from aatviz.models.networks import evaluating

REJECTED = -1
"""The label of a rejected sample."""


class DetectorBank(nn.Module):
    """Base detectors as one module: images (N,C,H,W) in [0,1] -> logits (N,K); column j is z(h_k(x)) of k = classes[j].

    A *separate* bank has K networks with one output each (the paper's); a *shared* one has a single network with K outputs
    (the paper's future work). A bank may have detectors of only some classes, even of one.

    Args:
        networks: K of them, or one for all.
        classes: the classes that they detect, in rising order; a number K stands for 0..K-1.

    Raises:
        ValueError: for classes that are not rising from 0 on, or another number of networks than 1 or K.
    """

    def __init__(self, networks: Sequence[nn.Module], classes: int | Sequence[int]) -> None:
        super().__init__()
        self.classes = tuple(range(classes)) if isinstance(classes, int) else tuple(classes)
        """The class of the data set that each column stands for."""
        count = len(self.classes)
        if not count or list(self.classes) != sorted({*self.classes}) or self.classes[0] < 0:
            raise ValueError(f"The classes of a bank are at least one, from 0 on and growing; got {list(self.classes)}.")
        if len(networks) not in (1, count):
            raise ValueError(f"A bank of {count} detectors has 1 or {count} networks; got {len(networks)}.")
        self.networks = nn.ModuleList(networks)

    @property
    def shared(self) -> bool:
        """Whether several detectors share one trunk."""
        return len(self.networks) < len(self.classes)

    @property
    def full(self) -> bool:
        """Whether the classes are 0..K-1 without a gap, so that every class is its own column. Whether the data set has more
        classes than K, only a system knows."""
        return self.classes[-1] == len(self.classes) - 1

    def column(self, k: int) -> int:
        """The column of detector k in the logits. ValueError, with the bank's classes, where it has no detector k."""
        if k not in self.classes:
            raise ValueError(f"The bank has no detector of class {k}; it has those of {', '.join(map(str, self.classes))}.")
        return self.classes.index(k)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([network(x) for network in self.networks], dim=1)

    def logit(self, x: Tensor, k: int) -> Tensor:
        """z(h_k(x)) alone: (N,C,H,W) -> (N,). On a separate bank only that network runs. ValueError as in `column`."""
        column = self.column(k)
        return self.networks[0](x)[:, column] if self.shared else self.networks[column](x)[:, 0]


class GenerativeClassifier:
    """argmax_k p(C_k) sigma(z(H(x))_k), rejecting where the winning logit is below the threshold (paper, section 3.2)."""

    def __init__(self, detectors: DetectorBank, priors: Tensor) -> None:
        """A prior (K,) for every class of the data set. ValueError where the bank lacks the detector of one."""
        if not detectors.full or len(detectors.classes) != len(priors):
            raise ValueError(
                f"The generative classifier needs a detector of every one of {len(priors)} classes; the bank has those of "
                f"{', '.join(map(str, detectors.classes))}."
            )
        self.detectors = detectors
        self.priors = priors

    @torch.no_grad()
    def scores(self, x: Array) -> Tensor:
        """The detectors' logits: (N,C,H,W), in [0,1] -> (N,K). ValueError for another shape or range."""
        return _logits(self.detectors, x)

    def decide(self, z_h: Tensor) -> Decision:
        """The winning class (N,) and its logit (N,) from the detectors' logits (N,K); equation 6. ValueError for NaN."""
        return decide("generative", {"h": z_h}, priors=self.priors)

    def predict(self, x: Array, threshold: Threshold = -torch.inf) -> Tensor:
        """Labels (N,) of images (N,C,H,W) in [0,1], -1 where rejected. `threshold` is T, or T_k for each class (K,).
        ValueError for images of another shape or range, and for NaN."""
        return apply_threshold(*self.decide(self.scores(x)), threshold, len(self.priors))


class IntegratedClassifier:
    """k = f(x), rejecting where z(h_k(x)) < T_k (paper, section 3.1)."""

    def __init__(self, classifier: nn.Module, detectors: DetectorBank) -> None:
        """ValueError for a bank with gaps. Whether it has a detector of each of f's classes is checked at the first
        decision."""
        if not detectors.full:
            raise ValueError(
                "The integrated classifier needs a detector of every class of f; the bank has those of "
                f"{', '.join(map(str, detectors.classes))}."
            )
        self.classifier = classifier
        self.detectors = detectors

    @torch.no_grad()
    def scores(self, x: Array) -> Tensor:
        """The logit of the detector of f's decision: (N,C,H,W), in [0,1] -> (N,). ValueError for another shape or range, and
        for NaN."""
        return self.decide(_logits(self.classifier, x), _logits(self.detectors, x))[1]

    @staticmethod
    def decide(z_f: Tensor, z_h: Tensor) -> Decision:
        """f's class (N,) and the logit (N,) of that class's detector, from the logits (N,K) of f and of H. ValueError for
        NaN, and where the two have different K: the detectors' columns would stand for other classes than f's."""
        return decide("integrated", {"f": z_f, "h": z_h})

    @torch.no_grad()
    def predict(self, x: Array, threshold: Threshold = -torch.inf) -> Tensor:
        """Labels (N,) of images (N,C,H,W) in [0,1], -1 where rejected. `threshold` is T, or T_k for each class (K,).
        ValueError for images of another shape or range, and for NaN."""
        z_h = _logits(self.detectors, x)
        return apply_threshold(*self.decide(_logits(self.classifier, x), z_h), threshold, z_h.shape[-1])


def apply_threshold(label: Tensor, logit: Tensor, threshold: Threshold, classes: int | None = None) -> Tensor:
    """The labels (N,), replaced by -1 where the logit (N,) is below T, or below T_k of the label's own class, one of K
    `classes`."""
    return torch.where(accepted(label, logit, threshold, classes), label, REJECTED)


def _logits(network: nn.Module, x: Array) -> Tensor:
    """The logits (N,K) of a caller's images (N,C,H,W), in eval mode and without autocast, as attacks see them.
    ValueError for another shape or range."""
    images = check_images(x, least=0)
    check_fits(images, image_shape(network))
    with evaluating((network,)), torch.autocast(images.device.type, enabled=False):
        logits: Tensor = network(in_precision_of(network, images))
    return logits
