"""The settings and the result of a generation: images from noise, classes x samples, as in the paper's figures 6 and 10."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aatviz.attacks.checks import check_choice, check_seed, check_whole, set_plain
from aatviz.attacks.geometry import Norm
from aatviz.attacks.optimizers import OptimizerName
from aatviz.attacks.settings import PGDSettings
from aatviz.explore.attack_grid.result import MODELS, Model
from aatviz.explore.targets import checked_targets
from aatviz.metrics import Interval, share

StartName = Literal["gaussian", "uniform", "constant", "other"]
STARTS: tuple[StartName, ...] = get_args(StartName)
CSV_HEAD = ["target", "sample", "model", "target_logit_noise", "target_logit", "judge_noise", "judge"]
MOST_SAMPLES = 1000
"""The most samples of one class: the noise of every sample has a seed of its own."""
MOST_FRAMES = 11
"""Iterates of a path that are kept, the first and the last among them, unless the settings say fewer."""
ALONE = 8
"""The images of a single class stand in rows of so many."""
LOW_MARK = 0.05
"""This quantile of the logits of a class's natural images is exceeded by 95 of 100 of them."""


@dataclass(frozen=True, kw_only=True)
class GenerateSettings:
    """From which noise, and by which attack. The fields from `norm` to `optimizer` are the arguments of `aatviz.pgd`."""

    start: StartName = "gaussian"
    """Noise of the target's class Gaussian; uniform noise; one grey level for the whole image; or "other", a natural image
    of another class out of the bundled sample. The last three are the rubbish starts: nothing in them says "target"."""
    norm: Norm = "L2"
    eps: float = 5.0
    """On the [0,1] scale of the images."""
    steps: int = 60
    step_size: float = 0.3
    optimizer: OptimizerName = "steepest"
    count: int = 10
    """Samples of each class. A larger number adds samples and leaves the first ones as they are."""
    seed: int = 0
    targets: tuple[int, ...] | None = None
    """The classes that images are made of, in rising order; None for all of them."""
    most_frames: int = MOST_FRAMES
    """Iterates of a path that are kept, from 2 on: with few, a stored run of large images stays small."""

    def __post_init__(self) -> None:
        check_choice("start", self.start, STARTS)
        budget = PGDSettings(**self.budget)  # its own checks
        set_plain(
            self,
            eps=budget.eps,
            step_size=budget.step_size,
            steps=check_whole("steps", self.steps, least=1),
            count=check_whole("count", self.count, least=1),
            seed=check_seed(self.seed),
            targets=checked_targets(self.targets),
            most_frames=check_whole("most_frames", self.most_frames, least=2),
        )
        if self.count > MOST_SAMPLES:
            raise ValueError(f"count is at most {MOST_SAMPLES} samples a class; got {self.count}.")

    @property
    def budget(self) -> dict[str, Any]:
        """The arguments of `aatviz.pgd`."""
        return {name: getattr(self, name) for name in ("norm", "eps", "steps", "step_size", "optimizer")}

    @property
    def frames(self) -> tuple[int, ...]:
        """The steps of a path that are kept: at most `most_frames`, evenly from 0 to the last."""
        gaps = min(self.steps, self.most_frames - 1)
        return tuple(round(frame * self.steps / gaps) for frame in range(gaps + 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Generated:
    """T target classes, n samples each, F frames of every path. Images are bytes, 255 is white.

    The result is the last iterate rounded to 256 grey levels, and every number was measured on the rounded image.
    """

    settings: GenerateSettings
    paths: dict[Model, Tensor]
    """The iterates at `settings.frames` (F,T,n,C,H,W), bytes. Frame 0 is the noise, the same for all models. The frames
    between it and the result are only for the animation, and rounded to 16 grey levels."""
    logits: dict[Model, Tensor]
    """The model's own logit of the target class on its results (T,n)."""
    noise_logits: dict[Model, Tensor]
    """The same on the noise (T,n)."""
    natural_logits: dict[Model, Tensor]
    """The same on natural images of the class (K,m), the first ones of the bundled sample; of all K classes, whatever the
    targets, and NaN where a class has fewer than m."""
    judged: dict[Model, Tensor]
    """The class that the independent judge sees in each result (T,n)."""
    judged_noise: Tensor
    """The class that it sees in the noise (T,n)."""

    @property
    def targets(self) -> Tensor:
        """The classes of the rows (T,)."""
        return torch.arange(len(self.judged_noise)) if self.settings.targets is None else torch.tensor(self.settings.targets)

    @property
    def columns(self) -> int:
        """How many samples stand beside one another: all of them, or, of a single class, `ALONE`."""
        return self.settings.count if len(self.judged_noise) > 1 else min(self.settings.count, ALONE)

    @property
    def of_some_detectors(self) -> bool:
        """Whether the bank lacks detectors: then it has no logits of the other classes' natural images."""
        return bool(self.natural_logits["generative"].isnan().all(1).any())

    def row(self, target: int) -> int:
        """The row of a target class; 0 where no image of it was made."""
        found = (self.targets == target).nonzero()
        return int(found[0]) if len(found) else 0

    @property
    def noise(self) -> Tensor:
        """What all models start from (T,n,C,H,W), bytes."""
        return self.paths[MODELS[0]][0]

    def results(self, model: Model) -> Tensor:
        """What a model made of the noise (T,n,C,H,W), bytes."""
        return self.paths[model][-1]

    def judged_as_target(self, model: Model | None) -> Interval:
        """The share of a model's results, or with None of the noise itself, that the judge takes for the target."""
        labels = self.judged_noise if model is None else self.judged[model]
        return share(labels == self.targets[:, None])

    def natural(self, model: Model, row: int | None = None) -> Tensor:
        """The logits of natural images (m,): those of one row's class, or of all rows' together."""
        rows = self.natural_logits[model][self.targets]
        found = (rows if row is None else rows[row]).flatten()
        return found[~found.isnan()]

    def marks(self, model: Model) -> tuple[Tensor, Tensor]:
        """The `LOW_MARK` quantile and the median of the natural images' logits (T,), each of the row's class."""
        rows = self.natural_logits[model][self.targets]
        return rows.nanquantile(LOW_MARK, dim=1), rows.nanquantile(0.5, dim=1)

    def sure(self, model: Model) -> Interval:
        """The share of a model's results of which it is as sure as of natural images: their target logit exceeds the
        `LOW_MARK` quantile of the logits of natural images of the target class."""
        return share(self.logits[model] > self.marks(model)[0][:, None])

    def rows(self) -> list[list[str | int | float]]:
        """One row for each result, in the columns of `CSV_HEAD`."""
        rows: list[list[str | int | float]] = []
        for row, target in enumerate(self.targets.tolist()):
            for i in range(self.settings.count):
                for model in MODELS:
                    before, after = (round(float(z[model][row, i]), 5) for z in (self.noise_logits, self.logits))
                    seen = int(self.judged_noise[row, i]), int(self.judged[model][row, i])
                    rows.append([target, i, model, before, after, *seen])
        return rows

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays for `aatviz.runtime.files.write_arrays`; `from_arrays` is the way back."""
        arrays = {
            "settings": np.array(json.dumps(dataclasses.asdict(self.settings))),
            "noise": self.noise.numpy(),
            "judged_noise": self.judged_noise.numpy(),
        }
        for model in MODELS:
            arrays[f"way.{model}"] = self.paths[model][1:].numpy()
            arrays |= {f"{name}.{model}": getattr(self, name)[model].numpy() for name in _BY_MODEL}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Generated":
        """The result from the arrays that `to_arrays` made. KeyError or ValueError where they do not fit.

        Old files hold images without a channel: (T,n,H,W) and (F-1,T,n,H,W).
        """

        def images(name: str) -> Tensor:
            found = torch.from_numpy(arrays[name])
            return found.unsqueeze(-3) if arrays["noise"].ndim == 4 else found

        noise = images("noise")
        by_model = {name: {model: torch.from_numpy(arrays[f"{name}.{model}"]) for model in MODELS} for name in _BY_MODEL}
        return cls(
            settings=GenerateSettings(**json.loads(str(arrays["settings"]))),
            paths={model: torch.cat([noise[None], images(f"way.{model}")]) for model in MODELS},
            judged_noise=torch.from_numpy(arrays["judged_noise"]),
            **by_model,
        )


_BY_MODEL = ("logits", "noise_logits", "natural_logits", "judged")
