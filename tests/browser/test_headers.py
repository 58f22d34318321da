"""Every page under the headers that the proxy sets: they forbid nothing that it needs, and it needs nothing from outside."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.deployment.files import security_headers

from .conftest import settle, visit

PAGES = ["/", "/attack", "/compare", "/generate", "/thresholds", "/detectors", "/robustness", "/learn"]


@pytest.fixture
def guarded(page: Page, app_url: str) -> Page:
    """A visitor whose every answer from the app carries the proxy's headers; a request to anywhere else is an error."""
    headers = {name.lower(): value for name, value in security_headers().items()}

    def answer(route: Route) -> None:
        assert route.request.url.startswith(f"{app_url}/"), f"a page asks {route.request.url}"
        found = route.fetch()
        route.fulfill(response=found, headers=found.headers | headers)

    page.route(re.compile("^https?:"), answer)
    return page


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_nothing_that_the_headers_forbid(guarded: Page, path: str) -> None:
    visit(guarded, path)


def test_an_attack_runs_under_the_headers(guarded: Page) -> None:
    visit(guarded, "/attack?steps=6&digit=3&target=5")
    guarded.get_by_role("button", name="Attack", exact=True).click()
    expect(guarded.get_by_test_id("step")).to_contain_text(re.compile(r"/ 6$"))
    settle(guarded)


def test_a_foreign_script_does_not_run(guarded: Page) -> None:
    visit(guarded, "/learn")
    ran = guarded.evaluate(
        """() => new Promise(done => {
            const script = document.createElement("script");
            document.addEventListener("securitypolicyviolation", () => done(false), {once: true});
            script.textContent = "window.foreign = true";
            document.head.append(script);
            if (window.foreign) done(true);
        })"""
    )
    assert ran is False
