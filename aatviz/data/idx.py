"""The IDX format of MNIST: read with every promise of its header checked, and mapped into memory."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from aatviz.runtime.limits import MOST_IDX_BYTES

_BYTES = 0x08  # the only element type that MNIST uses
_DENSEST = 1032
"""What one byte of a gzip file unpacks to at most."""


def read_idx(path: Path, item: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file, plain or gzipped.

    ValueError names the file and what is wrong. A header that announces items of another shape than `item`, or more bytes
    than the file can hold, is refused before the content is unpacked.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            shape = _shape(file, path, item)
            expected = math.prod(shape)
            if expected > _DENSEST * path.stat().st_size:
                raise ValueError(f"{path} is truncated or damaged: {expected} bytes announced, too many for its size.")
            raw = file.read(expected + 1)  # no more than announced, however much a small file would unpack to
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be unpacked ({error}); fetch the file again.") from error
    if len(raw) != expected:
        found = f"{len(raw)}" if len(raw) < expected else f"at least {len(raw)}"
        raise ValueError(f"{path} is truncated or damaged: {expected} bytes announced, {found} found.")
    return np.frombuffer(raw, dtype=np.uint8).reshape(shape)


def map_idx(path: Path, item: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """The same for a plain file, mapped into memory: its bytes are read from the disk where they are used."""
    with path.open("rb") as file:
        shape = _shape(file, path, item)
        start = file.tell()
    expected, found = math.prod(shape), path.stat().st_size - start
    if found != expected:
        raise ValueError(f"{path} is truncated or damaged: {expected} bytes announced, {found} found.")
    return np.memmap(path, np.uint8, "r", start, shape) if expected else np.zeros(shape, np.uint8)


def write_idx(target: Path, array: NDArray[np.uint8]) -> None:
    """A plain IDX file of bytes."""
    with target.open("wb") as file:
        file.write(bytes([0, 0, _BYTES, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes())
        file.write(np.ascontiguousarray(array).data)


def _shape(file: BinaryIO | gzip.GzipFile, path: Path, item: tuple[int, ...] | None) -> tuple[int, ...]:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] != _BYTES:
        raise ValueError(f"{path} is not an IDX file of bytes: it starts with {head.hex() or 'nothing'}.")
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise ValueError(f"{path} is truncated: its header alone has {4 + 4 * head[3]} bytes, {4 + len(sizes)} found.")
    shape = struct.unpack(f">{head[3]}I", sizes)
    if item is not None and shape[1:] != item:
        raise ValueError(f"{path} holds {shape}, not images of {' x '.join(map(str, item))}.")
    if math.prod(shape) > MOST_IDX_BYTES:
        raise ValueError(f"{path} announces {math.prod(shape)} bytes; at most {MOST_IDX_BYTES} are read.")
    return shape
