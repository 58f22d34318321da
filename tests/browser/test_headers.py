"""Every page under the headers that the proxy sets: they forbid nothing that it needs, and it needs nothing from outside."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.deployment.files import security_headers

from .conftest import settle, visit

PAGES = ["/", "/attack", "/compare", "/generate", "/thresholds", "/detectors", "/robustness", "/learn"]


def guard(page: Page) -> None:
    """Let each page of the app come with the proxy's headers."""
    headers = {name.lower(): value for name, value in security_headers().items()}

    def answer(route: Route) -> None:
        if route.request.resource_type != "document":
            route.continue_()
            return
        found = route.fetch()
        route.fulfill(response=found, headers=found.headers | headers)

    page.route("**/*", answer)
    # of a page that was handed over like this, Chromium does not know that it is as local as the server that it talks to
    page.context.grant_permissions(["local-network-access"])


@pytest.fixture
def guarded(page: Page, app_url: str) -> Iterator[Page]:
    """A visitor under the proxy's headers, who asks nobody but the app."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    guard(page)
    yield page
    assert asked
    assert [url for url in asked if not url.startswith((f"{app_url}/", "data:", f"blob:{app_url}/"))] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_nothing_that_the_headers_forbid(guarded: Page, path: str) -> None:
    visit(guarded, path)


def test_an_attack_runs_under_the_headers(guarded: Page) -> None:
    visit(guarded, "/attack?steps=6&digit=3&target=5")
    guarded.get_by_role("button", name="Attack", exact=True).click()
    expect(guarded.get_by_test_id("step")).to_contain_text(re.compile(r"/ 6$"))
    settle(guarded)


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
