"""Class Gaussians as one small float16 file; the header says from which data, at which rank, and how much that explains."""

from pathlib import Path
from typing import Any

from aatviz.models.gaussians import ClassGaussians
from aatviz.runtime.files import read_tensors, write_tensors

FILE = "gaussians.safetensors"
_TENSORS = ("mean", "factors", "sigma")


def save_gaussians(path: Path, gaussians: ClassGaussians, note: dict[str, Any]) -> None:
    """Write them, rounded to float16. `note` holds dataset, data_hash, and n and explained variance of each class."""
    tensors = {name: getattr(gaussians, name).half() for name in _TENSORS}
    write_tensors(path, tensors, note | {"rank": gaussians.rank})


def load_gaussians(path: Path, sha256: str | None = None) -> ClassGaussians:
    """The Gaussians in a file, float32. FileNotFoundError where there is none, ValueError for a file of something else, or
    of another sha256 than is expected."""
    tensors, _ = read_tensors(path, sha256)
    if missing := [name for name in _TENSORS if name not in tensors]:
        raise ValueError(f"{path} holds no class Gaussians: {', '.join(missing)} missing. Build it again.")
    return ClassGaussians(**{name: tensors[name].float() for name in _TENSORS})
