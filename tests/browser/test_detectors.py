"""The Detectors page as a visitor sees it: a button or a point chooses for every view; images lead on."""

import re

from playwright.sync_api import Page, expect

from .conftest import eventually, fits, settle, visit

CHARTS = 4


def heading(page: Page, k: int) -> None:
    expect(page.get_by_role("heading", name=f"Detector {k}", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(rf"[?&]k={k}\b"))


def test_a_button_and_a_point_choose_the_detector_for_every_view(page: Page) -> None:
    visit(page, "/detectors")
    expect(page.locator(".js-plotly-plot")).to_have_count(CHARTS)
    page.locator(".st-key-detectors-k button", has_text=re.compile(r"^\s*4\s*$")).click()
    heading(page, 4)
    expect(page.get_by_text("what makes a 4 for this detector")).to_be_visible()
    page.locator(".js-plotly-plot").last.locator(".point").nth(7).click(force=True)
    heading(page, 7)
    expect(page.get_by_text("what makes a 7 for this detector")).to_be_visible()


def test_on_a_phone_nothing_sticks_out_and_an_image_opens_on_the_attack_page(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, "/detectors?k=3&counts=log")
    expect(page.locator(".js-plotly-plot")).to_have_count(CHARTS)
    fits(page)
    images = page.get_by_role("link", name=re.compile(r"^Attack image \d+"))
    expect(images).to_have_count(40)
    eventually(
        page,
        images.nth(20).locator("img").bounding_box,
        lambda box: box is not None and box["width"] > 1 and abs(box["width"] - box["height"]) < 1,
    )
    images.nth(20).click()
    expect(page.locator("h1")).to_have_text("Attack")
    settle(page)
    expect(page).to_have_url(re.compile(r"victim=detector&detector=3\b"))
