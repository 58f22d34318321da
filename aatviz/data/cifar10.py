"""CIFAR-10 (Krizhevsky): from torchvision's archive, or from a copy as image files; decoded once, kept as bytes.

The 1,500 bundled images are training images. They, filled up in the order of the hashes to 500 a class, are the validation
part.
"""

import hashlib
import io
import shutil
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aatviz.data.image_tree import Arranged, Decoded
from aatviz.data.placing import Staging, data_folder, recover
from aatviz.data.spec import DataNotFound, Dataset, Movement, SplitInfo, Threat
from aatviz.data.split import Bytes, Split, fingerprints
from aatviz.data.stored_set import Note, open_part, write_set

NAME, SIDE = "cifar10", 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
COUNTS = {"train": 50_000, "test": 10_000}
VALIDATION_PER_CLASS = 500
ARCHIVE = "cifar-10-python.tar.gz"
ORIGINAL = "the original images, by torchvision"
JPEG_COPY = "JPEG copy: the original images compressed with loss (quality 75, 4:2:0)"
UNKNOWN_COPY = "a copy as image files that is not known to the bit"
JPEG_HASHES = {
    "train": "384cb032150303009513e0ba4699850d7e2a3405ce2e339e5f057e4927dc1879",
    "test": "ff10bfc90db3b60b11654797ac09fa721ec3a7527a778c4d4aac3f2e8def0fe4",
}
"""The content hashes of all training and all test images of the JPEG copy, in the order of their SHA-256."""
COPIES = {"8be7f1c9139258c3b7e8ff9919c028b2f140b4e04fdffc92c86dc3f53efabb45": "a JPEG copy with loss: quality 75, 4:2:0"}
"""By the content hash of the training split that is made from it."""
_NEAR = 25.0
"""The root mean square difference, in grey levels, up to which a copy with loss still counts as the same image."""


def folder() -> Path:
    """Where the images are kept."""
    return data_folder() / NAME


def write(stage: Staging, pixels: Bytes, labels: Bytes, rows: dict[str, NDArray[np.int64]], source: str) -> Note:
    """Write images (60000,3,32,32), whose rows["train"] and rows["test"] are CIFAR-10's two parts, as three splits.
    ValueError where the bundled images are not among the training ones."""
    train, validation = train_rows(pixels, labels, rows["train"])
    stage.target = folder()

    def note(counts: dict[str, int], hashes: dict[str, str]) -> Note:
        return Note(name=NAME, classes=CLASSES, shape=(3, SIDE, SIDE), source=source, counts=counts, hashes=hashes)

    return write_set(stage.fresh, note, pixels, labels, {"train": train, "validation": validation, "test": rows["test"]})


def train_rows(pixels: Bytes, labels: Bytes, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The training and the validation part of CIFAR-10's training rows, 500 validation images a class, in hash order.

    Validation: first, for every bundled image, the nearest training image of its class. That is the same photo, in the
    originals as in a copy with loss. Then the first of the rest by hash. Equal images stay in the same part."""
    sample = bundled()
    digests = dict(zip(rows.tolist(), fingerprints(pixels[rows]), strict=True))
    held: set[bytes] = set()
    for k in range(len(CLASSES)):
        mine = rows[labels[rows] == k]
        nearest = _nearest(sample.bytes(sample.labels == k).numpy(), pixels[mine])
        first = {digests[row] for row in mine[nearest].tolist()}
        by_hash = sorted((digests[row] for row in mine.tolist()), key=lambda digest: (digest not in first, digest))
        held |= set(by_hash[:VALIDATION_PER_CLASS])
    order = sorted(rows.tolist(), key=lambda row: digests[row])
    kept, validation = ([row for row in order if (digests[row] in held) == inside] for inside in (False, True))
    return np.array(kept, dtype=np.int64), np.array(validation, dtype=np.int64)


def is_layout(decoded: Decoded, arranged: Arranged) -> bool:
    """Whether these could be CIFAR-10's images: its classes, its size, its counts."""
    counts = {part: len(rows) for part, rows in arranged.parts.items()}
    return decoded.pixels.shape[1:] == (3, SIDE, SIDE) and arranged.classes == CLASSES and counts == COUNTS


def source_of(pixels: Bytes, labels: Bytes, rows: dict[str, NDArray[np.int64]]) -> str:
    """Which known copy these image files are, by their content: `JPEG_COPY` or `UNKNOWN_COPY`."""
    found = {part: Split(pixels, labels, rows=rows[part]).computed_hash() for part in COUNTS}
    return JPEG_COPY if found == JPEG_HASHES else UNKNOWN_COPY


def from_torchvision(stage: Staging, archive: Path | None = None) -> Note:
    """Download CIFAR-10, or take `archive`, torchvision's file, where it is given, and write its images.

    Torchvision checks the archive's hash before it reads the pickles in it; nothing pickled is kept."""
    from torchvision.datasets import CIFAR10  # here: loading it takes a second, and the app downloads nothing

    if archive is not None:
        if _md5(archive) != CIFAR10.tgz_md5:  # torchvision would fetch another one, without a word
            raise ValueError(
                f"{archive} is not CIFAR-10's archive: its content has another hash. Nothing was imported: get it again; "
                "images of your own need another file name, and a --name."
            )
        shutil.copyfile(archive, stage.scratch / ARCHIVE)
    parts = [CIFAR10(str(stage.scratch), train=train, download=True) for train in (True, False)]
    pixels = np.concatenate([np.asarray(part.data, dtype=np.uint8) for part in parts]).transpose(0, 3, 1, 2)
    labels = np.concatenate([np.asarray(part.targets) for part in parts]).astype(np.uint8)
    if pixels.shape != (sum(COUNTS.values()), 3, SIDE, SIDE) or [len(part.data) for part in parts] != list(COUNTS.values()):
        raise ValueError(f"What torchvision read is not CIFAR-10: images {pixels.shape}. Nothing was kept.")
    train, test = np.arange(COUNTS["train"]), np.arange(COUNTS["train"], len(pixels))
    digests = fingerprints(pixels[test])
    test = test[sorted(range(len(test)), key=lambda row: digests[row])]
    return write(stage, pixels, labels, {"train": train, "test": test}, ORIGINAL)


def _md5(archive: Path) -> str:
    with archive.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@lru_cache
def bundled() -> Split:
    """The sample that is part of this package; always there."""
    file = files("aatviz.data").joinpath(f"{NAME}-sample.npz")
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        sheet, labels = np.asarray(Image.open(io.BytesIO(arrays["sheet"].tobytes())).convert("RGB")), arrays["labels"]
    height, width = sheet.shape[0] // SIDE, sheet.shape[1] // SIDE
    tiles = sheet.reshape(height, SIDE, width, SIDE, 3).transpose(0, 2, 4, 1, 3)
    return Split(tiles.reshape(-1, 3, SIDE, SIDE), labels, source=f"part of this package, from a {JPEG_COPY}")


def _open(split: str) -> Split:
    if split == "sample":
        return bundled()
    try:
        return open_part(folder(), split)
    except (FileNotFoundError, NotADirectoryError):
        if NAME in recover():
            return open_part(folder(), split)
        raise DataNotFound(
            f"CIFAR-10 is not on this machine: it is not in {folder()}. Get it with: `aatviz data download {NAME}` (without "
            f"a network: `aatviz data import PATH`, with {ARCHIVE} or a folder or tar of its images, train/ and test/ with "
            "one subfolder a class)."
        ) from None


def _nearest(images: Bytes, among: Bytes) -> NDArray[np.int64]:
    """For each image the row of the nearest one in `among`. ValueError where that is too far to be a copy of it."""
    a, b = (part.reshape(len(part), -1).astype(np.float32) for part in (images, among))
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    if np.sqrt(max(float(squared.min(1).max()), 0.0) / a.shape[1]) > _NEAR:
        raise ValueError(
            "These are not CIFAR-10's images: some of the bundled ones are not among the training images. "
            "Give the data set a name of its own with --name."
        )
    return squared.argmin(1)


DATASET = Dataset(
    name=NAME,
    title="CIFAR-10",
    shape=(3, SIDE, SIDE),
    classes=CLASSES,
    noun="photo",
    plural="photos",
    splits={
        "train": SplitInfo(count=45_000, provenance="CIFAR-10's training images without the validation part."),
        "validation": SplitInfo(
            count=5_000, provenance="500 of CIFAR-10's training images a class: the bundled sample, and the first by hash."
        ),
        "test": SplitInfo(count=10_000, provenance="CIFAR-10's test images."),
        "sample": SplitInfo(
            count=1_500, provenance=f"150 of the training images a class, part of this package, from a {JPEG_COPY}."
        ),
    },
    licence="Alex Krizhevsky, 2009; published for research without a licence, made of photos found on the web",
    source="torchvision's archive, or a copy as image files; each split says which",
    threats=(
        Threat(norm="Linf", eps="8/255", step_size="0.5/255", steps=40, optimizer="steepest"),
        Threat(norm="Linf", eps="2/255", step_size="0.5/255", steps=10, optimizer="steepest"),
        Threat(norm="L2", eps="80/255", step_size="10/255", steps=20, optimizer="steepest"),
    ),
    pushed=Threat(norm="Linf", eps="12/255", step_size="2/255", steps=30, optimizer="steepest"),  # figure 5
    drawn=Threat(norm="L2", eps="30", step_size="0.5", steps=60, optimizer="steepest"),  # figure 6
    first_look=(4, 3),  # a dog towards a cat: what each model draws is seen at once
    movement=Movement(shift=4, flip=True),
    own_image="photograph",
    copies=COPIES,
    opener=_open,
)
