"""The files of a folder, a tar or a zip, one after the other: nothing is unpacked to the disk, no link is followed."""

import gzip
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from aatviz.runtime.limits import LONGEST_PATH, MOST_FILE_BYTES, MOST_HEADER_BYTES, MOST_IMAGES, MOST_UNPACKED_BYTES

Entry = tuple[tuple[str, ...], bytes | str]
"""The parts of a file's path below the top, and its bytes, or why it is left out."""
TOO_LONG = f"more than {MOST_FILE_BYTES // 1_000_000} MB"
LISTED = b"PK\x01\x02"
"""What begins each file in the list of a zip."""


def entries(path: Path, most: int | None = None, most_files: int | None = None) -> Iterator[Entry]:
    """Every file in a folder, tar or zip, except hidden ones. FileNotFoundError where there is nothing at this path;
    ValueError for an archive that is damaged, not to be trusted, unpacks to more than `most` bytes or holds more than
    `most_files` files, hidden ones and a zip's folders included (None: the bounds of all imports)."""
    most = MOST_UNPACKED_BYTES if most is None else most
    if path.is_dir():
        found = _of_folder(path)
    elif not path.is_file():
        raise FileNotFoundError(f"There is no {path}. Give a folder of images, or a .tar, .tar.gz or .zip of one.")
    elif zipfile.is_zipfile(path):
        if most_files is not None and _listed(path) > most_files:  # before the list is read, which may fill the memory
            raise ValueError(_too_many(path, most_files))
        found = _of_zip(path, most)
    else:
        found = _of_tar(path, most)
    most_files = 2 * MOST_IMAGES if most_files is None else most_files
    for count, entry in enumerate(found):
        if count >= most_files:
            raise ValueError(_too_many(path, most_files))
        if not any(map(is_hidden, entry[0])):
            yield entry


def is_hidden(name: str) -> bool:
    """Whether a file or folder is one that systems put beside pictures: it is left out without a word."""
    return name.startswith((".", "__MACOSX")) or name == "Thumbs.db"


def _of_folder(top: Path) -> Iterator[Entry]:
    for folder, folders, names in os.walk(top):  # links to folders are not entered
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            parts = file.relative_to(top).parts
            try:
                handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            except OSError:
                yield parts, "a link" if file.is_symlink() else "cannot be opened"
                continue
            with os.fdopen(handle, "rb") as opened:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    yield parts, "no ordinary file"
                    continue
                data = opened.read(MOST_FILE_BYTES + 1)
            yield parts, data if len(data) <= MOST_FILE_BYTES else TOO_LONG
        for name in folders:
            if (link := Path(folder, name)).is_symlink():
                yield link.relative_to(top).parts, "a link"


def _of_tar(path: Path, most: int) -> Iterator[Entry]:
    with _archive(path), path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: Any = gzip.GzipFile(fileobj=raw) if packed else raw
        bounded = _Bounded(stream, path, most)
        bounded.allow(MOST_HEADER_BYTES)
        with tarfile.open(fileobj=bounded, mode="r:") as tar:  # type: ignore[call-overload]
            while (member := tar.next()) is not None:
                tar.members.clear()  # so that a million of them do not fill the memory
                tar.pax_headers.clear()
                bounded.allow(MOST_HEADER_BYTES)
                if member.isdir():
                    continue
                parts = _safe(member.name, path)
                if not member.isreg() or member.issparse():
                    what = f"{member.name[:200]} is a link or a device, or has holes"
                    raise ValueError(f"{path}: {what}. Pack the files themselves.")
                if member.size > MOST_FILE_BYTES:
                    yield parts, TOO_LONG
                    continue
                bounded.allow(MOST_FILE_BYTES)
                content = tar.extractfile(member)
                data = content.read() if content else b""
                if len(data) != member.size:
                    raise ValueError(f"{path} is cut off in {member.name[:200]}. Get it again.")
                bounded.allow(MOST_HEADER_BYTES)
                yield parts, data


def _of_zip(path: Path, most: int) -> Iterator[Entry]:
    total = 0
    with _archive(path), zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            parts = _safe(member.filename, path)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise ValueError(f"{path}: {member.filename[:200]} is a link. Pack the file itself.")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{path} is packed in an unusual way. Pack the folder as a usual .zip, or as a .tar.gz.")
            with archive.open(member) as content:
                data = content.read(MOST_FILE_BYTES + 1)
            total += len(data)
            if total > most:
                raise ValueError(_bomb(path, most))
            yield parts, data if len(data) <= MOST_FILE_BYTES else TOO_LONG


@contextmanager
def _archive(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path} is no whole .tar, .tar.gz or .zip ({error}). Get it again, or unpack it and give the folder."
        ) from error
    except RuntimeError as error:  # zipfile's, for a password
        raise ValueError(f"{path} cannot be unpacked: {error}. Unpack it and give the folder.") from error


def _safe(name: str, path: Path) -> tuple[str, ...]:
    """The parts of a member's path. ValueError where it leads out of the archive."""
    if len(name) > LONGEST_PATH:
        raise ValueError(f"{path}: {name[:60]!r} begins a path of more than {LONGEST_PATH} letters. Nothing was imported.")
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        raise ValueError(f"{path}: the path {name[:200]!r} leads out of the archive. Nothing was imported.")
    return tuple(part for part in parts if part != ".")


def _listed(path: Path) -> int:
    """How many files a zip lists, at most."""
    count, end = 0, b""
    with path.open("rb") as raw:
        while chunk := raw.read(2**20):
            count += (end + chunk).count(LISTED)
            end = chunk[1 - len(LISTED) :]
    return count


class _Bounded:
    """A stream that refuses to give more bytes than any honest archive holds, for one file, its header, or in all."""

    def __init__(self, stream: IO[bytes], path: Path, most: int) -> None:
        self._stream, self._path, self._most, self._left = stream, path, most, 0

    def allow(self, count: int) -> None:
        """Until the next call, at most so many bytes may be read."""
        self._left = count

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self._left:
            raise ValueError(_bomb(self._path, self._most))
        data = self._stream.read(size)
        self._left -= len(data)
        self._check()
        return data

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence or offset > self._most:
            raise ValueError(_bomb(self._path, self._most))
        return self._stream.seek(offset)

    def close(self) -> None:
        self._stream.close()

    def _check(self) -> None:
        if self._stream.tell() > self._most:
            raise ValueError(_bomb(self._path, self._most))


def _too_many(path: Path, most: int) -> str:
    return f"{path} holds more than {most} files. Import fewer."


def _bomb(path: Path, most: int) -> str:
    words = f"{most // 1_000_000_000} GB" if most >= 1_000_000_000 else f"{most // 1_000_000} MB"
    return f"{path} unpacks to more than {words}, or has a header without end. Refused."
