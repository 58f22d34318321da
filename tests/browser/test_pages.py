"""Every page by a link straight to it: its title is there, and nothing went wrong on the way."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import running_app, visit, visitor


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "Asymmetrical adversarial training"),
        ("/overview", "Asymmetrical adversarial training"),
        ("/attack", "Attack"),
        ("/thresholds", "Thresholds"),
        ("/robustness", "Robustness"),
        ("/playground", "Playground"),
        ("/train", "Train"),
        ("/learn", "Learn"),
    ],
)
def test_a_first_visit_straight_to_a_page(page: Page, path: str, title: str) -> None:
    visit(page, path)
    expect(page.locator("h1")).to_have_text(title)


def test_the_very_first_visit_of_a_new_server_may_be_a_deep_link(browser: Browser, tmp_path: Path) -> None:
    """A new server knows nothing of the app's pages yet, and would run the linked page without its frame."""
    with running_app(tmp_path) as url, visitor(browser, url) as page:
        visit(page, "/thresholds?T=0.5")
        expect(page.locator("h1")).to_have_text("Thresholds")
        expect(page.get_by_test_id("stSidebar")).to_contain_text("System")
        expect(page.get_by_test_id("T")).to_have_value("0.5")
