"""Files that are whole or not there: everything is written to a file beside its place, which is then renamed."""

import hashlib
import io
import json
import os
import stat
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor

from aatviz.runtime.limits import MOST_NOTE_BYTES, MOST_RESULT_BYTES, MOST_WEIGHTS_BYTES
from aatviz.runtime.locks import try_lock


@contextmanager
def beside(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when the block ends, and goes away when the block fails. Where the process is
    killed it stays, for `remove_leftovers` to find."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh, file = _fresh(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # on the disk before it is renamed: a power cut leaves the old one or the new
            if os.name == "posix":  # while it is still locked
                fresh.replace(path)
        if os.name != "posix":  # which cannot rename an open file
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _fresh(path: Path) -> tuple[Path, IO[bytes]]:
    """A new file for each writer, locked as long as it is open, so that nobody takes it for a leftover."""
    while True:
        fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
        file = fresh.open("xb")
        if try_lock(file) and os.fstat(file.fileno()).st_nlink:
            return fresh, file
        file.close()  # `remove_leftovers` in another process has removed it already: try once more


@contextmanager
def present(folder: Path) -> Iterator[Path]:
    """A file that is in the folder as long as the block runs, for others to see. Where the process is killed it stays, for
    `remove_leftovers` to find."""
    path, file = _fresh(folder / "present")
    try:
        with file:
            yield path
    finally:
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files that killed processes left in a folder and below. Files that are being written stay."""
    for path in folder.rglob(".*.tmp"):
        # it may be gone meanwhile, or impossible to remove; NFS lets nobody lock what is open for reading alone
        with suppress(OSError), path.open("r+b") as file:
            if try_lock(file):
                path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with beside(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file. ValueError names a damaged one."""
    content = _content(path, MOST_NOTE_BYTES)
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # or not even text
        raise ValueError(f"{path} is not valid JSON ({error}); restore it from the repository.") from error


@contextmanager
def making_sense_of(where: object, advice: str) -> Iterator[None]:
    """Turn the errors of code that reads a file's content, such as a missing key or a wrong type, into a ValueError that
    names the file (`where`) and says what to do (`advice`)."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, StopIteration) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise ValueError(f"{where} holds something else than it should ({what}). {advice}") from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], note: Mapping[str, Any]) -> None:
    """A safetensors file with a JSON note in its header."""
    content = save({name: tensor.contiguous() for name, tensor in tensors.items()}, {"note": json.dumps(note)})
    with beside(path) as file:
        file.write(content)


def read_bytes(path: Path, sha256: str | None = None) -> bytes:
    """The content of a file. FileNotFoundError where it is missing, ValueError where its SHA-256 differs from the expected
    one; with None, any content is taken."""
    try:
        content = _content(path, MOST_WEIGHTS_BYTES)
    except FileNotFoundError:
        expected = f": a file of sha256 {sha256} belongs there" if sha256 else ""
        raise FileNotFoundError(f"{path} is missing{expected}. Restore it, or make it again.") from None
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise ValueError(
            f"{path} is not the file that was measured: expected the sha256 {sha256}, found {found}. "
            "It is damaged, or another file in its place; restore it or train it again."
        )
    return content


def _content(path: Path, most: int) -> bytes:
    """All bytes of an ordinary file. ValueError for a device or a pipe, which may never end, and for more than `most`."""
    with open(path, "rb", opener=_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path} is no ordinary file; restore it.")
        if found.st_size > most:
            raise ValueError(f"{path} has {found.st_size} bytes; at most {most} are read. Restore it.")
        return file.read()


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for its writer


def read_tensors(path: Path, sha256: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the note of a file that `write_tensors` wrote. ValueError names a damaged file, and one of another
    sha256 than is expected; FileNotFoundError a missing one."""
    content = read_bytes(path, sha256)
    try:
        size = int.from_bytes(content[:8], "little")
        note = json.loads(json.loads(content[8 : 8 + size]).get("__metadata__", {}).get("note", "{}"))
        if not isinstance(note, dict):
            raise TypeError(f"its note is {str(note)[:40]!r}, not an object")
        return load(content), note
    except Exception as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}); restore it or train it again.") from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with beside(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file that `write_arrays` wrote. ValueError names a damaged file, and one that unpacks to too much."""
    content = io.BytesIO(_content(path, MOST_RESULT_BYTES))
    try:
        with zipfile.ZipFile(content) as packed:
            if (size := sum(member.file_size for member in packed.infolist())) > MOST_RESULT_BYTES:
                raise ValueError(f"it unpacks to {size} bytes, at most {MOST_RESULT_BYTES} are read")
        with np.load(content, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # zipfile, zlib and NumPy raise nearly anything on damaged files
        raise ValueError(f"{path} is not a whole array file ({error}); restore it or compute it again.") from error
