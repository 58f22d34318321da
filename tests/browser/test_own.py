"""Drawing on the Attack page, by mouse and by keyboard: the digit arrives, is judged, and travels in the URL."""

import re

from playwright.sync_api import Page, expect

from .conftest import fits, settle, visit

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
"""Corners of a digit, as shares of the drawing area."""


def draw(page: Page, corners: list[tuple[float, float]]) -> None:
    area = page.get_by_test_id("canvas")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    first, *others = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*first)
    page.mouse.down()
    for corner in others:
        page.mouse.move(*corner, steps=5)
    page.mouse.up()


def test_a_drawn_digit_is_recognised_judged_and_kept_in_the_link(page: Page) -> None:
    visit(page, "/attack?pick=own")
    draw(page, SEVEN)
    expect(page.get_by_text("says that it is a 7")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Detectors? .*7.* fires? at T = "))).to_be_visible()
    expect(page).to_have_url(re.compile(r"image=[\w-]{50,600}$"))
    link = page.url
    page.goto(link)  # a cold start from the link alone
    settle(page)
    expect(page.get_by_text("It came with the link")).to_be_visible()
    expect(page.get_by_text("says that it is a 7")).to_be_visible()


def test_the_keyboard_draws_undoes_and_clears_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, "/attack?pick=own")
    area = page.get_by_test_id("canvas")
    area.focus()
    for key, times in (("ArrowUp", 9), ("Shift+ArrowDown", 19)):
        for _ in range(times):
            page.keyboard.press(key)
    expect(page.get_by_text("says that it is a 1")).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("Draw a digit above, or upload one")).to_be_visible()
    expect(page).not_to_have_url(re.compile("image="))
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("says that it is a 1")).to_be_visible()
    fits(page)
