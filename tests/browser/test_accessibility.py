"""Every page, light and dark, has nothing that axe-core calls a serious or critical barrier."""

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from .conftest import visit

PATHS = ("", "attack", "compare", "generate", "thresholds", "detectors", "robustness", "playground", "train", "learn")
BARRIERS = ("serious", "critical")


def barriers(page: Page) -> list[str]:
    """What axe-core finds on the page as it stands: impact, rule and target, one line an element."""
    return [
        f"{violation['impact']}: {violation['id']} ({violation['help']}) at {node['target']}: {node['html'][:160]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in BARRIERS
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path or "home")
def test_a_page_has_no_serious_barrier(page: Page, path: str, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    visit(page, f"/{path}")
    found = barriers(page)
    if found:  # fonts that still load and elements that still fade in are no barriers: look again a little later
        page.wait_for_timeout(3000)
        found = barriers(page)
    assert not found, "\n".join(found)
