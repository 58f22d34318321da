"""The Playground in Chromium: trained models move at once, a training goes on by itself; the cross and T, and their link."""

import re

import pytest
from playwright.sync_api import Page, expect

from .conftest import PATIENCE, visit

VIEW = ".playground[data-pictures]"


def step(page: Page) -> int:
    return int(page.locator(VIEW).get_attribute("data-step") or 0)


def pixels(page: Page, name: str) -> str:
    """The picture of a map, as text."""
    found: str = page.get_by_test_id(name).evaluate("canvas => canvas.toDataURL()")
    return found


def test_trained_models_move_and_training_goes_on_until_it_is_paused(page: Page) -> None:
    visit(page, "/playground")
    expect(page.locator(VIEW)).to_have_attribute("data-step", "2000")
    before = pixels(page, "map-detectors-0")
    page.wait_for_timeout(600)
    assert pixels(page, "map-detectors-0") != before  # negatives are on their way
    page.get_by_role("button", name="Train").click()
    for least in (1, 3):
        limit = PATIENCE
        while not least <= step(page) < 2000 and limit > 0:
            page.wait_for_timeout(200)
            limit -= 0.2
        assert least <= step(page) < 2000
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    paused = page.get_by_text(", paused")
    expect(paused).to_be_visible()
    told = int(re.findall(r"\d+", paused.inner_text())[0])
    assert step(page) == told  # at once: pictures that were still to be shown are not
    page.wait_for_timeout(1500)
    assert step(page) == told
    page.get_by_role("button", name="Reset").click()
    expect(page.locator(VIEW)).to_have_attribute("data-step", "0")


@pytest.mark.parametrize("link", ["/playground", "/playground?anywhere=50"])
def test_far_away_the_papers_detectors_accept_and_those_with_negatives_from_anywhere_reject(page: Page, link: str) -> None:
    """By keyboard: from the data into the four corners. The paper's detectors accept some of them, the others none."""
    visit(page, link)
    place = page.get_by_test_id("map-detectors-0")
    place.focus()
    row = page.get_by_test_id("verdict-detectors")
    found = []
    for first, second in (
        ("ArrowLeft", "ArrowUp"),
        ("ArrowRight", "ArrowUp"),
        ("ArrowRight", "ArrowDown"),
        ("ArrowLeft", "ArrowDown"),
    ):
        for key in (first, second):
            for _ in range(13):
                place.press(f"Shift+{key}")
        found.append("rejected" in row.inner_text())
    assert all(found) if "anywhere" in link else not all(found)
    place.press("Enter")  # back to a data point
    expect(row).to_contain_text("right")
    share = page.get_by_test_id("playground").get_by_role("slider")
    before = row.inner_text()
    share.focus()
    for _ in range(45):
        share.press("ArrowLeft")
    expect(page.locator("output[data-role=shown]")).to_have_text("50 %")
    assert row.inner_text() != before or "rejected" in before
    page.wait_for_url("**share=50**")
    if "anywhere" in link:  # by keyboard
        page.wait_for_url("**cross=**")
        told = row.text_content() or ""
        page.reload()
        expect(row).to_have_text(told)
    else:
        place.click(position={"x": 9, "y": 9})
        page.wait_for_url("**cross=**")
