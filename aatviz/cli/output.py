"""Files that a command writes at the end: their place is checked before it begins, and they are written whole or not."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from aatviz.runtime.files import beside, write_text

PICTURES = {".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""Endings of picture files, and what Pillow calls their format."""


def check_out(path: Path, endings: Iterable[str] = (), usual: str = ".csv") -> None:
    """Check, before anything is computed, that a file can be written at this path, and has one of these endings, if any
    are given. ValueError where not; FileNotFoundError where its folder is missing. `usual` is the ending in the advice."""
    folder = path.parent
    if path.is_dir():
        raise ValueError(f"--out {path} is a folder. Name a file in it, such as {path / f'result{usual}'}.")
    if endings and path.suffix.lower() not in endings:
        raise ValueError(f"--out {path} ends in {path.suffix or 'nothing'}; expected {', '.join(endings)}.")
    if not folder.is_dir():
        raise FileNotFoundError(f"--out {path}: there is no folder {folder}. Make it first.")
    if not os.access(folder, os.W_OK) or (path.exists() and not path.is_file()):
        raise ValueError(f"--out {path} cannot be written. Choose another folder.")


def write_picture(path: Path, picture: Image.Image) -> None:
    """A picture, in the format of its ending, one of `PICTURES`."""
    with beside(path) as file:
        picture.save(file, PICTURES[path.suffix.lower()])


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table, with a line for each row."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    write_text(path, text.getvalue())
