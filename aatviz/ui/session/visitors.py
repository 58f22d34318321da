"""The private folder of this server: what visitors upload and train. It goes away with the server.

A name in it ends with random letters, or with a hash of its content: whoever has the name, as in a link, may use what it
names, and nobody else can find it.
"""

import atexit
import os
import re
import secrets
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

from aatviz.data.placing import VISITORS
from aatviz.runtime.locks import try_lock

PREFIX, LOCK = "aatviz-visitors-", "lock"
_HELD: list[IO[bytes]] = []


@cache
def folder() -> Path:
    """The folder of this server, made at the first call; folders that killed servers left behind are removed then. The
    server and its workers find visitors' data sets in it, by name."""
    _remove_left()
    made = Path(tempfile.mkdtemp(prefix=PREFIX))  # for this user alone
    lock = (made / LOCK).open("wb")
    try_lock(lock)
    _HELD.append(lock)  # until this process ends
    os.environ[VISITORS] = str(made / "data")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def data() -> Path:
    """The visitors' data sets."""
    return folder() / "data"


def systems() -> Path:
    """The visitors' checkpoint folders."""
    return folder() / "systems"


def notes(name: str) -> Path:
    """The notes of the training of that name."""
    return folder() / "notes" / name


def new_name(base: str) -> str:
    """A name that nobody can guess, for a system of this data set."""
    words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"-[0-9a-f]{10,12}(?=@|$)", "", base.lower())).strip("-")[:32].strip("-")
    return f"{words or 'own'}-{secrets.token_hex(5)}"


def _remove_left() -> None:
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), (left / LOCK).open("r+b") as lock:
            if left.is_dir() and not left.is_symlink() and try_lock(lock):
                shutil.rmtree(left, ignore_errors=True)
