"""Data sets that visitors of the app upload: imported like any other, within closer bounds, and named by their content.

Such a data set lies in the app's own folder (`placing.visitors_folder`). Its name ends with a hash of classes and images.
So the same archive has the same name on every server, and a system that was trained on it finds its images again.
"""

import hashlib
import json
import math
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from aatviz.data.image_tree import Bounds, arrange, read_tree
from aatviz.data.importing import findings, keep
from aatviz.data.stored_set import NOTE, PARTS, Note, open_part, read_note, write_note
from aatviz.runtime.limits import MOST_OWN_PIXELS

IMAGES, DECODED = 20_000, 100_000_000
"""The most images of an uploaded data set, and bytes of all of them, decoded."""
UNPACKED = 20
"""How many times its own size an uploaded archive may unpack to; photographs hardly shrink in an archive."""
LEAST_UNPACKED = 50_000_000
FILES, ALL_PIXELS = 4 * IMAGES, 2_000_000_000
"""The most files in an uploaded archive, with those that systems put beside pictures; and pixels of all images before they
are scaled: more than any photographs of such an archive have, and a minute or two of decoding."""


class Upload(NamedTuple):
    """An archive that a visitor has sent."""

    archive: Path
    title: str
    """What the visitor calls it: the name of the file."""
    size: tuple[int, int]
    """Height and width that the images are scaled to."""
    into: Path
    """The folder of the visitors' data sets."""


class Received(NamedTuple):
    """What came of an upload."""

    name: str
    notes: tuple[str, ...]


def receive(_: None, uploads: list[Upload], step: Callable[..., object]) -> list[Received]:
    """Import every archive. For a worker process; `step` is called now and then, and what it raises ends the work.

    ValueError for damaged or unexpected content, with the visitor's own name of the file; nothing is kept then.
    """
    return [_receive(upload, step) for upload in uploads]


def _receive(upload: Upload, step: Callable[..., object]) -> Received:
    def told(_: str) -> None:
        step()

    upload.into.mkdir(parents=True, exist_ok=True)
    images = min(IMAGES, DECODED // (3 * upload.size[0] * upload.size[1]))
    bounds = Bounds(
        images=images,
        unpacked=max(UNPACKED * upload.archive.stat().st_size, LEAST_UNPACKED),
        files=FILES,
        pixels=MOST_OWN_PIXELS,
        all_pixels=ALL_PIXELS,
    )
    with tempfile.TemporaryDirectory(dir=upload.into, prefix=".upload-") as scratch:
        fresh = Path(scratch, "new")
        fresh.mkdir()
        try:
            decoded = read_tree(upload.archive, upload.size, Path(scratch), told, bounds)
            arranged = arrange(decoded, upload.archive)
        except ValueError as error:
            raise ValueError(str(error).replace(str(upload.archive), upload.title)) from None
        step()
        height, width = upload.size
        note = keep(fresh, "upload", decoded, arranged, f"image files from an archive, scaled to {height} x {width}")
        return Received(_place(fresh, note, upload.title, upload.into), findings(decoded, arranged, note))


def adopt(folder: Path, into: Path) -> str:
    """Move a data set that came with an uploaded system to its place, and return its name. ValueError where it is damaged,
    or not what its name says."""
    note = read_note(folder)
    count = sum(note.counts.values())
    if count > IMAGES or count * math.prod(note.shape) > DECODED or {*note.counts} != {*PARTS}:
        raise ValueError(f"The data set {note.name[:60]!r} has more or larger images than are taken, or other splits.")
    for part in PARTS:
        if open_part(folder, part).computed_hash() != note.hashes.get(part):
            raise ValueError(f"The {part} images of {note.name[:60]!r} are not what its note says.")
    base, _, given = note.name.rpartition("-")
    if given != _digest(note):
        raise ValueError(f"The data set {note.name[:60]!r} does not hold the images that its name stands for.")
    return _place(folder, note, base, into)


def _place(fresh: Path, note: Note, title: str, into: Path) -> str:
    name = f"{_slug(title)}-{_digest(note)}"
    if not (into / name / NOTE).is_file():
        write_note(fresh, replace(note, name=name))
        shutil.rmtree(into / name, ignore_errors=True)
        into.mkdir(parents=True, exist_ok=True)
        fresh.rename(into / name)
    return name


def _digest(note: Note) -> str:
    content = json.dumps([note.classes, note.shape, sorted(note.hashes.items())])
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _slug(title: str) -> str:
    words = re.sub(r"\.(zip|tar|tgz|gz|tar\.gz)$", "", Path(title).name.lower())
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:20].strip("-") or "photos"
