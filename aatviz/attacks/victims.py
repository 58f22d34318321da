"""Three classifiers with a reject option as an attacker sees them: each a decision, a score, and losses against it.

The robust classifier has no detectors. To compare all three at the same clean cost, it is given a reject option as well: its
score is the log-odds of its own decision, log(p / (1 - p)). An attacker knows this too, and raises that score.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from aatviz.attacks.checks import Classes, ClassIndices, check_choice
from aatviz.attacks.objectives import AttackedSystem, LogitsObjective
from aatviz.models import losses
from aatviz.models.checks import check_fits, image_shape, in_precision_of
from aatviz.models.decisions import MODELS_OF, Decision, Logits, VictimName, decide, log_odds, log_weights, unchecked
from aatviz.models.detectors import GenerativeClassifier
from aatviz.models.losses import classifier_margin, fooled_rank, max_other, pick
from aatviz.models.networks import evaluating

WITH_REJECT: tuple[VictimName, ...] = ("generative", "integrated", "robust")
"""The names that a `Victim` can have: the classifiers with a reject option."""
Loss = Callable[[Logits, Tensor], Tensor]
"""Logits and true classes (N,) -> a loss (N,) that an attacker minimises."""
Both = Callable[[Logits, Tensor], tuple[Tensor, Tensor]]
"""Logits and true classes (N,) -> a loss (N,) for the steps, and the rank (N,) by which the best iterate is chosen."""

SCENARIOS: dict[str, tuple[str, Loss]] = {
    "classifier": ("f", lambda z, y: classifier_margin(z["f"], y)),
    "detectors": ("h", lambda z, y: losses.detectors_max(z["h"], y)),
    "detectors margin": ("h", lambda z, y: classifier_margin(z["h"], y)),
    "combined": ("fh", lambda z, y: losses.combined(z["f"], z["h"], y)),
    "combined surrogate": ("fh", lambda z, y: losses.combined_surrogate(z["f"], z["h"], y)),
    "margin": ("r", lambda z, y: classifier_margin(z["r"], y)),
}
"""The untargeted attack scenarios, in the paper's words. Each has the letters of the models that its loss needs (f, the
detectors h, the robust classifier r), and the loss: 9, 10, 13 and 12 of the paper. "detectors margin" and "margin" are loss
9 on the logits of the detectors and of the robust classifier; unlike loss 10, it also lowers the true class's logit."""
OWN_LOSS: dict[VictimName, str] = {"generative": "detectors", "integrated": "combined", "robust": "margin"}
"""The scenario with which the paper attacks each victim."""


class WholeSystem(AttackedSystem, Protocol):
    """What a victim needs of a system."""

    @property
    def robust_classifier(self) -> nn.Module: ...
    @property
    def generative(self) -> GenerativeClassifier: ...


@dataclass(frozen=True, kw_only=True)
class Victim:
    """One classifier of a system, seen by an attacker who knows everything. ValueError for a name not in `WITH_REJECT`."""

    name: VictimName
    system: WholeSystem

    def __post_init__(self) -> None:
        check_choice("The victim", self.name, WITH_REJECT)

    @property
    def models(self) -> str:
        """The letters of the models that its decision depends on: "f", "h", "r"."""
        return MODELS_OF[self.name]

    def differs(self, other: WholeSystem) -> bool:
        """Whether any network that its decision depends on has other weights in the other system."""
        there = Victim(name=self.name, system=other)
        return not all(_same(self._network(model), there._network(model)) for model in self.models)

    def logits(self, x: Tensor, models: str) -> Logits:
        """The logits (N,K), in float32, of the models named by their letters, for images (N,C,H,W); in eval mode, as attacks
        see them. ValueError for images of another shape than the networks were built for."""
        networks = {model: self._network(model) for model in models}
        check_fits(x, image_shape(*networks.values()))
        with evaluating(tuple(networks.values())), torch.autocast(x.device.type, enabled=False):
            return {model: network(in_precision_of(network, x)).float() for model, network in networks.items()}

    @torch.no_grad()
    def count(self, x: Tensor) -> int:
        """How many classes it chooses among, seen at the first of the images (N,C,H,W). The bank beside a robust classifier
        may have fewer detectors."""
        model = self.models[0]
        return self.logits(x[:1], model)[model].shape[1]

    def decide(self, z: Logits) -> Decision:
        """The winning class (N,) and the score (N,) that a threshold rejects by. ValueError for NaN."""
        return decide(self.name, z, priors=self._priors)

    def rank(self, z: Logits, y: Tensor) -> Tensor:
        """What images are worth to the attacker (N,): the lower, the better. Misclassified ones are below 0, and the lower
        the higher their score; the others have the margin of the true class, at least 0. NaN where a logit is NaN."""
        label, score = unchecked(self.name, z, priors=self._priors)
        rank = torch.where(label != y, fooled_rank(score), classifier_margin(z[self.models[0]], y).clamp_min(0))
        broken = torch.stack([z[model].isnan().any(1) for model in self.models]).any(0)
        return rank.masked_fill(broken, torch.nan)  # callers raise the error

    def untargeted(self, scenario: str, y: Classes, bf16: bool = False) -> LogitsObjective:
        """The objective of one of `SCENARIOS`, with true classes y (N,); iterates are ranked by `rank` for this victim."""
        needed, loss = SCENARIOS[scenario]
        models = "".join(sorted({*needed, *self.models}))
        return self._objective(lambda z, y: (loss(z, y), self.rank(z, y)), models, ClassIndices("y", y), bf16)

    def targeted(self, y: Classes, target: Classes, bf16: bool = False) -> LogitsObjective:
        """The objective of one target t per image (N,): first be classified as t, then raise t's score (Tramer et al.)."""
        goal = ClassIndices("target", target)

        def both(z: Logits, y: Tensor) -> tuple[Tensor, Tensor]:
            return self._towards(z, y, goal.of(z[self.models[0]])), self.rank(z, y)

        return self._objective(both, self.models, ClassIndices("y", y), bf16)

    def rejected(self, y: Classes, bf16: bool = False, turning: bool = False) -> LogitsObjective:
        """The objective of an attacker who wants images rejected (Chen et al., 2023, arXiv 2305.01139): the score of the
        decision falls, whatever the decision is. With `turning` steps lower the margin of the true class y (N,) instead:
        a decision that turns may leave a score behind that is lower still. Iterates are ranked by the score."""

        def both(z: Logits, y: Tensor) -> tuple[Tensor, Tensor]:
            score = unchecked(self.name, z, priors=self._priors)[1]
            return (classifier_margin(z[self.models[0]], y) if turning else score), score

        return self._objective(both, self.models, ClassIndices("y", y), bf16)

    @torch.no_grad()
    def rank_of(self, x: Tensor, y: Tensor) -> Tensor:
        """The `rank` (N,) of images (N,C,H,W) with true classes y (N,); no gradient is taken. ValueError for another number
        of classes than of images."""
        if y.shape != (len(x),):
            raise ValueError(f"y holds one class per image ({len(x)},); got the shape {tuple(y.shape)}.")
        return self.rank(self.logits(x, self.models), y)

    @torch.no_grad()
    def judge(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The winning class and its score, (N,) each, of images (N,C,H,W)."""
        labels, scores = zip(*(self.decide(self.logits(part, self.models)) for part in x.split(1000)), strict=True)
        return torch.cat(labels), torch.cat(scores)

    def _towards(self, z: Logits, y: Tensor, target: Tensor) -> Tensor:
        if self.name == "generative":
            behind = pick(z["h"], y) - pick(z["h"], target)
            return torch.where(self._outweighs(z["h"], y, target), behind, 0) - pick(z["h"], target)
        if self.name == "integrated":
            behind = max_other(z["f"], target) - pick(z["f"], target)
            return torch.where(behind >= 0, behind, -pick(z["h"], target))
        return -log_odds(z["r"], target)

    def _outweighs(self, z_h: Tensor, y: Tensor, target: Tensor) -> Tensor:
        """Where the generative classifier prefers y to the target (N,), bool: with unequal priors not only where its logit
        is higher."""
        weights = log_weights(z_h.detach(), self.system.generative.priors)
        return (pick(weights, y.to(weights.device)) > pick(weights, target.to(weights.device))).to(z_h.device)

    def _objective(self, both: Both, models: str, y: ClassIndices, bf16: bool) -> LogitsObjective:
        def of_logits(*logits: Tensor) -> tuple[Tensor, Tensor]:
            return both(dict(zip(models, logits, strict=True)), y.of(logits[0]))

        half = tuple(bf16 and model != "f" for model in models)
        return LogitsObjective(of_logits, tuple(self._network(model) for model in models), half)

    @property
    def _priors(self) -> Tensor | None:
        return self.system.generative.priors if self.name == "generative" else None

    def _network(self, model: str) -> nn.Module:
        system = self.system
        return system.robust_classifier if model == "r" else {"f": system.classifier, "h": system.detectors}[model]


def _same(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
