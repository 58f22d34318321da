"""Where data sets lie. A new one gets there whole or not at all, even if the process is killed meanwhile."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs

from aatviz.runtime.locks import try_lock, waiting_for

VISITORS = "AATVIZ_VISITORS_DATA"
PREFIX = "import-"
GUARD = ".import.lock"
_NEW, _OLD, _TARGET, _LOCK = "new", "replaced", "target.json", "lock"


def data_folder() -> Path:
    """Where data sets are kept: $AATVIZ_DATA, else the user's cache folder."""
    return Path(os.environ.get("AATVIZ_DATA") or platformdirs.user_cache_dir("aatviz")).expanduser()


def visitors_folder() -> Path | None:
    """Where a running app keeps the data sets that its visitors have uploaded: $AATVIZ_VISITORS_DATA, which the app sets for
    itself and its workers. They are found by their names, and never listed. None outside an app."""
    given = os.environ.get(VISITORS)
    return Path(given) if given else None


@dataclass
class Staging:
    """The folders of an import that is going on."""

    fresh: Path
    """An empty folder, for the files to keep."""
    scratch: Path
    """A folder beside it for files that are removed in the end."""
    target: Path | None = None
    """Where `fresh` moves to in the end; it must be set before the block ends."""


@contextmanager
def staging(target: Path | None = None) -> Iterator[Staging]:
    """A folder to write a data set into; it moves to its target when the block ends, and goes away when the block fails.

    What an earlier import left behind where it was killed is removed first; a data set that it had already moved out of
    its place is put back. OSError where the data folder cannot be written.
    """
    root = data_folder()
    root.mkdir(parents=True, exist_ok=True)
    recover()
    with waiting_for(root / GUARD):  # until the scratch folder is locked itself, no recovery may look at it
        scratch = Path(tempfile.mkdtemp(dir=root, prefix=PREFIX))
        lock = _locked_file(scratch / _LOCK)
    stage = Staging(scratch / _NEW, scratch / "scratch", target)
    try:
        stage.fresh.mkdir()
        stage.scratch.mkdir()
        yield stage
        assert stage.target is not None
        _move(stage.fresh, stage.target, scratch, root)
    finally:
        if lock is not None:
            lock.close()
        if not ((scratch / _OLD).is_dir() and stage.target is not None and not stage.target.exists()):
            _discard(scratch)  # kept otherwise: the old data set could not be put back, and the next recovery tries again


def _move(fresh: Path, target: Path, scratch: Path, root: Path) -> None:
    (scratch / _TARGET).write_text(json.dumps(target.relative_to(root).as_posix()), encoding="utf-8")
    for path in (*fresh.rglob("*"), fresh, scratch / _TARGET, scratch):
        _sync(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with waiting_for(root / GUARD):
        if target.exists():
            target.rename(scratch / _OLD)
        try:
            fresh.rename(target)
        except OSError:
            _put_back(scratch, root)
            raise
        _sync(target.parent)


def recover() -> list[str]:
    """Put back data sets that a killed import had moved away, and remove what it left behind. Returns the names of the data
    sets that were put back."""
    root = data_folder()
    if not any(root.glob(f"{PREFIX}*")):
        return []
    try:
        return _recovered(root)
    except OSError:  # nothing can be written there; what is there can still be read
        return []


def _recovered(root: Path) -> list[str]:
    restored = []
    with waiting_for(root / GUARD):
        for scratch in sorted(root.glob(f"{PREFIX}*")):
            if scratch.is_symlink() or not scratch.is_dir():
                continue
            lock = _locked_file(scratch / _LOCK)
            if lock is None:
                continue  # that import is at work
            with lock:
                if name := _put_back(scratch, root):
                    restored.append(name)
            _discard(scratch)
    return restored


def _discard(scratch: Path) -> None:
    """Remove a scratch folder. The note of where the old data belong goes first, so that a removal that is interrupted never
    leads to half of them being put back."""
    with suppress(OSError):
        (scratch / _TARGET).unlink(missing_ok=True)
    shutil.rmtree(scratch, ignore_errors=True)


def _put_back(scratch: Path, root: Path) -> str | None:
    """Move the old data set in a scratch folder back to its place, unless that is taken. Returns its name, or None."""
    try:
        name = str(json.loads((scratch / _TARGET).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    target = root / name
    if ".." in Path(name).parts or Path(name).is_absolute() or not (scratch / _OLD).is_dir() or target.exists():
        return None
    (scratch / _OLD).rename(target)
    return name


def _locked_file(path: Path) -> IO[bytes] | None:
    """The file, locked until it is closed or its process ends; None where another process holds it."""
    file = path.open("wb")
    if try_lock(file):
        return file
    file.close()
    return None


def _sync(path: Path) -> None:
    """Write it to the disk for good before it is renamed: then a power cut leaves either the old or the new."""
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
