"""MNIST: the full set from the data folder, and the sample of 5,000 real digits that is part of this package.

The training set is split into 50,000 training and 10,000 validation images. Every bundled image is one of MNIST's
training images, so it belongs to the validation part, and no network of ours was trained on what the app shows.
"""

import hashlib
import os
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import platformdirs
from numpy.typing import NDArray

from aatviz.data.idx import read_idx

VALIDATION = 10_000
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""The IDX files of each part: images, labels."""


class DataNotFound(FileNotFoundError):
    """A data set is not on this machine; the message names the command that gets it."""


class Digits(NamedTuple):
    """Images (N,28,28) and labels (N,) as bytes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def data_folder() -> Path:
    """Where data sets are kept: $AATVIZ_DATA, else the user's cache folder."""
    return Path(os.environ.get("AATVIZ_DATA") or platformdirs.user_cache_dir("aatviz")).expanduser()


def sample() -> Digits:
    """The bundled digits, 500 a class, shuffled."""
    with files("aatviz.data").joinpath("mnist-sample.npz").open("rb") as file, np.load(file) as arrays:
        return Digits(arrays["images"], arrays["labels"])


def full(part: str) -> Digits:
    """All of "train" or "test" from the data folder. Raises DataNotFound with the command that gets it."""
    folder = _raw(data_folder())
    if missing := [name for name in FILES[part] if not (folder / name).is_file()]:
        raise DataNotFound(
            f"MNIST is not on this machine: {missing[0]} is missing in {folder}. Get it with: aatviz data download mnist "
            "(without a network: aatviz data import PATH, a folder with the four IDX files)."
        )
    return _read(folder / FILES[part][0], folder / FILES[part][1])


def split_train(digits: Digits, held_out: Digits) -> tuple[Digits, Digits]:
    """Training and validation part. Validation: all images equal to a held-out one, then the last of the rest."""
    known = {_fingerprint(image) for image in held_out.images}
    bundled = np.array([_fingerprint(image) in known for image in digits.images])
    if bundled.sum() > VALIDATION:
        raise ValueError(f"{bundled.sum()} images are held out, but the validation part has only {VALIDATION}.")
    rest = np.flatnonzero(~bundled)
    train = rest[: max(len(rest) - (VALIDATION - int(bundled.sum())), 0)]
    validation = np.setdiff1d(np.arange(len(digits.images)), train)
    return Digits(digits.images[train], digits.labels[train]), Digits(digits.images[validation], digits.labels[validation])


def content_hash(digits: Digits) -> str:
    """sha256 over images and labels: which data a number or a weight came from."""
    return hashlib.sha256(digits.images.tobytes() + digits.labels.tobytes()).hexdigest()


def import_idx(source: Path) -> Path:
    """Check the four IDX files (plain or .gz) in `source` and copy them into the data folder; all of them or none.

    Returns the folder they are in. FileNotFoundError or ValueError names the file that is missing or damaged.
    """
    parts = {part: _read(*(_find(source, name) for name in names)) for part, names in FILES.items()}
    target = _raw(data_folder())
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="import-") as scratch:
        fresh = Path(scratch) / "raw"
        fresh.mkdir()
        for part, names in FILES.items():
            for name, array in zip(names, parts[part], strict=True):
                _write_plain(fresh / name, array)
        _replace(fresh, target)
    return target


def download() -> Path:
    """Fetch MNIST by torchvision into the data folder; nothing stays behind where that fails."""
    from torchvision.datasets import MNIST  # here: loading it takes a second, and the app downloads nothing

    target = _raw(data_folder())
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="download-") as scratch:
        MNIST(scratch, download=True)
        for images, labels in FILES.values():
            _read(_raw(Path(scratch)) / images, _raw(Path(scratch)) / labels)
        _replace(_raw(Path(scratch)), target)
    return target


def _raw(root: Path) -> Path:
    return root / "MNIST" / "raw"  # torchvision's own layout, so that one copy serves both


def _read(images_file: Path, labels_file: Path) -> Digits:
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"{images_file} holds {images.shape}, not images of 28 x 28.")
    if labels.shape != images.shape[:1] or (len(labels) and labels.max() > 9):
        raise ValueError(f"{labels_file} does not hold one digit 0-9 for each of the {len(images)} images.")
    return Digits(images, labels)


def _find(source: Path, name: str) -> Path:
    for candidate in (source / name, source / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"{name} (or {name}.gz) is missing in {source}; the four IDX files of MNIST are needed.")


def _write_plain(target: Path, array: NDArray[np.uint8]) -> None:
    header = bytes([0, 0, 0x08, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    target.write_bytes(header + array.tobytes())


def _replace(fresh: Path, target: Path) -> None:
    if target.exists():
        target.rename(fresh.with_name("replaced"))  # in the scratch folder, which goes away as a whole
    fresh.rename(target)


def _fingerprint(image: NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(image.tobytes()).digest()
