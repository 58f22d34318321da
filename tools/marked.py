"""Tables between marks in Markdown files: `<!-- NAME: begin -->` and `<!-- NAME: end -->`."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from aatviz.runtime.files import write_text

ROOT = Path(__file__).resolve().parent.parent


def bring_up_to_date(command: str, parts: Mapping[str, Mapping[str, str]], whole: Mapping[str, str] | None = None) -> None:
    """Write the contents of marked parts, and of whole files, that changed. With --check on the command line nothing is
    written: the program ends with the names of what is out of step, if anything is.

    Args:
        command: what the reader is told to run.
        parts: by file and mark, the contents.
        whole: by file, all of it.
    """
    fresh = dict(whole or {})
    for name, contents in parts.items():
        fresh[name] = (ROOT / name).read_text(encoding="utf-8")
        for mark, content in contents.items():
            fresh[name] = between(fresh[name], mark, content)
    stale = [name for name, text in fresh.items() if _now(ROOT / name) != text]
    if "--check" in sys.argv:
        sys.exit(f"Out of step: {', '.join(stale)}. Run {command}." if stale else 0)
    for name in stale:
        write_text(ROOT / name, fresh[name])


def _now(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def between(text: str, name: str, content: str) -> str:
    """The text with this content between the marks of that name. ValueError where it has no such marks."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in text or end not in text:
        raise ValueError(f"There is no {begin} ... {end} to write the table into.")
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n\n{content.strip()}\n\n{end}", text, count=1, flags=re.S)
