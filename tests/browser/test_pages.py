"""Every page by a link straight to it: title, accessibility in both themes, and the headers that the proxy sets."""

from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from .conftest import visit
from .headers import guard

PAGES = {
    "/": "Asymmetrical adversarial training",
    "/attack": "Attack",
    "/compare": "Compare",
    "/generate": "Generate",
    "/retouch": "Retouch",
    "/thresholds": "Thresholds",
    "/detectors": "Detectors",
    "/robustness": "Robustness",
    "/playground": "Playground",
    "/train": "Train",
    "/learn": "Learn",
}
BARRIERS = ("serious", "critical")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
def guarded(page: Page, app_url: str) -> Iterator[Page]:
    """A visitor under the proxy's headers, who asks nobody but the app."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    guard(page)
    yield page
    assert asked
    assert [url for url in asked if not url.startswith((f"{app_url}/", "data:", f"blob:{app_url}/"))] == []


def barriers(page: Page) -> list[str]:
    """What axe-core finds on the page as it stands: impact, rule and target, one line an element."""
    return [
        f"{violation['impact']}: {violation['id']} ({violation['help']}) at {node['target']}: {node['html'][:160]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in BARRIERS
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES)
def test_a_first_visit_finds_the_page_without_a_serious_barrier_light_or_dark_and_asks_nobody_else(
    guarded: Page, path: str
) -> None:
    """One visit for all of it, since a page takes seconds to load: its title; what axe-core says; nothing that the headers
    forbid, which would be an error in the console."""
    shades = []
    for scheme in SCHEMES:
        guarded.emulate_media(color_scheme=scheme)
        if scheme == "light":
            visit(guarded, path)
        expect(guarded.locator("h1")).to_have_text(PAGES[path])
        guarded.wait_for_timeout(300)  # colours change over a moment
        shades.append(guarded.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor"))
        found = barriers(guarded)
        if found:  # fonts that still load and elements that still fade in are no barriers: look again a little later
            guarded.wait_for_timeout(3000)
            found = barriers(guarded)
        assert not found, "\n".join(found)
    assert shades[0] != shades[1]
