"""The words beside every view, and what a visitor can download or copy from it."""

import csv
import io
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from aatviz.metrics.format import markdown_table
from aatviz.runtime.notebook import Snippet, notebook
from aatviz.ui.common.words import without_marks

MOST_ROWS = 40
"""A table of more rows is shown in a box to scroll."""


def explain(see: str, look_for: str, equations: Sequence[str] = ()) -> None:
    """The words beside a view, in Markdown, and its equations, in LaTeX."""
    left, right = st.columns(2, gap="large")
    left.markdown(f"**What you see.** {see}")
    right.markdown(f"**Look for** {look_for}")
    for equation in equations:
        st.latex(equation)


def show_table(rows: Sequence[Sequence[str]]) -> None:
    """Show rows of cells in Markdown, the first one the head: as a table, or, where there are many, in a box to scroll."""
    if len(rows) <= MOST_ROWS:
        st.markdown(markdown_table([list(row) for row in rows]))
        return
    columns = zip(*[[without_marks(cell) for cell in row] for row in rows[1:]], strict=True)
    st.dataframe({head or " ": list(column) for head, column in zip(rows[0], columns, strict=True)}, hide_index=True)


def reproduce(snippets: Iterable[Snippet], files: Mapping[str, Callable[[], bytes]] | None = None) -> None:
    """ "Reproduce this": the commands that give the numbers on screen, and their Python as a notebook.

    `files`, by name, are files that the Python reads; the notebook contains them.
    """
    shown = list(snippets)
    with st.expander("Reproduce this", icon=":material/code:"):
        for words, shell, python in shown:
            st.markdown(words)
            if shell:
                st.code(shell, language="bash", wrap_lines=True)
            if python:
                st.code(python, language="python")
        if any(python for _, _, python in shown):

            def made() -> str:
                return notebook(shown, {name: content() for name, content in (files or {}).items()})

            key = f"notebook-{zlib.crc32(repr(shown).encode())}"
            mime, icon = "application/x-ipynb+json", ":material/menu_book:"
            st.download_button("As a notebook", made, "aatviz.ipynb", mime, key=key, icon=icon, on_click="ignore")


def download_png(label: str, file_name: str, picture: Callable[[], bytes]) -> None:
    """A button that downloads a picture; it is made when the button is pressed."""
    st.download_button(label, picture, file_name, "image/png", icon=":material/image:", on_click="ignore")


def download_csv(label: str, file_name: str, text: Callable[[], str]) -> None:
    """A button that downloads a table; it is made when the button is pressed."""
    st.download_button(label, text, file_name, "text/csv", icon=":material/table:", on_click="ignore")


def download_arrays(label: str, file_name: str, arrays: Callable[[], Mapping[str, NDArray[Any]]]) -> None:
    """A button that downloads exact numbers as NumPy's .npz; the file is made when the button is pressed."""

    def content() -> bytes:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays())
        return buffer.getvalue()

    st.download_button(label, content, file_name, "application/zip", icon=":material/data_array:", on_click="ignore")


def png(picture: Image.Image) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return buffer.getvalue()


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
