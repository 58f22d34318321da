"""The IDX format of MNIST: read with every promise of its header checked."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BYTES = 0x08  # the only element type that MNIST uses


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file, plain or gzipped. ValueError names the file and what is wrong."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be unpacked ({error}); fetch the file again.") from error
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] != _BYTES:
        raise ValueError(f"{path} is not an IDX file of bytes: it starts with {raw[:4].hex() or 'nothing'}.")
    start = 4 + 4 * raw[3]
    if len(raw) < start:
        raise ValueError(f"{path} is truncated: its header alone has {start} bytes, {len(raw)} found.")
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    expected = math.prod(shape)
    if len(raw) - start != expected:
        raise ValueError(f"{path} is truncated or damaged: {expected} bytes announced, {len(raw) - start} found.")
    return np.frombuffer(raw, dtype=np.uint8, offset=start).reshape(shape)
