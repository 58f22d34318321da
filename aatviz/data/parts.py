"""A part of a data set as a data set of its own, by its name: some of the classes, or the bundled sample alone.

"cifar10@3+5" has cats and dogs, "cifar10@sample" every class of the bundled images alone, "cifar10@sample+3+5" both. Such a
name says all: nothing is stored, and every machine that has the whole has the part.
"""

import dataclasses
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from aatviz.data.spec import OTHER, DataNotFound, Dataset, SplitInfo, UnknownDataset
from aatviz.data.split import Split

MARK, SAMPLE = "@", "sample"
SHARES = {"train": (0.0, 0.7), "validation": (0.7, 0.85), "test": (0.85, 1.0), SAMPLE: (0.7, 1.0)}
"""Of the bundled images of each class: what becomes which split. Pages show the last one, on which nothing is trained."""


def part_name(name: str, classes: tuple[int, ...] = (), sample: bool = False) -> str:
    """The name of a part of the data set `name`: of these classes (none: of all), of the bundled sample alone or not."""
    words = [*([SAMPLE] if sample else []), *map(str, sorted({*classes}))]
    return f"{name}{MARK}{'+'.join(words)}" if words else name


def whole_of(name: str) -> str:
    """The name of the data set that a name of a part begins with."""
    return name.partition(MARK)[0]


def part_of(whole: Dataset, name: str) -> Dataset:
    """The part of that name. UnknownDataset, a ValueError, for a name that names no part of it."""
    words = name.partition(MARK)[2].split("+")
    sample, numbers = words[0] == SAMPLE, words[1:] if words[0] == SAMPLE else words
    known = {str(k): k for k in range(len(whole.classes))}
    chosen = tuple(known.get(word, -1) for word in numbers) or tuple(known.values())
    if -1 in chosen or list(chosen) != sorted({*chosen}) or len(chosen) < 2 or not words:
        raise UnknownDataset(
            f"There is no data set {name[:60]!r}: after {whole.name}{MARK} stands {SAMPLE}, or at least two growing classes "
            f"among 0 to {len(known) - 1}, or both, joined by +."
        )
    names = tuple(whole.classes[k] for k in chosen)
    of = f"{len(names)} classes of {whole.title}" if len(names) > 3 else f"{whole.title}: {', '.join(names)}"
    of = whole.title if len(names) == len(whole.classes) else of
    return dataclasses.replace(
        whole,
        name=name,
        title=f"{of}, bundled images" if sample else of,
        classes=names,
        splits=_splits(whole, chosen, sample),
        source=f"{whole.source}; {'its bundled sample' if sample else 'a part'}",
        first_look=None,
        pushed=None,
        hashes={},
        opener=partial(_open, whole, chosen, sample),
    )


def _splits(whole: Dataset, chosen: tuple[int, ...], sample: bool) -> dict[str, SplitInfo]:
    found = {}
    for split in SHARES if sample else (name for name in whole.splits if name != OTHER):
        words = f"A part of the bundled sample: {split}." if sample else f"A part of: {whole.splits[split].provenance}"
        try:
            count = len(_open(whole, chosen, sample, split))
        except (DataNotFound, ValueError):  # not on this machine, or damaged: opening it says so
            count = round(whole.splits[split].count * len(chosen) / len(whole.classes))
        found[split] = SplitInfo(count=count, provenance=words)
    return found


def _open(whole: Dataset, chosen: tuple[int, ...], sample: bool, split: str) -> Split:
    return _cut(whole.open(SAMPLE if sample else split), chosen, SHARES[split] if sample else (0.0, 1.0))


@lru_cache(maxsize=64)
def _cut(split: Split, chosen: tuple[int, ...], share: tuple[float, float]) -> Split:
    """Of every chosen class the images from the one share of them to the other, in the split's order."""
    labels = split.label_bytes
    rows = np.sort(np.concatenate([_between(np.flatnonzero(labels == k), share) for k in chosen]))
    return split.part(rows, np.searchsorted(chosen, labels[rows]).astype(np.uint8))


def _between(rows: NDArray[np.int64], share: tuple[float, float]) -> NDArray[np.int64]:
    start, end = (round(len(rows) * edge) for edge in share)
    return rows[start:end]
