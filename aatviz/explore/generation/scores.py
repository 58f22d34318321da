"""Scores of generated images by the judge, a network that no attack saw: kernel inception distance and accuracy, beside
those of the noise itself and of real test images; and the training images nearest to the generated ones.

They are measured once, on many samples of the default settings, and stored: `build_scores`, `load_scores`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aatviz.attacks.geometry import distances
from aatviz.data import Split, dataset, open_split
from aatviz.explore.attack_grid.result import MODELS, Model
from aatviz.explore.generation.run import default_settings, generate, models_hash
from aatviz.explore.stored_run import load_run, store_run
from aatviz.metrics import Distance, Interval, kid, share
from aatviz.models.networks import NETWORKS
from aatviz.runtime.memory import in_batches
from aatviz.store.systems import System

FILE = "generated-scores"
NOISE, REAL = "noise", "real"
EACH, ALONE = 100, 300
"""Samples of each class that are measured; of a bank with one detector, of its only class."""
SHOWN = 10
"""Samples of each class whose nearest training image is stored."""
DRAWN: tuple[Model, ...] = ("generative", "robust")
"""The models for whose images the nearest training images are stored."""
_ROWS = 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """Scores of many samples a class, all from the same noise. Keys of the first two: `NOISE`, the models and `REAL`."""

    distance: dict[str, Distance]
    """The kernel inception distance to the bundled images of the same classes, which no network was trained on."""
    accuracy: dict[str, Interval]
    """The share that the judge takes for the target class; of real images, for their own class."""
    nearest: dict[Model, Tensor]
    """The training images (T,SHOWN,C,H,W), bytes, nearest to a model's first samples in L2; none, (T,0,C,H,W), where they
    may not be passed on."""
    away: dict[Model, Tensor]
    """Their L2 distances (T,SHOWN), on the [0,1] scale."""

    def draws_better(self) -> bool:
        """Whether the generative classifier's images are nearer to real ones than the robust classifier's, by more than two
        standard deviations of the difference."""
        return self._nearer(*DRAWN)

    def caveat(self, ours_is: str = "generative classifier") -> str:
        """What it means that the noise itself, or the natural classifier's images, are nearer to real ones than those of the
        generative classifier, or of the detector that stands for it, by more than two standard deviations of the difference;
        empty where they are not."""
        others = {NOISE: "the noise that all began with", "natural": "the natural classifier's images"}
        nearer = [name for name in others if name in self.distance and self._nearer(name, DRAWN[0])]
        if not nearer:
            return ""
        which = " and ".join(f"{others[name]} (KID {self.distance[name].value:.3g})" for name in nearer)
        is_noise = NOISE in nearer
        away = " So by this measure the attack leads away from real images." if is_noise else ""
        colours = ", and the noise has the mean colours of its class already" if is_noise else ""
        seen, real = (self.accuracy[name].value for name in (DRAWN[0], REAL))
        return (
            f"{which[0].upper()}{which[1:]} {'are' if nearer != [NOISE] else 'is'} nearer to real images than those of the "
            f"{ours_is} (KID {self.distance[DRAWN[0]].value:.3g}).{away} KID judges the features of a whole set{colours}; "
            "whether one can recognise something in an image is another question. The judge sees the class in "
            f"{seen:.0%} of the {ours_is}'s images, and in {real:.0%} of real ones."
        )

    def _nearer(self, one: str, other: str) -> bool:
        """Whether one set of images is nearer to real ones than another, by more than two standard deviations of the
        difference."""
        near, far = self.distance[one], self.distance[other]
        return far.value - near.value > 2 * float(np.hypot(near.std, far.std))


def measure(system: System, each: int | None = None) -> Scores:
    """Generate `each` samples a class with the default settings and measure them; None: `EACH`, or `ALONE`.

    Raises:
        Lacking: as `generate` does.
        DataNotFound: where the data set's training and test images are not on this machine.
    """
    usual = default_settings(system)
    each = each or (ALONE if usual.targets and len(usual.targets) == 1 else EACH)
    made = generate(system, replace(usual, count=each))
    test, sample = (open_split(system.card.dataset, split) for split in ("test", "sample"))
    trunk = NETWORKS.trunk(system.judge)
    real = test_rows(test, made.targets, each)
    reference = _features(trunk, sample.images(torch.isin(sample.labels, made.targets)))
    batches: dict[str, Tensor] = {NOISE: made.noise}
    batches |= {model: made.results(model) for model in MODELS}
    distance = {
        name: kid(_features(trunk, images.flatten(0, 1) / 255), reference, made.settings.seed)
        for name, images in batches.items()
    }
    distance[REAL] = kid(_features(trunk, test.images(real)), reference, made.settings.seed)
    accuracy: dict[str, Interval] = {NOISE: made.judged_as_target(None)}
    accuracy |= {model: made.judged_as_target(model) for model in MODELS}
    with torch.no_grad():
        seen = in_batches(system.judge, test.images(real)).argmax(1)
    accuracy[REAL] = share(seen == test.labels[real])
    nearest, away = {}, {}
    training = open_split(system.card.dataset, "train")
    count = SHOWN if dataset(system.card.dataset).passed_on else 0
    for model in DRAWN:
        shown = made.results(model)[:, :count]
        rows, apart = nearest_rows(training, shown.flatten(0, 1))
        nearest[model] = training.bytes(rows).unflatten(0, shown.shape[:2])
        away[model] = apart.unflatten(0, shown.shape[:2])
    return Scores(distance=distance, accuracy=accuracy, nearest=nearest, away=away)


def test_rows(test: Split, targets: Tensor, each: int) -> Tensor:
    """The rows of at most `each` test images of every target class, the first ones of each."""
    return torch.cat([(test.labels == k).nonzero().flatten()[:each] for k in targets.tolist()])


def nearest_rows(among: Split, images: Tensor) -> tuple[Tensor, Tensor]:
    """For images (N,C,H,W), bytes: the row of the nearest one in `among` (N,), and its L2 distance (N,) for pixels in
    [0,1]."""
    wanted = images.float() / 255
    best, where = torch.full((len(images),), torch.inf), torch.zeros(len(images), dtype=torch.long)
    for first in range(0, len(among), _ROWS):
        distance, row = distances(wanted, among.images(slice(first, first + _ROWS)), "L2").min(1)
        where = torch.where(distance < best, row + first, where)
        best = torch.minimum(distance, best)
    return where, best


def build_scores(system: System) -> Path:
    """Measure a system, write `results/generated-scores.npz` and return that file."""
    return store_run(system, FILE, to_arrays(measure(system)), {"models_hash": models_hash(system)})


def load_scores(system: System) -> Scores | None:
    """The stored scores, if they were made with these very models; else None. ValueError where the file is damaged."""
    if system.lacks("gaussians", "judge"):
        return None
    return load_run(system, FILE, _from_arrays, lambda: {"models_hash": models_hash(system)})


@torch.no_grad()
def _features(trunk: nn.Module, images: Tensor) -> NDArray[np.float64]:
    return in_batches(trunk, images).double().numpy()


def to_arrays(scores: Scores) -> dict[str, NDArray[Any]]:
    """The arrays to store."""
    arrays = {f"distance.{name}": np.array(found) for name, found in scores.distance.items()}
    arrays |= {f"accuracy.{name}": np.array(found) for name, found in scores.accuracy.items()}
    for model in DRAWN:
        arrays |= {f"nearest.{model}": scores.nearest[model].numpy(), f"away.{model}": scores.away[model].numpy()}
    return arrays


def _from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Scores:
    names = (NOISE, *MODELS, REAL)

    def numbers(key: str) -> tuple[float, float, int]:
        value, spread, n = (float(number) for number in arrays[key])
        return value, spread, int(n)

    def rate(key: str) -> Interval:
        value, low, high, n = (float(number) for number in arrays[key])
        return Interval(value, low, high, int(n))

    return Scores(
        distance={name: Distance(*numbers(f"distance.{name}")) for name in names},
        accuracy={name: rate(f"accuracy.{name}") for name in names},
        nearest={model: torch.from_numpy(arrays[f"nearest.{model}"]) for model in DRAWN},
        away={model: torch.from_numpy(arrays[f"away.{model}"]) for model in DRAWN},
    )
