"""Files that a command writes at the end: checked before it begins, and whole or not there."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aatviz.runtime.files import write_text


def check_out(path: Path, endings: Sequence[str] = ()) -> None:
    """ValueError, before anything is computed, where a file cannot be written at this path, or its ending is not among
    those that are known; FileNotFoundError where its folder is missing."""
    folder = path.parent
    if path.is_dir():
        example = path / f"result{(*endings, '.csv')[0]}"
        raise ValueError(f"--out {path} is a folder. Name a file in it, such as {example}.")
    if endings and path.suffix.lower() not in endings:
        raise ValueError(f"--out {path} ends in {path.suffix or 'nothing'}; expected {', '.join(endings)}.")
    if not folder.is_dir():
        raise FileNotFoundError(f"--out {path}: there is no folder {folder}. Make it first.")
    if not os.access(folder, os.W_OK) or (path.exists() and not path.is_file()):
        raise ValueError(f"--out {path} cannot be written. Choose another folder.")


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table, with a line for each row."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    write_text(path, text.getvalue())
