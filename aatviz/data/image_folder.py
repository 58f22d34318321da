"""A user's own data sets: imported once from a folder of images, kept as bytes, opened like any other."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aatviz.data.placing import data_folder, recover, visitors_folder
from aatviz.data.spec import DataNotFound, Dataset, Movement, SplitInfo, Threat
from aatviz.data.split import Split
from aatviz.data.stored_set import NOTE, open_part, read_note

MOST_SAMPLE = 1000
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?")
_TAKEN = ("fashionmnist",)
"""The folder of a known data set, on file systems that do not tell capital from small letters."""
_PROVENANCE = {
    "train": "The imported training images without the validation part.",
    "validation": "Chosen among the imported images by their hash, unless they came as a split of their own.",
    "test": "The imported test images; where none were named, chosen by their hash.",
    "sample": "Up to 1,000 of the validation images, spread over the classes.",
}


def check_name(name: str) -> None:
    """ValueError where a data set cannot bear this name."""
    if not _SLUG.fullmatch(name) or name.startswith("import-") or ".." in name or name in _TAKEN:
        raise ValueError(
            f"{name[:60]!r} cannot name a data set. Use up to 40 small letters, digits, dots, dashes and underscores, "
            "such as pets or my-flowers; it may not begin with import-."
        )


def dataset(name: str) -> Dataset:
    """An imported data set. DataNotFound where there is none of this name, ValueError where it is damaged."""
    folder = _place(name)
    if not _SLUG.fullmatch(name) or not ((folder / NOTE).is_file() or name in recover()):
        raise DataNotFound(f"There is no data set {name[:60]!r} on this machine.")
    note = read_note(folder)
    counts = note.counts | {"sample": min(MOST_SAMPLE, note.counts["validation"])}
    return Dataset(
        name=name,
        title=name if folder.parent == data_folder() else f"{name.rpartition('-')[0]} (uploaded)",
        shape=note.shape,
        classes=note.classes,
        noun="image",
        plural="images",
        splits={part: SplitInfo(count=count, provenance=_PROVENANCE[part]) for part, count in counts.items()},
        licence="as the images' owner says",
        source=note.source,
        threats=(
            Threat(norm="Linf", eps="8/255", step_size="1/255", steps=40),
            Threat(norm="L2", eps="0.5", step_size="0.05", steps=40),
        ),
        movement=Movement(shift=max(note.shape[1] // 8, 1), flip=True),
        own_image="photograph",
        hashes=note.hashes,
        opener=lambda split: open_imported(folder, split),
    )


def _place(name: str) -> Path:
    """The folder of a data set of this machine; else of one that a visitor of the app has uploaded."""
    here, visitors = data_folder() / name, visitors_folder()
    return visitors / name if visitors and not (here / NOTE).is_file() and (visitors / name / NOTE).is_file() else here


def imported() -> list[str]:
    """The names of all imported data sets, whole or damaged."""
    found = data_folder()
    return sorted(note.parent.name for note in found.glob(f"*/{NOTE}") if _SLUG.fullmatch(note.parent.name))


def open_imported(folder: Path, split: str) -> Split:
    """A split of an imported data set; its sample is a part of its validation images."""
    if split != "sample":
        return open_part(folder, split)
    whole = open_part(folder, "validation")
    rows = sample_rows(whole.labels.numpy(), MOST_SAMPLE)
    return Split(whole.bytes(rows).numpy(), whole.label_bytes[rows], source=whole.source)


def sample_rows(labels: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most `most` rows of labels (N,), spread over the classes as evenly as they allow, in the order of N."""
    rank = np.empty(len(labels), dtype=np.int64)
    for k in np.unique(labels):
        mine = np.flatnonzero(labels == k)
        rank[mine] = np.arange(len(mine))
    return np.sort(np.argsort(rank, kind="stable")[:most])
