"""Data sets that were decoded once: a folder with data.json, and for each split the images and labels as .npy files."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aatviz.data.spec import OTHER
from aatviz.data.split import CHUNK, Bytes, Split
from aatviz.runtime.limits import LEAST_SIDE, MOST_CLASSES, MOST_IMAGES, MOST_NOTE_BYTES, MOST_SIDE

NOTE = "data.json"
PARTS = ("train", "validation", "test")
"""What every set has; one may also have the split OTHER."""
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Note:
    """The content of data.json, stored beside the arrays. ValueError for shapes, classes or counts out of bounds."""

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    source: str
    """Where the images come from, and what was done to them."""
    counts: dict[str, int]
    hashes: dict[str, str]
    """The content hash of every split."""
    left_out: int = 0
    """Files that were no whole images."""
    shared: int = 0
    """Test images that are also among the training or validation images."""
    format: int = field(default=FORMAT)

    def __post_init__(self) -> None:
        channels, *sides = self.shape or (0,)
        if channels not in (1, 3) or len(sides) != 2 or not all(LEAST_SIDE <= side <= MOST_SIDE for side in sides):
            raise ValueError(
                f"images are 1 or 3 x {LEAST_SIDE} to {MOST_SIDE} x {LEAST_SIDE} to {MOST_SIDE}; got {self.shape}"
            )
        if not 2 <= len(self.classes) <= MOST_CLASSES or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"2 to {MOST_CLASSES} different classes fit; got {len(self.classes)}")
        if {*self.counts} - {OTHER} != {*PARTS} or not all(0 < count <= MOST_IMAGES for count in self.counts.values()):
            raise ValueError(f"each split has 1 to {MOST_IMAGES} images; got {self.counts}")


def write_set(
    fresh: Path,
    note: Callable[[dict[str, int], dict[str, str]], Note],
    pixels: Bytes,
    labels: Bytes,
    rows: dict[str, NDArray[np.int64]],
) -> Note:
    """Write the splits (rows of pixels (M,C,H,W) and labels (M,)) and their note into an empty folder."""
    counts, hashes = {}, {}
    for part in rows:
        split = Split(pixels, labels, rows=rows[part])
        with (fresh / _images(part)).open("wb") as file:  # no memory map: on a full disk, writing to one kills the process
            head = {"descr": "|u1", "fortran_order": False, "shape": (len(split), *split.shape)}
            np.lib.format.write_array_header_1_0(file, head)
            for start in range(0, len(split), CHUNK):
                file.write(split.bytes(slice(start, start + CHUNK)).numpy().data)
        target = _array(fresh / _images(part), mapped=True)
        np.save(fresh / _labels(part), split.label_bytes, allow_pickle=False)
        counts[part], hashes[part] = len(split), Split(target, split.label_bytes).computed_hash()
    written = note(counts, hashes)
    write_note(fresh, written)
    return written


def write_note(folder: Path, note: Note) -> None:
    """Write the note into the folder of its data set."""
    (folder / NOTE).write_text(json.dumps(asdict(note), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_note(folder: Path) -> Note:
    """The note of a stored set. FileNotFoundError where there is none, ValueError that names what is wrong with it."""
    path = folder / NOTE
    if path.stat().st_size > MOST_NOTE_BYTES:
        raise ValueError(f"{path} is far too long for a note. {_AGAIN}")
    return _note(path, path.stat().st_mtime_ns)


def open_part(folder: Path, part: str) -> Split:
    """A split of a stored set. FileNotFoundError where it is not there, ValueError for damaged files."""
    note = read_note(folder)
    files = (folder / _images(part), folder / _labels(part))
    return _opened(note.name, part, folder, tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in files))


_AGAIN = "Remove its folder and import the data set again."


@lru_cache(maxsize=64)
def _note(path: Path, stamp: int) -> Note:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["format"] != FORMAT:
            raise ValueError(f"it is of format {str(raw['format'])[:20]}, not {FORMAT}")
        return Note(
            name=_is(raw["name"], str),
            classes=tuple(_is(name, str) for name in _is(raw["classes"], list)),
            shape=tuple(_is(side, int) for side in _is(raw["shape"], list)),
            source=_is(raw["source"], str),
            counts={part: _is(count, int) for part, count in _is(raw["counts"], dict).items()},
            hashes={part: _is(value, str) for part, value in _is(raw["hashes"], dict).items()},
            left_out=_is(raw.get("left_out", 0), int),
            shared=_is(raw.get("shared", 0), int),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} does not describe a data set ({error}). {_AGAIN}") from error


def _is(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{str(value)[:40]!r} stands where a {kind.__name__} belongs")
    return value


@lru_cache(maxsize=32)
def _opened(name: str, part: str, folder: Path, stamps: object) -> Split:
    note = read_note(folder)
    pixels, labels = _array(folder / _images(part), mapped=True), _array(folder / _labels(part), mapped=False)
    count = note.counts[part]
    classes = len(note.classes) + (part == OTHER)
    if pixels.shape != (count, *note.shape) or labels.shape != (count,) or labels.max() >= classes:
        raise ValueError(f"{folder}: the {part} images {pixels.shape} and labels are not what {NOTE} says. {_AGAIN}")
    return Split(pixels, labels, source=note.source, known_hash=lambda: note.hashes.get(part))


def _array(path: Path, mapped: bool) -> Bytes:
    try:
        array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}). {_AGAIN}") from error
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        raise ValueError(f"{path} does not hold bytes. {_AGAIN}")
    return array


def _images(part: str) -> str:
    return f"{part}-images.npy"


def _labels(part: str) -> str:
    return f"{part}-labels.npy"
