"""The Retouch page as a visitor uses it: something real at once, three pictures, every step by the keyboard, a phone."""

import re

from playwright.sync_api import Page, expect

from .conftest import visit

STEPS = 6


def test_it_begins_by_itself_and_every_step_can_be_looked_at_by_the_keyboard(page: Page) -> None:
    visit(page, f"/retouch?steps={STEPS}&digit=3")
    column = page.get_by_test_id("column-detector")
    expect(column.locator("figcaption b")).to_have_text(["Before", "After", "Difference"])
    expect(page.get_by_test_id("column-robust").locator("figcaption b")).to_have_text(["Before", "After", "Difference"])
    expect(page.get_by_test_id("verdict-fooled-detector")).to_contain_text("it is a 3")
    player = page.get_by_test_id("player")
    player.focus()
    for key, step in (("Home", 0), ("ArrowRight", 1), ("End", STEPS), ("ArrowLeft", STEPS - 1)):
        player.press(key)
        expect(page.get_by_test_id("step")).to_have_text(f"step {step} / {STEPS}")


def test_another_logit_is_raised_at_a_press_and_is_in_the_link(page: Page) -> None:
    visit(page, f"/retouch?steps={STEPS}&digit=1&k=7&compare=0")
    expect(page.get_by_test_id("column-robust")).to_have_count(0)
    expect(page.get_by_text("it is pulled towards a 7")).to_be_visible()
    page.get_by_label("Steps", exact=True).fill("3")
    page.get_by_label("Steps", exact=True).press("Enter")
    expect(page).to_have_url(re.compile(r"steps=3"))
    page.get_by_role("button", name="Retouch", exact=True).click()
    expect(page.get_by_test_id("step")).to_contain_text(re.compile(r"/ 3$"))


def test_a_phone_shows_the_three_pictures_without_scrolling_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, f"/retouch?steps={STEPS}&digit=5")
    canvases = page.get_by_test_id("column-detector").locator("canvas")
    expect(canvases).to_have_count(3)
    for box in (canvases.nth(i).bounding_box() for i in range(3)):
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
