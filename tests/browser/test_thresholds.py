"""The Thresholds page as a visitor sees it: a deep link, T moved by the keyboard, the numbers that follow."""

import re

from playwright.sync_api import Locator, Page, expect

from .conftest import visit

FIGURES = 3


def slider(page: Page) -> Locator:
    return page.locator(".st-key-threshold-bar").get_by_role("slider")


def numbers(page: Page) -> Locator:
    return page.locator(".st-key-numbers-at-T")


def test_a_cold_deep_link_shows_figures_and_numbers_at_its_threshold(page: Page) -> None:
    visit(page, "/thresholds?T=0.5&logits=integrated")
    expect(slider(page)).to_have_value("0.5")
    expect(page.locator(".js-plotly-plot")).to_have_count(FIGURES)
    expect(page.locator(".js-plotly-plot").last).to_contain_text("T = 0.5")
    expect(numbers(page)).to_contain_text(re.compile(r"\d+(\.\d+)? of 100 natural digits are accepted and right"))
    expect(numbers(page)).to_contain_text(re.compile(r"\d+(\.\d+)? of 100 attacked digits are misclassified and accepted"))
    expect(page.get_by_text("asks the detector of the class that f decides for")).to_be_visible()


def test_the_keyboard_moves_the_threshold_the_numbers_the_figures_and_the_url(page: Page) -> None:
    visit(page, "/thresholds")
    before = numbers(page).inner_text()
    start = float(slider(page).input_value())
    slider(page).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".js-plotly-plot").last).to_contain_text(f"T = {start + 0.1:.4g}")
    page.keyboard.press("End")
    expect(numbers(page)).to_contain_text(
        re.compile(r"^.*?\b0(\.0)? of 100 natural digits are accepted and right", re.DOTALL)
    )
    assert numbers(page).inner_text() != before
    expect(page).to_have_url(re.compile(rf"T={re.escape(slider(page).input_value())}\b"))


def test_on_a_phone_the_figures_stack_and_nothing_sticks_out(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, "/thresholds?T=0.5")
    expect(page.locator(".js-plotly-plot")).to_have_count(FIGURES)
    boxes = [figure.bounding_box() for figure in page.locator(".js-plotly-plot").all()]
    tops = [box["y"] for box in boxes if box is not None]
    assert tops == sorted(tops)
    assert len(set(tops)) == FIGURES
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_threshold_stays_in_sight_while_the_page_scrolls(page: Page) -> None:
    visit(page, "/thresholds?T=0.5")
    bar = page.locator(".st-key-threshold-bar")
    page.locator(".js-plotly-plot").last.scroll_into_view_if_needed()
    expect(page.locator(".js-plotly-plot").last).to_be_in_viewport()
    expect(bar).to_be_in_viewport(ratio=1)
