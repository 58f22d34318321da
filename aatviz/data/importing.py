"""Getting data sets: the files at a path are recognised by their content, checked, and kept all or not at all."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aatviz.data import cifar10, idx_set, restricted_imagenet, restricted_tiny_imagenet
from aatviz.data.image_folder import check_name
from aatviz.data.image_tree import Arranged, Decoded, Report, arrange, balance, read_tree, shared_images
from aatviz.data.placing import Staging, data_folder, staging
from aatviz.data.registry import BUILT_IN, IDX_SETS
from aatviz.data.split import fingerprints
from aatviz.data.stored_set import NOTE, Note, write_set
from aatviz.runtime.limits import LEAST_SIDE, MOST_SIDE

USUAL_SIZE = (32, 32)


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did."""

    name: str
    folder: Path
    notes: tuple[str, ...]
    """Counts, balance, duplicates, what was left out; as sentences."""


def import_path(
    path: Path, name: str | None = None, size: tuple[int, int] | None = None, report: Report = lambda _: None
) -> Imported:
    """Import IDX files (a folder with the four of them), CIFAR-10 (its archive), Restricted Tiny ImageNet (a tar or folder
    of that name), a folder of ImageNet, or other images: a folder, .tar, .tar.gz or .zip with one subfolder a class, or
    train/ and test/ above them.

    Args:
        name: what the data set is to be called; None for a known one, which is recognised by its content.
        size: height and width in pixels that image files are scaled to; None: 32 x 32.
        report: called with a sentence about the progress, now and then.

    Raises:
        ValueError: for damaged or unexpected content; nothing is imported then, and what was there stays.
        FileNotFoundError: for a path or a file that is missing.
        OSError: where the data folder cannot be written.
    """
    if name is not None and name not in BUILT_IN:
        check_name(name)
    if name == "mnist-sample":
        raise ValueError("mnist-sample is part of this package; it cannot be imported. Choose another --name.")
    if name not in (None, *(known.name for known in IDX_SETS)) and _foreign(data_folder() / str(name)):
        raise ValueError(f"{data_folder() / str(name)} is there already, and is no data set. Choose another --name.")
    if path.is_dir() and any((path / file).exists() or (path / f"{file}.gz").exists() for file in idx_set.file_names()):
        return _import_idx(path, name)
    if path.name == cifar10.ARCHIVE and path.is_file():
        if name not in (None, cifar10.NAME):
            raise ValueError(f"{cifar10.ARCHIVE} is {cifar10.NAME}, not {name}. Leave --name out, or rename the file.")
        return import_archive(path)
    if name == restricted_imagenet.NAME or (name is None and restricted_imagenet.looks_like(path)):
        return _import_imagenet(path, size, report)
    if restricted_tiny_imagenet.named(path, name):
        return _import_restricted_tiny(path, size, report)
    return _import_tree(path, name, size, report)


def import_archive(archive: Path | None) -> Imported:
    """CIFAR-10 out of torchvision's archive; None: downloaded."""
    with staging() as stage:
        note = cifar10.from_torchvision(stage, archive)
    return Imported(name=note.name, folder=data_folder() / note.name, notes=_counts(note))


def download(name: str) -> Imported:
    """Fetch a built-in data set by torchvision. ValueError for a name that cannot be fetched, or where the content is not
    the known one."""
    if name == cifar10.NAME:
        return import_archive(None)
    for known in IDX_SETS:
        if known.name == name:
            return Imported(name=name, folder=known.download(), notes=())
    there = ", ".join([*(known.name for known in IDX_SETS), cifar10.NAME])
    raise ValueError(f"There is no data set {name!r} to download; there are {there}.")


def _import_idx(path: Path, name: str | None) -> Imported:
    parts = idx_set.read_parts(path)
    known = idx_set.recognised(parts, IDX_SETS)
    if known is not None and name in (None, known.name):
        notes = f"Recognised by content: {known.title}, {known.source}."
        return Imported(name=known.name, folder=known.place(parts), notes=(notes,))
    if name is None or name in BUILT_IN:
        raise ValueError(_unknown(path, name))
    decoded = Decoded(
        pixels=np.concatenate([images for images, _ in parts.values()])[:, None],
        digests=[digest for images, _ in parts.values() for digest in fingerprints(images)],
        places=[(part, str(label)) for part, (_, labels) in parts.items() for label in labels.tolist()],
    )
    with staging() as stage:
        return _keep(stage, path, name, decoded, arrange(decoded, path), "IDX files")


def _import_restricted_tiny(path: Path, size: tuple[int, int] | None, report: Report) -> Imported:
    side = restricted_tiny_imagenet.SIDE
    if size not in (None, (side, side)):
        raise ValueError(f"{restricted_tiny_imagenet.NAME} is kept at {side} x {side}. Leave --size out.")
    with staging() as stage:
        decoded = read_tree(path, (side, side), stage.scratch, report)
        note = restricted_tiny_imagenet.write(stage, decoded, restricted_tiny_imagenet.arranged(decoded, path))
    return Imported(name=note.name, folder=restricted_tiny_imagenet.folder(), notes=_counts(note))


def _import_imagenet(path: Path, size: tuple[int, int] | None, report: Report) -> Imported:
    if size is not None:
        raise ValueError(f"The images of {restricted_imagenet.NAME} are scaled whenever they are read. Leave --size out.")
    if not path.is_dir():
        raise ValueError(f"{path} is no folder. The images are not copied, but read where they are: unpack them first.")
    with staging() as stage:
        note, left_out = restricted_imagenet.write(stage, path, report)
    words = f"The images stay in {path}; only a list of them was written."
    return Imported(name=note.name, folder=restricted_imagenet.folder(), notes=(*_counts(note), words, *left_out))


def _import_tree(path: Path, name: str | None, size: tuple[int, int] | None, report: Report) -> Imported:
    size = size or USUAL_SIZE
    if not all(LEAST_SIDE <= side <= MOST_SIDE for side in size):
        raise ValueError(f"--size is {LEAST_SIDE} to {MOST_SIDE} pixels a side; got {size[0]} x {size[1]}.")
    with staging() as stage:
        decoded = read_tree(path, size, stage.scratch, report)
        arranged = arrange(decoded, path)
        report(f"{len(decoded.places)} images decoded, {len(decoded.left_out)} left out; writing")
        if name in (None, cifar10.NAME) and cifar10.is_layout(decoded, arranged):
            images = (decoded.pixels, arranged.labels, arranged.parts)
            source = cifar10.source_of(*images)
            if source != cifar10.UNKNOWN_COPY or name == cifar10.NAME:
                note = cifar10.write(stage, *images, source)
                return Imported(name=note.name, folder=cifar10.folder(), notes=_counts(note))
        if name is None or name in BUILT_IN:
            raise ValueError(_unknown(path, name))
        kind = "folders" if path.is_dir() else "an archive"
        return _keep(stage, path, name, decoded, arranged, f"image files from {kind}, scaled to {size[0]} x {size[1]}")


def _keep(stage: Staging, path: Path, name: str, decoded: Decoded, arranged: Arranged, source: str) -> Imported:
    stage.target = data_folder() / name
    written = keep(stage.fresh, name, decoded, arranged, source)
    return Imported(name=name, folder=stage.target, notes=findings(decoded, arranged, written))


def keep(fresh: Path, name: str, decoded: Decoded, arranged: Arranged, source: str) -> Note:
    """Write the images into an empty folder, as a data set of this name."""
    channels, height, width = decoded.pixels.shape[1:]

    def note(counts: dict[str, int], hashes: dict[str, str]) -> Note:
        return Note(
            name=name,
            classes=arranged.classes,
            shape=(channels, height, width),
            source=source,
            counts=counts,
            hashes=hashes,
            left_out=len(decoded.left_out),
            shared=shared_images(decoded.digests, arranged.rows),
        )

    return write_set(fresh, note, decoded.pixels, arranged.labels, arranged.rows)


def findings(decoded: Decoded, arranged: Arranged, note: Note) -> tuple[str, ...]:
    """Counts, balance, duplicates and what was left out; as sentences."""
    return (*_counts(note), *_findings(decoded, arranged, note))


def _foreign(folder: Path) -> bool:
    """Whether there is a folder that is no data set: an import would replace it."""
    return folder.exists() and not (folder / NOTE).is_file()


def _counts(note: Note) -> tuple[str, ...]:
    counts = ", ".join(f"{part} {count}" for part, count in note.counts.items())
    return (f"{counts}; {len(note.classes)} classes of {' x '.join(map(str, note.shape))}; {note.source}.",)


def _findings(decoded: Decoded, arranged: Arranged, note: Note) -> list[str]:
    found = [f"Images a class: {', '.join(balance(arranged))}."]
    if arranged.left_out:
        folders = ", ".join(f"{name}/ ({count} images)" for name, count in sorted(arranged.left_out.items()))
        found.append(f"Left out: {folders}. Beside train/ and test/ only validation/ is a split.")
    if note.shared:
        found.append(
            f"{note.shared} test images are also among the training or validation images: results will look better."
        )
    if decoded.left_out:
        found.append(f"{len(decoded.left_out)} files left out: {'; '.join(decoded.left_out[:20])}.")
    return found


def _unknown(path: Path, name: str | None) -> str:
    if name is None:
        return (
            f"{path} holds no data set that is known by its content ({', '.join(_KNOWN)}). If it is your own, give it a "
            "name: --name pets."
        )
    return (
        f"{path} does not hold {name}: its content has another hash. Nothing was imported; a data set of your own needs "
        "another --name."
    )


_KNOWN = (*(known.name for known in IDX_SETS), cifar10.NAME, restricted_tiny_imagenet.NAME)
