"""A running app and a Chromium page for the browser tests; every test also fails on what a visitor would see as broken."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

import aatviz
from aatviz.store.systems import checkpoints_folder

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
"""Seconds that anything may take on a busy machine; only a failure ever waits for so long."""
PATIENT = {"AATVIZ_SHORT_SECONDS": "10", "AATVIZ_QUEUE_SECONDS": "3600"}
"""On a busy machine a short run is expected to take longer, and still is a short one; nobody is turned away."""
CHROMIUM_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PROBES = ("/_stcore/health", "/_stcore/host-config")
"""On a link straight to a page, Streamlit's browser side first looks for its server below that page, and gets a 404."""
LOOK = 50
"""Milliseconds between two looks at something that the page will show."""
Read = TypeVar("Read")
IDLE = "[data-testid='stApp'][data-test-script-state='notRunning']"
expect.set_options(timeout=1000 * PATIENCE)


def free_port() -> int:
    """A port of this machine that nothing listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_app(scratch: Path) -> Iterator[str]:
    """The address of a newly started app on a free port, with the shipped systems and without any data set."""
    if not aatviz.systems():
        raise RuntimeError(f"The browser tests need a trained system in {checkpoints_folder()} (or in $AATVIZ_CHECKPOINTS).")
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", "--server.address=127.0.0.1"]
    log, no_data = scratch / "log.txt", scratch / "no-data"
    no_data.mkdir()
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, f"--server.port={port}"],
            cwd=ROOT,
            env=os.environ | PATIENT | {"AATVIZ_DATA": str(no_data)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(url, server, log)
            yield url
        finally:
            server.terminate()
            server.wait()


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app, started once for all tests."""
    with running_app(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise RuntimeError("The browser tests need Chromium: install it so that the command 'chromium' is found.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    """A fresh visitor of the app."""
    with visitor(browser, app_url) as page:
        yield page


@contextmanager
def visitor(browser: Browser, url: str) -> Iterator[Page]:
    """A fresh visitor of the app at `url`. At the end, nothing may have gone wrong in the console or on the page."""
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        address = message.location["url"]
        if message.type == "error" and not (" 404 " in message.text and address.endswith(PROBES)):
            errors.append(f"{message.text} [{address}]")

    with browser.new_context(base_url=url, viewport={"width": 1280, "height": 900}) as context:
        context.set_default_navigation_timeout(1000 * PATIENCE)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        exceptions = page.get_by_test_id("stException").all_inner_texts()
    assert exceptions == []
    assert errors == []


def visit(page: Page, path: str) -> None:
    """Open a path of the app and wait until its script has run: also the second time, where the first run asks for one."""
    page.goto(path)
    settle(page)
    page.wait_for_timeout(4 * LOOK)
    settle(page)


def settle(page: Page) -> None:
    """Wait until a title is there and the server is done."""
    expect(page.locator("h1").first).to_be_visible()
    expect(page.locator(IDLE)).to_be_visible()


def eventually(page: Page, read: Callable[[], Read], holds: Callable[[Read], object]) -> Read:
    """What `read` finds on the page as soon as `holds` is true of it. AssertionError where that never happens.

    For what `expect` has no words for. A page follows its controls a moment later, and much later on a busy machine: what
    is read at once after a click may be what stood there before.
    """
    deadline = time.monotonic() + PATIENCE
    while not holds(found := read()):
        assert time.monotonic() < deadline, f"It never came to that; the last look found {found!r:.500}"
        page.wait_for_timeout(LOOK)
    return found


def fits(page: Page, width: int = 390) -> None:
    """Nothing sticks out of a screen of this width, in pixels."""
    eventually(page, lambda: page.evaluate("document.documentElement.scrollWidth"), lambda found: found <= width)


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The app did not start; it said:\n{log.read_text()}")
