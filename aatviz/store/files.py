"""Files that are whole or not there: everything is written beside its place and then renamed into it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor


def _beside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def write_text(path: Path, text: str) -> None:
    fresh = _beside(path)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON ({error}); restore it from the repository.") from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], note: Mapping[str, Any]) -> None:
    """A safetensors file with a JSON note in its header."""
    fresh = _beside(path)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, fresh, {"note": json.dumps(note)})
    fresh.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the note of a file that `write_tensors` wrote. ValueError names a damaged file."""
    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads((file.metadata() or {}).get("note", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, note
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}); restore it or train it again.") from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    fresh = _beside(path)
    with fresh.open("wb") as file:
        np.savez_compressed(file, **arrays)
    fresh.replace(path)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
