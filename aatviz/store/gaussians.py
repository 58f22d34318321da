"""Class Gaussians as one small float16 file; its header names the data, the rank and the explained variance."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aatviz.data import Split, open_split
from aatviz.models.gaussians import ClassGaussians, estimate_each, reduced
from aatviz.runtime.files import read_tensors, write_tensors

FILE = "gaussians.safetensors"
RANK, COLOUR_RANK = 16, 60
"""Of grey and of colour images. On MNIST the first explains about two thirds of a class's variance, and a file of all ten
classes has a quarter of a megabyte. On CIFAR-10 the second explains 0.83 to 0.89, since one sees the isotropic rest as
specks; the file has 3.7 megabytes."""
GRAIN = 4
"""The authors' grain, at 224 x 224."""
LARGE = 48
"""Images of which a side has as many pixels are estimated at a grain."""
_MOST_GRAIN = 64
_MOST = 4000
"""Images of a class, evenly spread, that count at a grain; and those that are decoded at once."""
_AT_ONCE = 250
_TENSORS = ("mean", "factors", "sigma")


def build_gaussians(dataset: str, folder: Path) -> tuple[Path, list[float]]:
    """Estimate the class Gaussians of a data set's training split and write them into a checkpoint folder. Returns the file,
    and the share of each class's variance that the low rank explains. Where a class has few images, the rank is lower
    than usual. Large images are estimated at a grain (`grain_of`); the share is then that of the reduced images.

    Raises DataNotFound where the data set is not here, ValueError for a class with a single image.
    """
    training = open_split(dataset, "train")
    counts = np.bincount(training.labels.numpy())
    usual, grain = RANK if training.shape[0] == 1 else COLOUR_RANK, grain_of(training.shape)
    rank = max(min(usual, int(counts.min()) - 2, math.prod(training.shape) // grain**2 - 1), 0)
    classes = (_images(training, k, grain) for k in range(len(counts)))
    gaussians, explained = estimate_each(classes, rank, grain)
    note = {
        "dataset": dataset,
        "split": "train",
        "data_hash": training.content_hash,
        "n": counts.tolist(),
        "explained_variance": [round(share, 4) for share in explained],
    }
    save_gaussians(folder / FILE, gaussians, note)
    return folder / FILE, explained


def grain_of(shape: tuple[int, ...]) -> int:
    """The grain for images (C,H,W): 1 for small ones; for large ones `GRAIN`, or the largest below it that divides them."""
    if max(shape[1:]) < LARGE:
        return 1
    return max(grain for grain in range(1, GRAIN + 1) if not any(side % grain for side in shape[1:]))


def _images(training: Split, k: int, grain: int) -> Tensor:
    """The images (n,C,h,w) of class k at this grain."""
    if grain == 1:
        return training.images(training.labels == k)
    rows = (training.labels == k).nonzero().flatten()
    count = min(len(rows), _MOST)
    rows = rows[torch.arange(count) * len(rows) // max(count, 1)]
    return torch.cat([reduced(training.images(part), grain) for part in rows.split(_AT_ONCE)])


def save_gaussians(path: Path, gaussians: ClassGaussians, note: dict[str, Any]) -> None:
    """Write class Gaussians, rounded to float16. `note` has dataset, data_hash, and n and explained variance by class."""
    tensors = {name: getattr(gaussians, name).half() for name in _TENSORS}
    grain = {"grain": gaussians.grain} if gaussians.grain > 1 else {}
    write_tensors(path, tensors, note | {"rank": gaussians.rank} | grain)


def load_gaussians(path: Path, sha256: str | None = None, classes: int | None = None) -> ClassGaussians:
    """The class Gaussians in a file, float32. FileNotFoundError where there is no file; ValueError where it holds something
    else, or has another SHA-256 or number of classes than expected."""
    tensors, note = read_tensors(path, sha256)
    if missing := [name for name in _TENSORS if name not in tensors]:
        raise ValueError(f"{path} holds no class Gaussians: {', '.join(missing)} missing. Build it again.")
    found = ClassGaussians(**{name: tensors[name].float() for name in _TENSORS}, grain=note.get("grain", 1))
    if why := _misfit(found, classes):
        raise ValueError(f"{path} holds no class Gaussians: {why}. Build it again.")
    return found


def _misfit(of: ClassGaussians, classes: int | None) -> str:
    """The reason why these are no class Gaussians; empty where they are."""
    count, pixels = len(of.mean) if of.mean.dim() else 0, math.prod(of.mean.shape[1:])
    if of.mean.dim() != 4 or of.sigma.shape != (count,) or of.factors.dim() != 3:
        return f"the shapes {tuple(of.mean.shape)}, {tuple(of.factors.shape)} and {tuple(of.sigma.shape)} are not theirs"
    if of.factors.shape[::2] != (count, pixels):
        return f"factors {tuple(of.factors.shape)} do not go with {count} classes of {pixels} pixels"
    if not isinstance(of.grain, int) or isinstance(of.grain, bool) or not 1 <= of.grain <= _MOST_GRAIN:
        return f"their grain is {str(of.grain)[:40]}, and not a whole number from 1 to {_MOST_GRAIN}"
    if classes is not None and count != classes:
        return f"they are of {count} classes, the system has {classes}"
    if wrong := [name for name in _TENSORS if not getattr(of, name).isfinite().all()]:
        return f"{', '.join(wrong)} hold NaN or infinities"
    return "a sigma is negative" if bool((of.sigma < 0).any()) else ""
