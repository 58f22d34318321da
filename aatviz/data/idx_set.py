"""MNIST and the data sets in its shape: four IDX files in torchvision's layout, and a sample that is part of this package.

The original training set is split into a training and a validation part. Every bundled image is one of the original training
images and belongs to the validation part: so no shipped network was trained on an image that the app shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aatviz.data.idx import map_idx, read_idx, write_idx
from aatviz.data.placing import Staging, data_folder, recover, staging
from aatviz.data.spec import DataNotFound
from aatviz.data.split import Bytes, Split, fingerprints

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""The IDX files of each part: images, labels."""
SIDE, CLASSES = 28, 10
VALIDATION = 10_000

Parts = dict[str, tuple[Bytes, Bytes]]
"""Images (N,28,28) and labels (N,) of "train" and "test"."""


@dataclass(frozen=True, kw_only=True)
class IdxSet:
    """One data set of this kind, and where it lies."""

    name: str
    title: str
    torchvision: Literal["MNIST", "FashionMNIST"]
    """The class in torchvision, and its folder."""
    source: str
    hashes: dict[str, str] = field(hash=False)
    """The content hashes of all training and of all test images."""

    @property
    def folder(self) -> Path:
        """Torchvision's own layout, so that one copy serves both."""
        return data_folder() / self.torchvision / "raw"

    def open(self, split: str) -> Split:
        """A split by its name. DataNotFound, with the command that gets it, where the files are not on this machine."""
        if split == "sample":
            return bundled(self.name)
        images, labels = (self.folder / name for name in FILES["test" if split == "test" else "train"])
        if (missing := _missing(images, labels)) and recover():
            missing = _missing(images, labels)
        if missing:
            raise DataNotFound(
                f"{self.title} is not on this machine: {missing.name} is missing in {self.folder}. Get it with: `aatviz "
                f"data download {self.name}` (without a network: `aatviz data import PATH` with a folder of the IDX files)."
            )
        stamps = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in (images, labels))
        return _opened(self, split, images, labels, stamps)

    def damaged(self) -> list[str]:
        """Which of the parts "train" and "test" do not hold the known images and labels. DataNotFound where a file is
        missing, ValueError where one cannot be read."""
        for part in FILES:
            self.open(part)
        return [part for part, arrays in read_parts(self.folder).items() if part_hash(*arrays) != self.hashes[part]]

    def place(self, parts: Parts) -> Path:
        """Write the four files into the data folder, all or none."""
        with staging(self.folder) as stage:
            _write(stage, parts)
        return self.folder

    def download(self) -> Path:
        """Fetch the data set by torchvision. Nothing is kept where that fails. ValueError where the content is another."""
        from torchvision import datasets  # here: loading it takes a second, and the app downloads nothing

        with staging(self.folder) as stage:  # if this process is killed, the next import removes the scratch folder
            getattr(datasets, self.torchvision)(str(stage.scratch), download=True)
            parts = read_parts(stage.scratch / self.torchvision / "raw")
            if recognised(parts, (self,)) is not self:
                raise ValueError(f"What was downloaded is not {self.title}: its images have another hash. Nothing was kept.")
            _write(stage, parts)
        return self.folder


def _write(stage: Staging, parts: Parts) -> None:
    """Write the four files into the staging folder."""
    for part, names in FILES.items():
        for name, array in zip(names, parts[part], strict=True):
            write_idx(stage.fresh / name, array)


def recognised(parts: Parts, known: Sequence[IdxSet]) -> IdxSet | None:
    """The known data set that these files hold, by their content; None where they hold another one. ValueError where only
    one part belongs to a known data set, or where its parts are swapped."""
    found = {part: part_hash(*arrays) for part, arrays in parts.items()}
    for one in known:
        if found == one.hashes:
            return one
        if found["train"] == one.hashes["test"] and found["test"] == one.hashes["train"]:
            raise ValueError(
                f"The training and the test files of {one.title} are swapped. Rename them; nothing was imported."
            )
        for part in FILES:
            if found[part] in one.hashes.values():
                raise ValueError(
                    f"The {part} files hold {one.title}'s images, the others do not belong to them. Nothing was imported: "
                    "get all four files again."
                )
    return None


@lru_cache
def bundled(name: str) -> Split:
    """The sample of a data set that is part of this package; always there."""
    with files("aatviz.data").joinpath(f"{name}-sample.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        images = arrays["images"]
        return Split(images.reshape(-1, 1, *images.shape[-2:]), arrays["labels"], source="part of this package")


def read_parts(source: Path) -> Parts:
    """The four IDX files (plain or .gz) of a folder. FileNotFoundError or ValueError names what is missing or wrong."""
    return {part: _checked(_find(source, names[0]), _find(source, names[1])) for part, names in FILES.items()}


def file_names() -> list[str]:
    """The names of the four files."""
    return [name for pair in FILES.values() for name in pair]


def part_hash(images: Bytes, labels: Bytes) -> str:
    """The content hash of all images (N,28,28) and labels of a part."""
    return Split(images[:, None], labels).computed_hash()


def train_rows(images: Bytes, held_out: Bytes, validation: int = VALIDATION) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of the training and of the validation part, among the original training images (N,28,28). Validation: all
    images that are equal to a held-out one, then the last of the rest, `validation` in all. ValueError for too many."""
    known = set(fingerprints(held_out))
    equal = np.array([print_ in known for print_ in fingerprints(images)], dtype=bool)
    if equal.sum() > validation:
        raise ValueError(f"{equal.sum()} images are held out, but the validation part has only {validation}.")
    rest = np.flatnonzero(~equal)
    train = rest[: max(len(rest) - (validation - int(equal.sum())), 0)]
    return train, np.setdiff1d(np.arange(len(images)), train)


@lru_cache(maxsize=16)
def _opened(of: IdxSet, split: str, images_file: Path, labels_file: Path, stamps: object) -> Split:
    images, labels = _checked(images_file, labels_file, mapped=True)
    pixels = images[:, None]
    if split == "test":
        return Split(pixels, labels, source=of.source)
    train, validation = train_rows(pixels, bundled(of.name).bytes().numpy())
    return Split(pixels, labels, rows=train if split == "train" else validation, source=of.source)


def _missing(*paths: Path) -> Path | None:
    return next((path for path in paths if not path.is_file()), None)


def _checked(images_file: Path, labels_file: Path, mapped: bool = False) -> tuple[Bytes, Bytes]:
    read = map_idx if mapped else read_idx
    images, labels = read(images_file, (SIDE, SIDE)), read(labels_file)
    if not len(images):
        raise ValueError(f"{images_file} holds no image at all.")
    if labels.shape != images.shape[:1] or labels.max() >= CLASSES:
        raise ValueError(f"{labels_file} does not hold one class 0-9 for each of the {len(images)} images.")
    return images, labels


def _find(source: Path, name: str) -> Path:
    for candidate in (source / name, source / f"{name}.gz"):
        if candidate.is_symlink():
            raise ValueError(f"{candidate} is a link, and links are not followed. Put the file itself there.")
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f"{name} (or {name}.gz) is missing in {source}; four IDX files are needed: {', '.join(file_names())}."
    )
