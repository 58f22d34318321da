"""Files that are whole or not there: everything is written beside its place and then renamed into it."""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load, save_file
from torch import Tensor


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A file beside `path`, which takes its place when the block ends, and goes away when the block fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with _beside(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # or not even text
        raise ValueError(f"{path} is not valid JSON ({error}); restore it from the repository.") from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], note: Mapping[str, Any]) -> None:
    """A safetensors file with a JSON note in its header."""
    with _beside(path) as fresh:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, fresh, {"note": json.dumps(note)})


def read_bytes(path: Path, sha256: str | None = None) -> bytes:
    """The content of a file, and of no other: FileNotFoundError where it is missing, ValueError where its sha256 is another
    than the expected one. None: whatever lies there."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        expected = f": a file of sha256 {sha256} belongs there" if sha256 else ""
        raise FileNotFoundError(f"{path} is missing{expected}. Restore it, or make it again.") from None
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise ValueError(
            f"{path} is not the file that was measured: expected the sha256 {sha256}, found {found}. "
            "It is damaged, or another file in its place; restore it or train it again."
        )
    return content


def read_tensors(path: Path, sha256: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the note of a file that `write_tensors` wrote. ValueError names a damaged file, and one of another
    sha256 than is expected; FileNotFoundError a missing one."""
    content = read_bytes(path, sha256)
    try:
        size = int.from_bytes(content[:8], "little")
        note = json.loads(json.loads(content[8 : 8 + size]).get("__metadata__", {}).get("note", "{}"))
        return load(content), note
    except Exception as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}); restore it or train it again.") from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with _beside(path) as fresh, fresh.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file that `write_arrays` wrote. ValueError names a damaged file."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a whole array file ({error}); restore it or compute it again.") from error
