"""A page's own view gets a head start in a browser, once a visitor and page; without a browser nobody waits."""

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from aatviz.ui.common import pacing


def _page() -> None:
    from aatviz.ui.common.pacing import view_first

    view_first("here")


@pytest.mark.parametrize(("headers", "naps"), [({}, 0), ({"User-Agent": "a browser"}, 1)])
def test_only_the_first_view_in_a_browser_gets_a_head_start(
    headers: dict[str, str], naps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(pacing, "sleep", slept.append)
    monkeypatch.setattr(ContextProxy, "headers", headers)
    page = AppTest.from_function(_page)
    page.run()
    page.run()
    assert not page.exception
    assert slept == [pacing.HEAD_START] * naps
