"""Restricted ImageNet (Tsipras et al., 2019): a folder of ImageNet, mapped to nine categories and decoded on the fly.

Nothing is copied: the import keeps a list of the files. The folder holds a subfolder for each class, named by its WordNet
number (n02085620), or train/ and val/ above them; val/ is then the test part, and a test/ beside it is left out: ImageNet's
own has no labels. A tenth of the training images is validation, chosen by a hash of the file's name.
"""

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np

from aatviz.data.decode import Unreadable
from aatviz.data.image_files import FileSplit, ImageFiles, combined_hash, image_names, looked_at, read_list, write_list
from aatviz.data.image_folder import MOST_SAMPLE, sample_rows
from aatviz.data.image_tree import Report, split_rows
from aatviz.data.placing import Staging, data_folder, recover
from aatviz.data.restricted import LICENCE, NAMES, SIZE, category_of
from aatviz.data.spec import DataNotFound, Dataset, Movement, SplitInfo, Threat
from aatviz.data.split import Bytes, Split
from aatviz.data.stored_set import NOTE, PARTS, Note, read_note

NAME = "restricted-imagenet"
VALIDATION_SHARE = 0.1
_WNID = re.compile(r"n\d{8}")
_TOPS = {"train": "train", "val": "test", "test": "test"}


def looks_like(path: Path) -> bool:
    """Whether a folder has subfolders that bear WordNet numbers, itself or in its train/."""
    return any(
        _WNID.fullmatch(found.name) and found.is_dir()
        for top in (path, path / "train")
        if top.is_dir()
        for found in top.iterdir()
    )


def write(stage: Staging, path: Path, report: Report) -> tuple[Note, list[str]]:
    """Write the list of the files, and the note. Returns it, and what was left out, as sentences. ValueError where the
    folders are not as expected."""
    stage.target = folder()
    names, given, labels = _listed(path)
    digests = [hashlib.sha256(name.rsplit("/", 1)[-1].encode()).digest() for name in names]
    order = sorted(range(len(names)), key=digests.__getitem__)
    rows = split_rows(order, digests, labels, given, VALIDATION_SHARE)
    for part in PARTS:  # before all files are read, which takes long
        _check_categories(part, labels[rows[part]], path)
    parts, hashes, left_out = dict[str, list[str]](), dict[str, str](), list[str]()
    for part in PARTS:
        report(f"reading the {len(rows[part])} {part} files once, for their hash")
        kept = dict[int, bytes]()
        for row in rows[part].tolist():
            try:
                kept[row] = looked_at(path / names[row])
            except Unreadable as error:
                left_out.append(f"{names[row]}: {error}")
        _check_categories(part, labels[[*kept]], path)
        parts[part], hashes[part] = [names[row] for row in kept], combined_hash(kept.values(), labels[[*kept]])
    write_list(stage.fresh, path, parts)
    note = Note(
        name=NAME,
        classes=NAMES,
        shape=(3, SIZE, SIZE),
        source="ImageNet's image files, their middle scaled to 224 x 224 whenever they are read",
        counts={part: len(found) for part, found in parts.items()},
        hashes=hashes,
        left_out=len(left_out),
    )
    (stage.fresh / NOTE).write_text(json.dumps(asdict(note), indent=1) + "\n", encoding="utf-8")
    said = ["test/ is left out: where val/ is there, it is the test part."] if _has_both(path) else []
    if left_out:
        said.append(f"{len(left_out)} files left out: {'; '.join(left_out[:20])}.")
    return note, said


def _check_categories(part: str, labels: Bytes, path: Path) -> None:
    if missing := [name for k, name in enumerate(NAMES) if k not in labels]:
        raise ValueError(f"{path}: no {part} image of {', '.join(missing)}. Each category needs images in every split.")


def folder() -> Path:
    """Where the list of the files is kept."""
    return data_folder() / NAME


def _listed(path: Path) -> tuple[list[str], list[str], Bytes]:
    """All files of the nine categories below a folder, the split that each lies in ("" where none is named), and their
    labels."""
    tops = _tops(path)
    if tops and not ({"train"} < {*tops}):
        raise ValueError(f"{path} has {' and '.join(tops)} alone. Expected are train/ and val/, or one subfolder a class.")
    names, given, labels = list[str](), list[str](), list[int]()
    for top in tops or [""]:
        before = len(names)
        for found in sorted((path / top).iterdir()):
            category = category_of(found.name) if _WNID.fullmatch(found.name) and found.is_dir() else None
            if category is None:
                continue
            files = list(image_names(path, f"{top}/{found.name}" if top else found.name))
            names += files
            given += [_TOPS.get(top, "")] * len(files)
            labels += [category] * len(files)
        if len(names) == before:
            raise ValueError(
                f"{path / top} has no images in a subfolder whose name is the WordNet number of a class of the nine "
                "categories, such as n02085620. ImageNet's val/ comes without subfolders: move its files into them first. "
                "Its test/ has no labels and cannot be used: give val/."
            )
    return names, given, np.array(labels, np.uint8)


def _tops(path: Path) -> list[str]:
    """The folders of splits that are read; test/ only where there is no val/."""
    return [top for top in _TOPS if (path / top).is_dir() and not (top == "test" and _has_both(path))]


def _has_both(path: Path) -> bool:
    return (path / "val").is_dir() and (path / "test").is_dir()


def _open(split: str) -> Split:
    if not (folder() / NOTE).is_file() and NAME not in recover():
        raise _missing(f"it is not in {folder()}")
    note = read_note(folder())
    images, parts = read_list(folder())
    if not images.is_dir():
        raise _missing(f"{images}, which its images were imported from, is gone")
    names = parts["validation" if split == "sample" else split]
    labels = np.array([category_of(Path(name).parent.name) for name in names], np.uint8)
    if split == "sample":
        rows = sample_rows(labels.astype(np.int64), MOST_SAMPLE)
        return FileSplit(ImageFiles(images, [names[row] for row in rows], note.shape[1:]), labels[rows], source=note.source)
    return FileSplit(
        ImageFiles(images, names, note.shape[1:]), labels, source=note.source, known_hash=lambda: note.hashes.get(split)
    )


def _missing(why: str) -> DataNotFound:
    return DataNotFound(
        f"{DATASET.title} is not on this machine: {why}. Its images may not be part of this package, nor be downloaded by "
        f"it, so there is no sample either. Where you have ImageNet, name its folder: `aatviz data import PATH --name "
        f"{NAME}` (one subfolder a class, such as n02085620, or train/ and val/ above them)."
    )


DATASET = Dataset(
    name=NAME,
    title="Restricted ImageNet",
    shape=(3, SIZE, SIZE),
    classes=NAMES,
    noun="photo",
    plural="photos",
    splits={
        "train": SplitInfo(
            count=232_000, provenance="ImageNet's training images of the nine categories, without the validation part."
        ),
        "validation": SplitInfo(
            count=25_800, provenance="About a tenth of the training images, chosen by a hash of the file's name."
        ),
        "test": SplitInfo(count=10_150, provenance="ImageNet's validation images of the nine categories."),
        "sample": SplitInfo(count=1_000, provenance="Up to 1,000 of the validation images; not part of this package."),
    },
    licence=LICENCE,
    passed_on=False,
    source="ImageNet's image files, decoded on the fly",
    threats=(
        Threat(norm="Linf", eps="0.02", step_size="0.001", steps=40, optimizer="steepest"),
        Threat(norm="Linf", eps="0.01", step_size="0.001", steps=20, optimizer="steepest"),
        Threat(norm="Linf", eps="0.005", step_size="0.001", steps=10, optimizer="steepest"),
    ),
    drawn=Threat(norm="L2", eps="40", step_size="1", steps=60, optimizer="steepest"),
    drawn_far=Threat(norm="L2", eps="100", step_size="10", steps=10, optimizer="steepest"),
    movement=Movement(flip=True),
    own_image="photograph",
    opener=_open,
)
