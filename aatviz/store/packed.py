"""A system as one zip, to take away and to bring back: its checkpoint folder, and the images that only a visitor had."""

import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aatviz.data import uploaded
from aatviz.data.entries import LISTED, entries
from aatviz.data.parts import whole_of
from aatviz.runtime.files import read_json, write_json
from aatviz.store.card import CARD, Card, parse_card, read_card
from aatviz.store.cards import update_card
from aatviz.store.systems import damage, load_system

_SYSTEM_FILE = re.compile(
    r"card\.json|README\.md|[a-z0-9-]+\.safetensors|history/[a-z0-9-]+\.json|results/[a-z0-9_-]+\.(json|npz)"
)
_FOLDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}")
_DATA_FILE = re.compile(r"data\.json|(train|validation|test)-(images|labels)\.npy")
_MARKUP = re.compile(r"[<>\[\]`$|\\\x00-\x1f]")
DATA = "data"
MOST_DATA, MOST_UNPACKED = 20_000_000, 200_000_000
"""Bytes of a data set that is packed with the system, and of all that a zip unpacks to."""
MOST_FILES, MOST_TEXT = 10_000, 5_000_000
"""Files in such a zip, or arrays in one of its files; and bytes of a card, a record or a history: as objects they take a
hundred times as much memory."""
LONGEST = 400
"""Letters of a text in a card or record."""


def pack(folder: Path, data: Path | None = None) -> bytes:
    """The zip of a checkpoint folder, which is named as the system; with the folder `data` of its data set, where that is
    small."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and _SYSTEM_FILE.fullmatch(name := file.relative_to(folder).as_posix()):
                archive.write(file, f"{folder.name}/{name}")
        if data is not None and data.is_dir():
            files = [file for file in sorted(data.iterdir()) if _DATA_FILE.fullmatch(file.name)]
            if sum(file.stat().st_size for file in files) <= MOST_DATA:
                for file in files:
                    archive.write(file, f"{DATA}/{data.name}/{file.name}")
    return buffer.getvalue()


def unpack(archive: Path, systems: Path, data: Path, rename: Callable[[str], str]) -> tuple[Path, str | None]:
    """Put a system that somebody has uploaded into the folder `systems`, after all checks, under a new name: `rename` is
    given its old one. Returns its folder, and the name of the data set that came with it and now lies in `data`, or None.

    ValueError, with the reason, for anything that is not a whole system with the hashes of its card; nothing is kept then.
    """
    systems.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=systems, prefix=".upload-") as scratch:
        _write_files(archive, Path(scratch))
        cards = list(Path(scratch).glob(f"*/{CARD}"))
        if len(cards) != 1:
            raise ValueError(f"A system's zip holds one folder with a {CARD}; this one holds {len(cards)}.")
        folder = cards[0].parent
        raw = read_json(folder / CARD)
        card = parse_card(raw, CARD)
        _check_contained(folder, card)
        name = rename(card.system)
        write_json(folder / CARD, raw | {"system": name, "metrics": {}, "prominence": 0})
        came = [one for one in (Path(scratch) / DATA).glob("*") if one.name == whole_of(card.dataset)]
        with _in_words(scratch):
            _check_loads(folder)
            update_card(folder)
            brought = uploaded.adopt(came[0], data) if came else None
        shutil.move(folder, systems / name)
        return systems / name, brought


def _write_files(archive: Path, into: Path) -> None:
    with _in_words(str(archive.parent)):
        for parts, content in entries(archive, MOST_UNPACKED, MOST_FILES):
            path = parts[1:] if parts[0] == DATA else parts
            name, known = "/".join(path[1:]), _DATA_FILE if parts[0] == DATA else _SYSTEM_FILE
            if isinstance(content, str) or not known.fullmatch(name) or not _FOLDER.fullmatch(path[0]):
                raise ValueError(f"The zip holds {'/'.join(parts)[:80]!r}, which is no file of a system.")
            if name.endswith(".json"):
                _check_texts(name, content)
            if name.endswith(".npz"):
                _check_size(name, content)
            file = into.joinpath(*parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def _check_texts(name: str, content: bytes) -> None:
    """Texts are shown on pages: nothing in them may look like markup."""
    if len(content) > MOST_TEXT:
        raise ValueError(f"{name} has {len(content)} bytes; at most {MOST_TEXT} are taken.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError(f"{name} is not valid JSON.") from None
    if any(len(text) > LONGEST or _MARKUP.search(text) for text in _texts(found)):
        raise ValueError(f"{name} holds a text that is too long, or has signs that no text of a system has.")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _check_size(name: str, content: bytes) -> None:
    if content.count(LISTED) > MOST_FILES:  # before their list is read
        raise ValueError(f"{name} holds more than {MOST_FILES} arrays.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(member.file_size for member in packed.infolist())
    except zipfile.BadZipFile:
        raise ValueError(f"{name} is damaged.") from None
    if size > MOST_UNPACKED:
        raise ValueError(f"{name} unpacks to {size} bytes; at most {MOST_UNPACKED} are taken.")


def _check_contained(folder: Path, card: Card) -> None:
    files = card.files
    for path in (*card.deciding, *filter(None, (files.judge, files.gaussians))):
        if "/" in path or not (folder / path).is_file():
            raise ValueError(f"The card names the file {path[:80]!r}, which is not in the zip.")


def _check_loads(folder: Path) -> None:
    if why := damage(folder, read_card(folder)):
        raise ValueError(why)
    system = load_system(folder)
    if system.card.files.judge:
        _ = system.judge
    if system.card.files.gaussians:
        _ = system.gaussians


@contextmanager
def _in_words(scratch: str) -> Iterator[None]:
    """Errors name files of the zip, not of this machine."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise ValueError(str(error).replace(f"{scratch}/", "")) from None
