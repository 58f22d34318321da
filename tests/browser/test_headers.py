"""The headers that the proxy sets are obeyed, and a page of another site is refused. Pages run under them in test_pages."""

import http.client
import socket
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from .conftest import running_app, visit, visitor
from .headers import guard


def test_the_headers_are_obeyed_and_a_foreign_script_does_not_run(browser: Browser, app_url: str) -> None:
    with browser.new_context(base_url=app_url) as context:
        page = context.new_page()
        guard(page)
        visit(page, "/learn")
        with page.expect_console_message(lambda message: "violates the following Content Security Policy" in message.text):
            page.evaluate(
                """() => {
                    const script = document.createElement("script");
                    script.textContent = "window.foreign = true";
                    document.head.append(script);
                }"""
            )
        assert page.evaluate("window.foreign") is None


def test_a_new_server_opens_a_deep_link_refuses_a_page_of_another_site_and_asks_nobody_outside(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it refuses, Streamlit would ask a server for this machine's address, and keep everybody waiting for that."""
    with socket.socket() as outside:
        outside.bind(("127.0.0.1", 0))
        outside.listen()
        outside.setblocking(False)
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{outside.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
        with running_app(tmp_path) as url:
            with visitor(browser, url) as page:  # a new server knows nothing of the app's pages yet: they need their frame
                visit(page, "/thresholds?T=0.5")
                expect(page.locator("h1")).to_have_text("Thresholds")
                expect(page.get_by_test_id("stSidebar")).to_contain_text("System")
                expect(page.get_by_test_id("T")).to_have_value("0.5")
            port = int(url.rpartition(":")[2])
            assert _knock(port, f"localhost:{port}", f"http://localhost:{port}") == 101
            assert _knock(port, f"localhost:{port}", "https://elsewhere.example") == 403
            assert _knock(port, "elsewhere.example", "http://elsewhere.example") == 403
        with pytest.raises(BlockingIOError):
            outside.accept()


def _knock(port: int, host: str, origin: str) -> int:
    """The status of a websocket's opening, as a browser on a page of `origin` would try it."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/_stcore/stream", headers=upgrade | key | {"Host": host, "Origin": origin})
        return connection.getresponse().status
