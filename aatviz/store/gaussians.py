"""Class Gaussians as one small float16 file; its header names the data, the rank and the explained variance."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from aatviz.data import open_split
from aatviz.models.gaussians import ClassGaussians, estimate_each
from aatviz.runtime.files import read_tensors, write_tensors

FILE = "gaussians.safetensors"
RANK = 16
"""On MNIST this rank explains about two thirds of a class's variance, and a file of all ten classes has a quarter of a
megabyte."""
_TENSORS = ("mean", "factors", "sigma")


def build_gaussians(dataset: str, folder: Path) -> tuple[Path, list[float]]:
    """Estimate the class Gaussians of a data set's training split and write them into a checkpoint folder. Returns the file,
    and the share of each class's variance that the low rank explains. Where a class has few images, the rank is below
    `RANK`.

    Raises DataNotFound where the data set is not here, ValueError for a class with a single image.
    """
    training = open_split(dataset, "train")
    counts = np.bincount(training.labels.numpy())
    rank = max(min(RANK, int(counts.min()) - 2), 0)
    gaussians, explained = estimate_each((training.images(training.labels == k) for k in range(len(counts))), rank)
    note = {
        "dataset": dataset,
        "split": "train",
        "data_hash": training.content_hash,
        "n": counts.tolist(),
        "explained_variance": [round(share, 4) for share in explained],
    }
    save_gaussians(folder / FILE, gaussians, note)
    return folder / FILE, explained


def save_gaussians(path: Path, gaussians: ClassGaussians, note: dict[str, Any]) -> None:
    """Write class Gaussians, rounded to float16. `note` has dataset, data_hash, and n and explained variance by class."""
    tensors = {name: getattr(gaussians, name).half() for name in _TENSORS}
    write_tensors(path, tensors, note | {"rank": gaussians.rank})


def load_gaussians(path: Path, sha256: str | None = None, classes: int | None = None) -> ClassGaussians:
    """The class Gaussians in a file, float32. FileNotFoundError where there is no file; ValueError where it holds something
    else, or has another SHA-256 or number of classes than expected."""
    tensors, _ = read_tensors(path, sha256)
    if missing := [name for name in _TENSORS if name not in tensors]:
        raise ValueError(f"{path} holds no class Gaussians: {', '.join(missing)} missing. Build it again.")
    found = ClassGaussians(**{name: tensors[name].float() for name in _TENSORS})
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
    if classes is not None and count != classes:
        return f"they are of {count} classes, the system has {classes}"
    if wrong := [name for name in _TENSORS if not getattr(of, name).isfinite().all()]:
        return f"{', '.join(wrong)} hold NaN or infinities"
    return "a sigma is negative" if bool((of.sigma < 0).any()) else ""
