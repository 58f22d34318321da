"""Locks that end with their process, even if it is killed; and the right to write into a folder, one process at a time."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import reduction
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows: there, locks keep nobody out
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
"""The file in a folder that its writer locks. It is never removed, since another process may be waiting for it."""
WAIT = 15.0
"""Seconds to wait for a lock: the workers of a killed run may take so long to notice that it is gone."""
WAIT_FOR_MACHINES = 150.0
"""The same on a cluster: on shared storage the locks of a machine that is gone stay until its server notices."""
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What the operating system says of storage that is mounted without locks."""
_INHERITED: set[Path] = set()
"""In a worker: the folders that it may write into, for the process that started it."""


@dataclass(frozen=True)
class Held:
    """A folder that this process, and the workers that are handed this object when they start, may write into. Such a worker
    holds the lock as well."""

    folder: Path
    file: IO[bytes] | None
    """The locked file."""

    def __reduce__(self) -> tuple[Any, ...]:
        lock = None if self.file is None or os.name != "posix" else reduction.DupFd(self.file.fileno())
        return _inherit, (self.folder, lock)


def _inherit(folder: Path, lock: Any) -> Held:
    _INHERITED.add(folder)
    return Held(folder, None if lock is None else os.fdopen(lock.detach(), "rb"))


def try_lock(file: IO[Any], shared: bool = False) -> bool:
    """Lock an open file until it is closed or its process ends; False where another one holds it. OSError on storage without
    locks. On NFS the file has to be open for writing, and for `shared` for reading."""
    if fcntl is None:
        return True
    try:
        _lock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock(file: IO[Any], how: int) -> None:
    try:
        fcntl.flock(file, how)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        advice = f"no locks on this storage ({error.strerror}), which processes that write need; mount it with locks"
        raise OSError(error.errno, advice, str(file.name)) from error


@contextmanager
def waiting_for(path: Path) -> Iterator[None]:
    """Wait until no other process is in a block with the same file, and keep others out of this one."""
    with path.open("wb") as file:
        if fcntl is not None:
            _lock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def writing(folder: Path, shared: bool = False, name: str = LOCK, wait: float | None = None) -> Iterator[Held]:
    """The right to write into a folder, which is made where it is missing.

    Args:
        name: of the file that is locked; a name other than the usual one stands for the right to a part of the folder.
        shared: for a process that touches only its own files: others that do the same may hold the folder as well, but none
            that needs the whole folder.
        wait: seconds to wait for another process to end; None: `WAIT`.

    Raises:
        RuntimeError: where another process has the folder; the message names it.
        OSError: where the folder cannot be made or written.
    """
    folder = folder.resolve()
    if folder in _INHERITED:
        yield Held(folder, None)  # the process that started this one holds it
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a+b") as file:
        _wait_for(file, folder, shared, WAIT if wait is None else wait)
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield Held(folder, file)


@contextmanager
def shared_with_others(held: Held) -> Iterator[None]:
    """Inside this block, processes that cannot be handed the lock, on other machines, may write files of their own into the
    folder (`writing` with `shared`); none may have the whole folder. Afterwards this process holds it alone again.

    RuntimeError where one of the others does not end.
    """
    if held.file is not None:
        try_lock(held.file, shared=True)
    try:
        yield
    except Exception:  # this process may go on; after Ctrl-C it does not wait for others
        _alone_again(held)
        raise
    _alone_again(held)


def _alone_again(held: Held) -> None:
    if held.file is not None:
        _wait_for(held.file, held.folder, False, WAIT_FOR_MACHINES)


def _wait_for(file: IO[bytes], folder: Path, shared: bool, wait: float) -> None:
    """Lock an open file of a folder. RuntimeError where another process has it for longer than `wait` seconds."""
    end = time.monotonic() + wait
    while not try_lock(file, shared):
        if time.monotonic() > end:
            file.seek(0)
            who = file.read(20).decode("ascii", "replace") or "unknown"
            raise RuntimeError(
                f"{folder} is being written by another aatviz (process {who}); only one at a time may do so. Wait until "
                "it is done, or end it; what it has done by then is kept."
            )
        time.sleep(0.1)
