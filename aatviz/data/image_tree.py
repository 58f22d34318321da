"""Images in folders, one folder a class: they are decoded into one file of bytes, and divided into classes and splits."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aatviz.data.decode import Unreadable, decode, pixels_of
from aatviz.data.entries import entries
from aatviz.data.split import Bytes
from aatviz.data.stored_set import PARTS
from aatviz.runtime.limits import MOST_ARRAY_BYTES, MOST_CLASSES, MOST_IMAGES, MOST_PIXELS

Report = Callable[[str], None]
"""Called with a sentence about the progress of a long import."""
TEST_SHARE, VALIDATION_SHARE = 0.15, 0.15
"""The shares of the images that become test and validation images where the folders do not name these splits. Where train/
and test/ are given without validation/, the second is a share of train/."""
_SPLIT_NAMES = {"train": "train", "training": "train", "test": "test", "val": "validation", "validation": "validation"}
_EVERY = 5000


@dataclass(kw_only=True)
class Decoded:
    """All images that could be read, in the order they were found."""

    pixels: Bytes
    """(M,C,H,W), memory-mapped."""
    digests: list[bytes]
    places: list[tuple[str, ...]]
    """The folders that each image lies in, below the top."""
    left_out: list[str] = field(default_factory=list)
    """Files that were not read, and why."""


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """Which image belongs to which class and split."""

    classes: tuple[str, ...]
    labels: Bytes
    rows: dict[str, NDArray[np.int64]]
    parts: dict[str, NDArray[np.int64]]
    """The rows of the splits that the folders themselves name."""
    left_out: dict[str, int] = field(default_factory=dict)
    """For every folder beside train/ and test/ that is no split: how many images it holds."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much an import takes at most; None: as much as any import may."""

    images: int | None = None
    unpacked: int | None = None
    """Bytes of all files in an archive."""
    files: int | None = None
    """In an archive, images or not."""
    pixels: int | None = None
    """Of one image, before it is scaled. A larger one is left out."""
    all_pixels: int | None = None
    """Of all images together, before they are scaled: what decoding takes time for, however small the files are."""


def read_tree(path: Path, size: tuple[int, int], scratch: Path, report: Report, bounds: Bounds | None = None) -> Decoded:
    """Decode every image below `path` (a folder, tar or zip), scaled to `size` (height, width), into a file in `scratch`.
    ValueError where there is no image, or more than `bounds` allow."""
    bounds = bounds or Bounds()
    file, digests, left_out = scratch / "decoded", list[bytes](), list[str]()
    places: list[tuple[str, ...]] = []
    all_grey, each, met = True, 3 * size[0] * size[1], 0
    with file.open("wb") as out:
        for parts, data in entries(path, bounds.unpacked, bounds.files):
            try:
                if isinstance(data, str):
                    raise Unreadable(data)
                met += pixels_of(data, bounds.pixels or MOST_PIXELS)
                if bounds.all_pixels is not None and met > bounds.all_pixels:
                    most = f"{bounds.all_pixels // 1_000_000} million pixels"
                    raise ValueError(f"{path}: its images have more than {most} together. Scale them down, or send fewer.")
                image, grey = decode(data, size)
            except Unreadable as error:
                left_out.append(f"{'/'.join(parts)}: {error}")
                continue
            if len(places) >= min(bounds.images or MOST_IMAGES, MOST_ARRAY_BYTES // each):
                raise ValueError(f"{path} holds more than {len(places)} images of this size. Import fewer, or smaller ones.")
            all_grey &= grey
            digests.append(hashlib.sha256(image.tobytes()).digest())
            places.append(parts[:-1])
            out.write(image.tobytes())
            if len(places) % _EVERY == 0:
                report(f"{len(places)} images decoded, {len(left_out)} left out")
    if not places:
        reasons = f" {len(left_out)} files were left out: {'; '.join(left_out[:3])}." if left_out else ""
        raise ValueError(f"There is no image in {path}.{reasons} Give a folder with one subfolder of images for each class.")
    raw = np.memmap(file, np.uint8, "r", shape=(len(places), *size, 3))
    pixels = raw.transpose(0, 3, 1, 2)[:, : 1 if all_grey else 3]
    return Decoded(pixels=pixels, digests=digests, places=places, left_out=left_out)


def arrange(decoded: Decoded, path: Path, validation: float = VALIDATION_SHARE) -> Arranged:
    """The class and the split of every image. ValueError where the folders are not as expected.

    Every split is in the order of its images' hashes: shuffled, yet the same in whatever order the files come. Where the
    folders name no test images, an image's hash alone decides about its split, so that adding images moves no other.
    `validation` is the share of validation images, where the folders do not name these.
    """
    places = below_the_common(decoded.places)
    tops = {place[0].lower() for place in places if place}
    split_tops = bool(tops & {"train", "training"}) and "test" in tops
    used = [row for row, place in enumerate(places) if not split_tops or (place and place[0].lower() in _SPLIT_NAMES)]
    left_out = Counter(places[row][0] if places[row] else "." for row in set(range(len(places))) - set(used))
    depth = 1 if split_tops else 0
    if loose := sum(len(places[row]) <= depth for row in used):
        raise ValueError(
            f"{path}: {loose} images lie in no class. Expected is one subfolder of images for each class, or train/ and "
            "test/ with such subfolders."
        )
    classes = tuple(sorted({places[row][depth] for row in used}))
    _check_classes(classes, path)
    number = {name: k for k, name in enumerate(classes)}
    labels = np.zeros(len(places), dtype=np.uint8)
    labels[used] = [number[places[row][depth]] for row in used]
    given = [_SPLIT_NAMES.get(place[0].lower(), "") if split_tops and place else "" for place in places]
    order = sorted(used, key=lambda row: decoded.digests[row])
    rows = split_rows(order, decoded.digests, labels, given, validation)
    for part in PARTS:
        _check_balance(part, np.bincount(labels[rows[part]], minlength=len(classes)), classes, path)
    parts = {part: np.array([row for row in order if given[row] == part]) for part in PARTS if part in given}
    return Arranged(classes=classes, labels=labels, rows=rows, parts=parts, left_out=dict(left_out))


def share_of(digest: bytes) -> float:
    """A number in [0,1) made from an image's hash: always the same for the same image."""
    return int.from_bytes(digest[:8], "big") / 2**64


def split_rows(
    order: list[int], digests: list[bytes], labels: Bytes, given: list[str], validation: float
) -> dict[str, NDArray[np.int64]]:
    """The rows of every split, out of those in `order`: as `given`, where a row's split is named there (else ""), and by the
    row's digest. `validation` is the share of validation images."""
    found: dict[str, list[int]] = {part: [] for part in PARTS}
    for row in order:
        found[_split_of(share_of(digests[row]), given[row], "validation" in given, validation)].append(row)
    for part in ("test", "validation"):
        if part not in given:
            _fill(found, part, labels)
    return {part: np.array(sorted(rows, key=digests.__getitem__), dtype=np.int64) for part, rows in found.items()}


def _split_of(share: float, given: str, has_validation: bool, validation: float) -> str:
    if given in ("test", "validation") or (given == "train" and has_validation):
        return given
    test = 0.0 if given else TEST_SHARE
    return "test" if share < test else "validation" if share < test + validation else "train"


def _fill(found: dict[str, list[int]], part: str, labels: Bytes) -> None:
    """By its hashes, a small class may have no image in this part: its first training image then moves here."""
    for k in set(labels.tolist()) - {int(labels[row]) for row in found[part]}:
        mine = [row for row in found["train"] if labels[row] == k]
        if len(mine) > 1:
            found[part].append(mine[0])
            found["train"].remove(mine[0])


def below_the_common(places: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The folders of every image, without the top folders that all images share."""
    shared = 0
    while len({place[shared : shared + 1] for place in places}) == 1 and len(places[0]) > shared:
        shared += 1
    return [place[shared:] for place in places]


def _check_classes(classes: tuple[str, ...], path: Path) -> None:
    if not 2 <= len(classes) <= MOST_CLASSES:
        names = ", ".join(classes[:3])
        raise ValueError(f"{path} has {len(classes)} classes ({names} ...); 2 to {MOST_CLASSES} subfolders are expected.")
    for name in classes:
        if not name.isprintable() or len(name) > 60:
            raise ValueError(f"The class name {name[:60]!r} has unprintable characters or more than 60. Rename its folder.")


def _check_balance(part: str, counts: NDArray[np.int64], classes: tuple[str, ...], path: Path) -> None:
    if missing := [name for name, count in zip(classes, counts, strict=True) if not count]:
        raise ValueError(
            f"{path}: no {part} image of {', '.join(missing[:5])}. Each class needs images in every split: give it at least "
            "three different ones, and the same classes in train/ and test/."
        )


def shared_images(digests: list[bytes], rows: dict[str, NDArray[np.int64]]) -> int:
    """How many test images are also among the training or validation images."""
    others = {digests[row] for part in ("train", "validation") for row in rows[part]}
    return sum(digests[row] in others for row in rows["test"])


def balance(arranged: Arranged) -> Iterator[str]:
    """The count of every class in all splits together, as words."""
    labels = arranged.labels[np.concatenate(list(arranged.rows.values()))]
    counts = np.bincount(labels, minlength=len(arranged.classes))
    return (f"{name} {count}" for name, count in zip(arranged.classes, counts, strict=True))
