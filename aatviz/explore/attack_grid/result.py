"""The settings and the result of a comparison: samples x targets on several models, as in the paper's figures 3, 5 and 8.

In the shapes below, R is the number of samples, T that of targets, and K that of all classes. T is K where the settings
name no targets.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aatviz.attacks import norm
from aatviz.attacks.checks import check_choice, check_seed, check_whole, set_plain
from aatviz.attacks.geometry import Norm
from aatviz.attacks.optimizers import OptimizerName
from aatviz.attacks.settings import AttackSettings
from aatviz.explore.targets import checked_targets
from aatviz.models import decisions
from aatviz.models.decisions import VictimName
from aatviz.store.card import Need
from aatviz.store.systems import System

Model = VictimName
MODELS: tuple[Model, ...] = ("generative", "robust", "natural")
"""The models whose target logit can be raised: the bank as "generative", and both classifiers."""
NEEDS: dict[Model, Need] = {"generative": "full_bank", "robust": "robust_classifier"}
"""The part of a system that a model needs, where a system may lack it."""
CSV_HEAD = ["model", "row", "index", "class", "target", "target_logit_natural", "target_logit", "linf", "l2", "decision"]
_LEVELS = 65535
"""Stored images have 16 bits a pixel, so that no perturbation is rounded away."""


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Which samples, which models, which attack. The fields from `norm` on are the arguments of `aatviz.pgd`.

    No attack has a random start, so that `seed` decides on the choice of the samples alone. ValueError for no model, an
    unknown model, or an impossible setting of the attack.
    """

    models: tuple[Model, ...] = ("generative", "robust")
    """The attacked models, in the order of `MODELS`."""
    digit: int | None = None
    """The rows are different samples of this class; None for one sample of each target class."""
    seed: int = 0
    """Chooses the samples."""
    norm: Norm = "Linf"
    eps: float = 0.4
    """On the [0,1] scale of the images."""
    steps: int = 100
    step_size: float = 0.01
    optimizer: OptimizerName = "adam"
    targets: tuple[int, ...] | None = None
    """The classes that samples are pushed towards, in rising order; None for all of them."""

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError(f"At least one model is needed; there are {', '.join(MODELS)}.")
        for model in self.models:
            check_choice("A model", model, MODELS)
        set_plain(
            self,
            models=tuple(model for model in MODELS if model in self.models),
            seed=check_seed(self.seed),
            digit=None if self.digit is None else check_whole("digit", self.digit, least=0),
            targets=checked_targets(self.targets),
        )
        found = self.attack(self.models[0], 0)  # its own checks of the attack
        set_plain(self, eps=found.eps, step_size=found.step_size, steps=found.steps)

    def attack(self, model: Model, target: int) -> AttackSettings:
        """The attack on one pair, as `aatviz.explore.attack_path.trace_attack` runs it on one image."""
        return AttackSettings(victim=model, loss="target_logit", target=target, **self.budget)

    @property
    def budget(self) -> dict[str, Any]:
        """The arguments of `aatviz.pgd`."""
        return {name: getattr(self, name) for name in ("norm", "eps", "steps", "step_size", "optimizer")}


class Summary(NamedTuple):
    """One model's grid in numbers, over its `pairs`: those whose target is not the true class."""

    pairs: int
    linf: float
    """The mean norms of the perturbations."""
    l2: float
    before: float
    """The mean target logit of the natural samples, and of the perturbed ones."""
    after: float
    reached: int
    """Pairs in which the model decides for the target."""
    among: int
    """Pairs whose target logit exceeds the one that 95 % of the natural samples of the target class exceed."""
    above: int
    """Pairs whose target logit exceeds that of the median natural sample of the target class."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NaturalLogits:
    """One model's target logits on natural samples (figure 8), in bins of `width`; the first begins at `first * width`."""

    first: int
    own: NDArray[np.int64]
    """Samples of the target class (K,B): row k counts z(x)_k over the x of class k."""
    others: NDArray[np.int64]
    """Samples of the other classes (K,B): row k counts z(x)_k over all other x."""
    median: Tensor
    """The median of z(x)_k over the samples of class k (K,), before any counting."""
    low: Tensor
    """The 5 % quantile of the same (K,): 95 of 100 natural samples of class k have a higher logit."""

    width: ClassVar[float] = 0.5

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays to store; `from_arrays` is the way back."""
        arrays = {"first": np.array(self.first), "own": self.own, "others": self.others}
        return arrays | {"median": self.median.numpy(), "low": self.low.numpy()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "NaturalLogits":
        """The counts from the arrays that `to_arrays` made. KeyError where one is missing."""
        first, own, others = (arrays[name] for name in ("first", "own", "others"))
        median, low = (torch.from_numpy(arrays[name]) for name in ("median", "low"))
        return cls(first=int(first), own=own, others=others, median=median, low=low)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """R natural samples, each pushed towards each of T targets, on every model of the settings."""

    settings: CompareSettings
    index: Tensor
    """Which samples (R,), as indices of the images that were given to `compare`."""
    y: Tensor
    """Their classes (R,)."""
    natural: Tensor
    """The samples (R,C,H,W), in [0,1]."""
    natural_logits: dict[Model, Tensor]
    """Their logits (R,K) by every network that the system has: those of the bank under "generative"."""
    images: dict[Model, Tensor]
    """By attacked model, the perturbed images (R,T,C,H,W), in [0,1] and in the ball; column j was pushed towards
    `targets[j]`."""
    logits: dict[Model, dict[Model, Tensor]]
    """By attacked model, then by network: the logits (R,T,K) of its perturbed images, in float32."""

    @property
    def targets(self) -> Tensor:
        """The classes of the columns (T,)."""
        return torch.arange(self.classes) if self.settings.targets is None else torch.tensor(self.settings.targets)

    def column(self, target: int) -> int:
        """The column of a target class; 0 where no sample was pushed towards it."""
        found = (self.targets == target).nonzero()
        return int(found[0]) if len(found) else 0

    @property
    def is_pair(self) -> Tensor:
        """Whether the target is not the true class (R,T), bool."""
        return self.targets != self.y[:, None]

    @property
    def classes(self) -> int:
        """K."""
        return next(iter(self.natural_logits.values())).shape[1]

    @property
    def scale(self) -> float:
        """The largest change of any pixel by any attack: one colour scale for all perturbations."""
        return max(float(self.delta(model).abs().max()) for model in self.images)

    def delta(self, model: Model) -> Tensor:
        """The perturbations (R,T,C,H,W) of one attacked model."""
        return self.images[model] - self.natural[:, None]

    def norms(self, model: Model, p: Norm) -> Tensor:
        """The norms of the perturbations (R,T)."""
        return norm(self.delta(model).flatten(0, 1), p).view(len(self.y), len(self.targets))

    def before(self, model: Model) -> Tensor:
        """The model's target logit of the natural sample (R,T)."""
        return self.natural_logits[model][:, self.targets]

    def after(self, model: Model) -> Tensor:
        """The model's target logit of the perturbed image (R,T), which the attack raised."""
        return self.logits[model][model][:, torch.arange(len(self.targets)), self.targets]

    def summary(self, system: System, model: Model, natural: NaturalLogits) -> Summary:
        """The grid of one attacked model in numbers. `natural` are the model's logits on natural samples."""
        chosen, after = self.is_pair, self.after(model)
        decision = decide(system, model, self.logits[model])[0]

        def mean(values: Tensor) -> float:
            return float(values[chosen].mean())

        return Summary(
            pairs=int(chosen.sum()),
            linf=mean(self.norms(model, "Linf")),
            l2=mean(self.norms(model, "L2")),
            before=mean(self.before(model)),
            after=mean(after),
            reached=int((decision == self.targets)[chosen].sum()),
            among=int((after > natural.low[self.targets])[chosen].sum()),
            above=int((after > natural.median[self.targets])[chosen].sum()),
        )

    def rows(self, system: System) -> list[list[str | int | float]]:
        """One row for each model and pair, in the columns of `CSV_HEAD`; also for pairs whose target is the true class."""
        rows: list[list[str | int | float]] = []
        for model in self.images:
            decision = decide(system, model, self.logits[model])[0].tolist()
            columns = [self.before(model), self.after(model), self.norms(model, "Linf"), self.norms(model, "L2")]
            before, after, linf, l2 = (column.tolist() for column in columns)
            for r, (index, y) in enumerate(zip(self.index.tolist(), self.y.tolist(), strict=True)):
                for j, target in enumerate(self.targets.tolist()):
                    numbers = (round(column[r][j], 5) for column in (before, after, linf, l2))
                    rows.append([model, r, index, y, target, *numbers, decision[r][j]])
        return rows

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays for `aatviz.runtime.files.write_arrays`; `from_arrays` is the way back, with 16 bits a pixel."""
        arrays = {
            "settings": np.array(json.dumps(dataclasses.asdict(self.settings))),
            "index": self.index.numpy(),
            "y": self.y.numpy(),
            "natural": _to_levels(self.natural),
        }
        arrays |= {f"natural_logits.{name}": logits.numpy() for name, logits in self.natural_logits.items()}
        for model, images in self.images.items():
            arrays[f"images.{model}"] = _to_levels(images)
            arrays |= {f"logits.{model}.{name}": logits.numpy() for name, logits in self.logits[model].items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Comparison":
        """The comparison from the arrays that `to_arrays` made. KeyError or ValueError where they do not fit.

        Old files hold images without a channel: (R,H,W) and (R,T,H,W).
        """
        settings = CompareSettings(**json.loads(str(arrays["settings"])))
        there = [name for name in MODELS if f"natural_logits.{name}" in arrays]
        natural = _from_levels(arrays["natural"])
        images = {model: _from_levels(arrays[f"images.{model}"]) for model in settings.models}
        if natural.dim() == 3:
            natural, images = natural.unsqueeze(1), {model: found.unsqueeze(2) for model, found in images.items()}
        return cls(
            settings=settings,
            index=torch.from_numpy(arrays["index"]),
            y=torch.from_numpy(arrays["y"]),
            natural=natural,
            natural_logits={name: torch.from_numpy(arrays[f"natural_logits.{name}"]) for name in there},
            images=images,
            logits={
                model: {name: torch.from_numpy(arrays[f"logits.{model}.{name}"]) for name in there}
                for model in settings.models
            },
        )


def decide(system: System, model: Model, logits: Mapping[Model, Tensor]) -> tuple[Tensor, Tensor | None]:
    """A model's decision (...) from all networks' logits (...,K); and, for a model that rejects, the logit (...) that is
    compared with T, else None."""
    priors = system.generative.priors if model == "generative" else None
    label, score = decisions.decide(model, {decisions.MODELS_OF[model]: logits[model]}, priors=priors)
    return label, score if model in decisions.REJECTING else None


def _to_levels(images: Tensor) -> NDArray[np.uint16]:
    return (images.clamp(0, 1) * _LEVELS).round().numpy().astype(np.uint16)


def _from_levels(levels: NDArray[np.uint16]) -> Tensor:
    return torch.from_numpy(levels.astype(np.float32) / _LEVELS)
