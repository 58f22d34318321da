"""The detector bank H and the two classifiers with a reject option that are built on it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aatviz.runtime.hardware import in_float64

REJECTED = -1
"""The label of a rejected sample."""


class DetectorBank(nn.Module):
    """The K base detectors as one module: images (N,C,H,W) in [0,1] -> logits (N,K), z(H(x))_k = z(h_k(x)).

    A *separate* bank is given K networks of one output each (the paper's); a *shared* one a single network of K
    outputs (the paper's future work). Column k of the concatenated outputs is detector k.
    """

    def __init__(self, networks: Sequence[nn.Module], classes: int) -> None:
        super().__init__()
        if len(networks) not in (1, classes):
            raise ValueError(f"A bank of {classes} detectors has 1 or {classes} networks; got {len(networks)}.")
        self.networks = nn.ModuleList(networks)
        self.classes = classes

    @property
    def shared(self) -> bool:
        """Whether all detectors share one trunk."""
        return len(self.networks) == 1

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([network(x) for network in self.networks], dim=1)

    def logit(self, x: Tensor, k: int) -> Tensor:
        """z(h_k(x)) alone: (N,C,H,W) -> (N,). On a separate bank only network k runs."""
        return self.networks[0](x)[:, k] if self.shared else self.networks[k](x)[:, 0]


class GenerativeClassifier:
    """argmax_k p(C_k) sigma(z(H(x))_k), rejecting where the winning logit is below the threshold (paper, section 3.2)."""

    def __init__(self, detectors: DetectorBank, priors: Tensor) -> None:
        self.detectors = detectors
        self.priors = priors

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """The detectors' logits: (N,C,H,W) -> (N,K)."""
        return self.detectors(x)

    def decide(self, z_h: Tensor) -> tuple[Tensor, Tensor]:
        """The winning class (N,) and its logit (N,) from the detectors' logits (N,K); equation 6."""
        # In float64 and from the largest prior down: in float32 the logits above 16 would all be the same density.
        z = in_float64(z_h)
        log_prior = self.priors.to(z).log()
        log_density = torch.nn.functional.logsigmoid(z) + (log_prior - log_prior.max())
        label = log_density.argmax(1).to(z_h.device)
        return label, z_h.gather(1, label[:, None]).squeeze(1)

    def predict(self, x: Tensor, threshold: float | Tensor = -torch.inf) -> Tensor:
        """Labels (N,), -1 where rejected. `threshold` is T, or T_k as a tensor (K,)."""
        return apply_threshold(*self.decide(self.scores(x)), threshold)


class IntegratedClassifier:
    """k = f(x), rejecting where z(h_k(x)) < T_k (paper, section 3.1)."""

    def __init__(self, classifier: nn.Module, detectors: DetectorBank) -> None:
        self.classifier = classifier
        self.detectors = detectors

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """The logit of the detector that f's decision picks: (N,C,H,W) -> (N,)."""
        return self.decide(self.classifier(x), self.detectors(x))[1]

    @staticmethod
    def decide(z_f: Tensor, z_h: Tensor) -> tuple[Tensor, Tensor]:
        """f's class (N,) and that detector's logit (N,) from the logits (N,K) of f and of H."""
        label = z_f.argmax(1)
        return label, z_h.gather(1, label[:, None]).squeeze(1)

    @torch.no_grad()
    def predict(self, x: Tensor, threshold: float | Tensor = -torch.inf) -> Tensor:
        """Labels (N,), -1 where rejected. `threshold` is T, or T_k as a tensor (K,)."""
        return apply_threshold(*self.decide(self.classifier(x), self.detectors(x)), threshold)


def apply_threshold(label: Tensor, logit: Tensor, threshold: float | Tensor) -> Tensor:
    """The labels (N,), replaced by -1 where the logit (N,) is below T, or below T_k of the label's own class."""
    limit = threshold.to(logit)[label] if isinstance(threshold, Tensor) and threshold.dim() else threshold
    return torch.where(logit >= limit, label, REJECTED)
