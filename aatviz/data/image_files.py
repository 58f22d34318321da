"""Images that are decoded from their files whenever they are asked for: a data set too large to be decoded once and kept."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from aatviz.data.decode import Unreadable, decode, pixels_of
from aatviz.data.entries import TOO_LONG, is_hidden
from aatviz.data.split import Bytes, Rows, Split
from aatviz.runtime.limits import MOST_FILE_BYTES, MOST_HELD_BYTES

LIST = "files.json"
"""In the folder of a data set, beside its note: the folder of the images, and the files of every split below it."""
THREADS = 8


class ImageFiles:
    """Image files as if they were an array (M,C,H,W) of bytes: what `Split` reads from."""

    ndim = 4

    def __init__(self, folder: Path, names: Sequence[str], size: tuple[int, int]) -> None:
        self.files = [folder / name for name in names]
        self.shape = (len(self.files), 3, *size)

    def __getitem__(self, rows: slice | NDArray[np.integer] | NDArray[np.bool_]) -> Bytes:
        """The images of these rows. FileNotFoundError or ValueError names a file that is gone, or that cannot be decoded."""
        picked = np.arange(len(self.files))[rows]
        images = np.empty((len(picked), *self.shape[1:]), np.uint8)

        def read(place: int) -> None:
            images[place] = self._decoded(self.files[picked[place]])

        with ThreadPoolExecutor(THREADS) as threads:  # Pillow decodes without Python's lock
            for _ in threads.map(read, range(len(picked))):
                pass
        return images

    def _decoded(self, file: Path) -> Bytes:
        try:
            return decode(file.read_bytes(), (self.shape[2], self.shape[3]))[0].transpose(2, 0, 1)
        except FileNotFoundError:
            raise FileNotFoundError(f"{file} is gone. Bring it back, or import the data set again.") from None
        except Unreadable as error:
            raise ValueError(f"{file} cannot be read: {error}. Get it again, or remove it and import again.") from None


class FileSplit(Split):
    """A split whose images are never all in memory."""

    on_the_fly = True

    def __init__(
        self, images: ImageFiles, labels: Bytes, *, source: str = "", known_hash: Callable[[], str | None] = lambda: None
    ) -> None:
        super().__init__(images, labels, source=source, known_hash=known_hash)
        self._files = images.files

    def bytes(self, rows: Rows | None = None) -> Tensor:
        """The images of these rows (n,C,H,W), uint8. ValueError for all of them, where that would fill the memory."""
        if rows is None and (needed := len(self) * math.prod(self.shape)) > MOST_HELD_BYTES:
            raise ValueError(
                f"All {len(self)} images at once would take {needed / 1e9:.1f} GB, and four times that as floats. They are "
                "decoded on the fly: read them by rows or in batches, from `aatviz.open_split`."
            )
        return super().bytes(rows)

    def computed_hash(self) -> str:
        """The SHA-256 of the files' own SHA-256s and then all labels: of the files, not of what they are decoded to."""
        return combined_hash(map(_digest, self._files), self.label_bytes)


def combined_hash(digests: Iterable[bytes], labels: Bytes) -> str:
    """The content hash of a `FileSplit`, from the SHA-256 of every file."""
    found = hashlib.sha256()
    for digest in digests:
        found.update(digest)
    found.update(np.ascontiguousarray(labels).data)
    return found.hexdigest()


def looked_at(file: Path) -> bytes:
    """The SHA-256 of an image file whose header can be read. Unreadable, with the reason, for any other file."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_FILE_BYTES + 1)
    except OSError:
        raise Unreadable("cannot be opened") from None
    if len(data) > MOST_FILE_BYTES:
        raise Unreadable(TOO_LONG)
    pixels_of(data)
    return hashlib.sha256(data).digest()


def _digest(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def write_list(fresh: Path, folder: Path, parts: dict[str, list[str]]) -> None:
    """Write which files below `folder` belong to which split."""
    (fresh / LIST).write_text(json.dumps({"folder": str(folder.resolve()), "parts": parts}) + "\n", encoding="utf-8")


def read_list(place: Path) -> tuple[Path, dict[str, list[str]]]:
    """The folder of the images, and the files of every split. FileNotFoundError where there is no list, ValueError where it
    is damaged."""
    file = place / LIST
    return _read_list(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_list(file: Path, stamp: int) -> tuple[Path, dict[str, list[str]]]:
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        return Path(raw["folder"]), {str(part): [str(name) for name in names] for part, names in raw["parts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} is no list of images ({error}). Import the data set again.") from error


def image_names(folder: Path, below: str) -> Iterator[str]:
    """The files in a subfolder, sorted, as paths relative to `folder`; hidden ones left out."""
    for file in sorted((folder / below).iterdir()):
        if file.is_file() and not is_hidden(file.name):
            yield file.relative_to(folder).as_posix()
