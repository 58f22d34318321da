"""Data sets that tests write to the disk."""

import gzip
import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aatviz.data import idx_set
from aatviz.data.idx_set import FILES, Parts
from aatviz.data.split import Bytes

NAMES = [name for pair in FILES.values() for name in pair]
"""Training images, training labels, test images, test labels."""


def idx_bytes(array: NDArray[Any]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def some_digits(count: int, seed: int) -> tuple[Bytes, Bytes]:
    """Noise (count,28,28), and labels 0 to 9 in turn."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.uint8) % 10


def write_idx_folder(folder: Path, train: tuple[Bytes, Bytes], test: tuple[Bytes, Bytes], *, packed: bool = False) -> Path:
    """The four IDX files, plain or gzipped."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(NAMES, [*train, *test], strict=True):
        data = idx_bytes(array)
        (folder / f"{name}.gz" if packed else folder / name).write_bytes(gzip.compress(data, 1) if packed else data)
    return folder


def hashes(parts: Parts) -> dict[str, str]:
    return {part: idx_set.part_hash(*arrays) for part, arrays in parts.items()}


def contents(folder: Path) -> dict[str, bytes]:
    """All files below it, without the empty one that imports lock."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if name != ".import.lock"}


def picture(seed: int, size: tuple[int, int] = (20, 20), mode: str = "RGB") -> Image.Image:
    """Smooth random colours, height x width."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((size[1], size[0]), Image.Resampling.BICUBIC).convert(mode)


def image_bytes(image: Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def write_images(folder: Path, counts: dict[str, int], first_seed: int = 0, size: tuple[int, int] = (20, 20)) -> Path:
    """PNG files, as many for each subfolder as told, none like another."""
    seed = first_seed
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / name / f"{number:03}.png").write_bytes(image_bytes(picture(seed, size)))
            seed += 1
    return folder


def tar_of(folder: Path, target: Path) -> Path:
    with tarfile.open(target, "w:gz" if target.suffix == ".gz" else "w") as tar:
        tar.add(folder, arcname=folder.name)
    return target


def zip_of(folder: Path, target: Path) -> Path:
    return Path(shutil.make_archive(str(target.with_suffix("")), "zip", folder.parent, folder.name))
