"""Behind the pages: the work begins once, after the first page, and a collection never falls into a page that is drawn."""

import threading
import tomllib
from pathlib import Path

import pytest

from aatviz.ui.session import housekeeping


def test_the_work_behind_the_pages_begins_once_and_after_the_first_page(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    over = threading.Event()

    def keep_house() -> None:
        begun.append(housekeeping._drawing)
        over.set()

    monkeypatch.setattr(housekeeping, "_started", False)
    monkeypatch.setattr(housekeeping, "_keep_house", keep_house)
    with housekeeping.page_is_drawn():
        assert not begun
        assert housekeeping._drawing == 1
    assert over.wait(30)
    with housekeeping.page_is_drawn():
        pass
    assert begun == [0]


def test_a_page_that_ends_early_is_counted_as_drawn() -> None:
    with pytest.raises(RuntimeError, match="rerun"), housekeeping.page_is_drawn():
        raise RuntimeError("rerun")
    assert housekeeping._drawing == 0


def test_streamlit_collects_nothing_after_its_runs() -> None:
    settings = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["runner"]["postScriptGC"] is False
