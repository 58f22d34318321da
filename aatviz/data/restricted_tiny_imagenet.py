"""Restricted Tiny ImageNet: Tiny ImageNet's images of six of Restricted ImageNet's categories, and those of no category.

No image of ImageNet may be part of this package, so there is no bundled sample: where the data set is imported, the sample
is a part of its validation images.
"""

from pathlib import Path

import numpy as np

from aatviz.data.image_folder import open_imported
from aatviz.data.image_tree import Arranged, Decoded, arrange, below_the_common, shared_images
from aatviz.data.placing import Staging, data_folder, recover
from aatviz.data.restricted import LICENCE
from aatviz.data.spec import OTHER, DataNotFound, Dataset, Movement, SplitInfo, Threat
from aatviz.data.split import Split
from aatviz.data.stored_set import Note, write_set

NAME, SIDE = "restricted-tiny-imagenet", 64
CLASSES = ("dog", "cat", "frog", "bird", "primate", "insect")
COUNTS = {"train": 11_500, "test": 1_150, OTHER: 4_425}
"""The images in the folders train/, test/ and other/."""
VALIDATION_SHARE = 0.1
KNOWN_COPY = "Tiny ImageNet's JPEG files, 64 x 64"
UNKNOWN_COPY = "a copy of Tiny ImageNet that is not known to the bit"
HASHES = {
    "train": "98fffae70dce0b62b6bf666e768059c393a0776c78d71e7aea54061a6b3157ba",
    "validation": "5db425bd725c386ba238f88bdd352d94db568e3daa0a7e1b1cf4f707cd72fcdc",
    "test": "386f6243c01544cb749d698fad6c626c72afac87d970d0a3dac9b8a957c858b0",
    OTHER: "56deb86858519f98708a044be260d6678d1de2c1bde12f3ebcf0d5db363c80c5",
}
"""The content hash of every split of `KNOWN_COPY`."""


def named(path: Path, name: str | None) -> bool:
    """Whether a folder or archive is taken for this data set: by the name it is to have, else by that of the file."""
    return name == NAME or (name is None and path.name.startswith(NAME))


def arranged(decoded: Decoded, path: Path) -> Arranged:
    """The classes and splits of images in train/, test/ and other/. ValueError where the folders are not as expected.

    By its hash alone, a tenth of train/ is validation. The images of other/ belong to no class: their label is 6."""
    found = arrange(decoded, path, VALIDATION_SHARE)
    places = below_the_common(decoded.places)
    beside = [row for row, place in enumerate(places) if place and place[0].lower() == OTHER]
    counts = {part: len(rows) for part, rows in found.parts.items()} | {OTHER: len(beside)}
    if set(found.classes) != set(CLASSES) or counts != COUNTS:
        raise ValueError(
            f"{path} does not hold {NAME}: expected are train/ and test/ with the subfolders {', '.join(sorted(CLASSES))}, "
            f"and other/, with {COUNTS} images; found are {', '.join(found.classes[:8])} and {counts}. Nothing was "
            "imported; a data set of your own needs another --name."
        )
    labels = np.array([CLASSES.index(name) for name in found.classes], np.uint8)[found.labels]
    labels[beside] = len(CLASSES)
    rows = found.rows | {OTHER: np.array(sorted(beside, key=decoded.digests.__getitem__), dtype=np.int64)}
    return Arranged(classes=CLASSES, labels=labels, rows=rows, parts=found.parts)


def write(stage: Staging, decoded: Decoded, arranged: Arranged) -> Note:
    """Write the four splits."""
    stage.target = folder()

    def note(counts: dict[str, int], hashes: dict[str, str]) -> Note:
        return Note(
            name=NAME,
            classes=CLASSES,
            shape=(3, SIDE, SIDE),
            source=KNOWN_COPY if hashes == HASHES else UNKNOWN_COPY,
            counts=counts,
            hashes=hashes,
            shared=shared_images(decoded.digests, arranged.rows),
        )

    return write_set(stage.fresh, note, decoded.pixels, arranged.labels, arranged.rows)


def folder() -> Path:
    """Where the images are kept."""
    return data_folder() / NAME


def _open(split: str) -> Split:
    try:
        return open_imported(folder(), split)
    except (FileNotFoundError, NotADirectoryError):
        if NAME in recover():
            return open_imported(folder(), split)
        raise DataNotFound(
            f"{DATASET.title} is not on this machine: it is not in {folder()}. Its images may not be part of this package, "
            f"nor be downloaded by it, so there is no sample either. Where you have them, get it with: `aatviz data import "
            f"PATH/{NAME}.tar` (train/ and test/ with one subfolder a class, and other/; or a folder of that)."
        ) from None


PUSHED = Threat(norm="L2", eps="8.6", step_size="2", steps=10, optimizer="steepest")
"""What pages push photos with: the L2 radius of the paper's figure 15, 30 at 224 x 224, in proportion."""
DATASET = Dataset(
    name=NAME,
    title="Restricted Tiny ImageNet",
    shape=(3, SIDE, SIDE),
    classes=CLASSES,
    noun="photo",
    plural="photos",
    splits={
        "train": SplitInfo(count=10_289, provenance="The images of train/ without the validation part."),
        "validation": SplitInfo(count=1_211, provenance="About a tenth of the images of train/, chosen by their hash."),
        "test": SplitInfo(count=1_150, provenance="The images of test/."),
        "sample": SplitInfo(count=1_000, provenance="Up to 1,000 of the validation images; not part of this package."),
        OTHER: SplitInfo(
            count=4_425, provenance="Images of 177 other classes of Tiny ImageNet; they belong to no class here."
        ),
    },
    licence=LICENCE,
    passed_on=False,
    source=KNOWN_COPY,
    threats=(
        Threat(norm="Linf", eps="0.02", step_size="0.001", steps=40, optimizer="steepest"),
        Threat(norm="Linf", eps="0.01", step_size="0.001", steps=20, optimizer="steepest"),
        Threat(norm="Linf", eps="0.005", step_size="0.001", steps=10, optimizer="steepest"),
        PUSHED,
    ),
    pushed=PUSHED,
    # The paper's balls of L2 40 and 100, of 60 steps of 1 and 10 of 10, are for 224 x 224: here 64/224 of that.
    drawn=Threat(norm="L2", eps="11.4", step_size="0.286", steps=60, optimizer="steepest"),
    drawn_far=Threat(norm="L2", eps="28.6", step_size="2.86", steps=10, optimizer="steepest"),
    movement=Movement(shift=4, flip=True),
    own_image="photograph",
    hashes=HASHES,
    opener=_open,
)
