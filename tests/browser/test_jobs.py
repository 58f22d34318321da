"""Visitors and workers: a queue with a visible place, a closed tab that gives its place up, short runs beside long ones."""

import re

from playwright.sync_api import Browser, Page, expect

from .conftest import settle, visit, visitor

LONG = "/attack?system=mnist-linf-0.3&goal=untargeted&steps=1000&restarts=2&compare=0"
"""Minutes of work, against ten networks: nobody waits for it here."""
CLOSED_TAB_SECONDS = 15


def start(page: Page, path: str) -> None:
    visit(page, path)
    page.get_by_role("button", name="Attack", exact=True).click()


def test_a_closed_tab_ends_its_run_and_lets_the_next_visitor_go_on(browser: Browser, app_url: str) -> None:
    with visitor(browser, app_url) as second:
        with visitor(browser, app_url) as first:
            start(first, LONG)
            expect(first.get_by_text(re.compile(r"Step \d+ of 2002"))).to_be_visible()
            start(second, f"{LONG}&digit=2")
            expect(second.get_by_text(re.compile("Waiting: 1 other run first, about .* in all"))).to_be_visible()
        expect(second.get_by_text(re.compile(r"Step \d+ of 2002"))).to_be_visible(timeout=1000 * CLOSED_TAB_SECONDS)
        second.get_by_role("button", name="Cancel").click()
        expect(second.get_by_text("The run was cancelled; nothing has changed.")).to_be_visible()


def test_a_short_run_does_not_wait_for_a_long_one_which_a_reload_takes_up_again(browser: Browser, app_url: str) -> None:
    with visitor(browser, app_url) as first, visitor(browser, app_url) as second:
        start(first, f"{LONG}&digit=6")
        expect(first.get_by_text(re.compile(r"Step \d+ of 2002"))).to_be_visible()
        start(second, "/attack?steps=5&digit=2&compare=0")
        expect(second.get_by_test_id("step")).to_contain_text("/ 5")
        expect(first.get_by_text(re.compile(r"Step \d+ of 2002"))).to_be_visible()
        first.reload()
        expect(first.get_by_text(re.compile(r"Step \d+ of 2002"))).to_be_visible()
        first.get_by_role("button", name="Cancel").click()
        expect(first.get_by_text("The run was cancelled; nothing has changed.")).to_be_visible()
        settle(first)
