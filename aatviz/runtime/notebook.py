"""Printed snippets as a Jupyter notebook (nbformat 4.5): a small JSON file, written without further packages."""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

Snippet = tuple[str, str, str]
"""Words in Markdown, a shell command and Python code; each may be ""."""
ABOUT = (
    "From the aatviz app: the Python that gives the numbers on screen. It needs the package aatviz (`pip install -e .` in "
    "the repository's folder)."
)


def notebook(snippets: Iterable[Snippet], files: Mapping[str, bytes] | None = None) -> str:
    """The text of an .ipynb file: a cell of words and one of Python for each snippet that has Python.

    `files`, by name, are what the snippets read: the first cell of code writes them beside the notebook.
    """
    cells = [_cell("markdown", ABOUT)]
    if files:
        lines = [
            f'Path("{name}").write_bytes(b64decode("{base64.b64encode(data).decode()}"))' for name, data in files.items()
        ]
        cells.append(_cell("code", "\n".join(["from base64 import b64decode", "from pathlib import Path", "", *lines])))
    for words, shell, python in snippets:
        if python:
            beside = f"\n\nThe same on the command line:\n\n```\n{shell}\n```" if shell else ""
            cells += [_cell("markdown", f"{words}{beside}"), _cell("code", python)]
    named = [cell | {"id": f"cell-{place}"} for place, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": named}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _cell(kind: str, text: str) -> dict[str, Any]:
    lines = text.rstrip("\n").splitlines(keepends=True)
    of_code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": lines, **of_code}
