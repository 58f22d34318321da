"""Anything as any URL parameter of any page: the page works, and says what was wrong with it without ever obeying it."""

import re
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from aatviz.store.systems import load_system
from aatviz.ui.lessons.links import LESSON_PARAMS
from aatviz.ui.states import STATES

APP = Path(__file__).parents[2] / "app.py"
NAME = "mnist-linf-0.3-shared"
HOSTILE = (
    "[Click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "<img src=https://evil.example onerror=evil()>",
    "`evil` https://evil.example ``` :red[evil]",
    "$\\text{evil}$ :smile: :material/evil: www.evil.example a@evil.example",
    "'\"\n\n# evil\n\n- evil\r\0\ud7ff\U0010ffff",
    "9" * 400 + "evil",
    "evil" * 3000,
)
NUMBERS = ("nan", "inf", "-1", "1e400", "0/0", "8/", "1_0", " 3 ", "٣", "0x1", "true", "1e-400", "-0", "", ",", "0,0,0,1e3")
TEXTS = some.text() | some.sampled_from(HOSTILE + NUMBERS) | some.text("0123456789.,/-+eE_naif ", max_size=12)
PAGES = (*STATES, "learn")


@pytest.fixture(autouse=True)
def fresh_caches(tiny_system_folder: Path) -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


def said(app: AppTest) -> list[str]:
    """Everything that the page shows as Markdown, without its code."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success")
    texts = [str(element.value) for kind in kinds for element in app.get(kind)]
    texts += [element.label for kind in ("button", "selectbox", "text_input", "expander") for element in app.get(kind)]
    return [re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text) for text in texts]


def names(page: str) -> list[str]:
    if page == "learn":
        return ["step"]
    try:
        return [param.name for param in STATES[page](load_system(NAME)).params]
    except (FileNotFoundError, ValueError):  # nothing is stored for the tiny systems
        return ["T", "mode", "Tk", "logits", "axis"]


@pytest.mark.parametrize("shift", [0, 3])
@pytest.mark.parametrize("page", PAGES)
def test_whatever_a_link_says_is_shown_as_text(page: str, shift: int) -> None:
    url = {name: HOSTILE[(place + shift) % len(HOSTILE)] for place, name in enumerate(names(page))}
    url |= {"system": HOSTILE[shift], **dict.fromkeys(LESSON_PARAMS, HOSTILE[shift])}
    if shift:
        url |= {"lesson": "own"}
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page(f"pages/{page}.py")
    app.query_params.update(url)
    app.run()
    assert not app.exception
    assert app.title
    assert [text for text in said(app) if "evil" in text] == []
    assert not any("evil" in element.proto.body for element in app.get("html"))


@pytest.mark.parametrize("page", STATES)
def test_every_parameter_reads_any_text_or_says_what_is_possible(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AATVIZ_CHECKPOINTS")  # the shipped system has something for every page
    for param in STATES[page](load_system(NAME)).params:
        _reads_anything(param)


def _reads_anything(param: Any) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(TEXTS)
    @example("")
    def check(text: str) -> None:
        try:
            value = param.read(text)
        except ValueError as error:
            told = str(error)
        else:
            told = ""
        assert len(text) < 8 or text not in told, "what is possible does not repeat what was given"
        if told:
            return
        assert param.fits(value)
        written = param.write(value)
        assert written is None or param.read(written) == value

    check()
