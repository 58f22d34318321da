"""Drawing on the Attack page, by mouse and by keyboard: the digit arrives, is judged, and travels in the URL."""

import io
import re

from PIL import Image
from playwright.sync_api import Page, expect

from .conftest import eventually, fits, settle, visit

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
    eventually(page, lambda: ink(page), lambda found: found > 2000)  # in the drawing area, too


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


def ink(page: Page) -> int:
    """How many dots of the drawing area are bright."""
    count = """area => {
        const dots = area.getContext("2d").getImageData(0, 0, area.width, area.height).data;
        let bright = 0;
        for (let at = 0; at < dots.length; at += 4) bright += dots[at] > 128;
        return bright;
    }"""
    return int(page.get_by_test_id("canvas").evaluate(count))


def test_a_drawing_is_there_again_after_another_page_and_grows_on(page: Page) -> None:
    visit(page, "/attack?pick=own")
    draw(page, SEVEN)
    expect(page.get_by_text("says that it is a 7")).to_be_visible()
    settle(page)
    drawn = ink(page)
    for title in ("Compare", "Attack"):
        page.get_by_role("link", name=title, exact=True).first.click()
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        settle(page)
    expect(page.get_by_text("says that it is a 7")).to_be_visible()
    eventually(page, lambda: ink(page), lambda found: abs(found - drawn) < 20)
    before = page.url
    draw(page, [(0.3, 0.55), (0.75, 0.55)])
    expect(page).not_to_have_url(before)
    assert ink(page) > drawn + 500, "the stroke has replaced the drawing"


def test_back_and_forward_bring_the_image_and_the_drawing_area_along(page: Page) -> None:
    visit(page, "/attack?pick=own")
    draw(page, SEVEN)
    expect(page).to_have_url(re.compile("image="))
    settle(page)
    first, drawn = page.url, ink(page)
    draw(page, [(0.3, 0.55), (0.75, 0.55)])
    expect(page).not_to_have_url(first)
    settle(page)
    more = ink(page)
    page.wait_for_timeout(3500)  # milliseconds: an answer of just now would not count as the browser's way back
    page.go_back()
    expect(page).to_have_url(first)
    eventually(page, lambda: ink(page), lambda found: found != more)
    settle(page)
    page.go_back()
    expect(page).not_to_have_url(re.compile("image="))
    expect(page.get_by_text("Draw a digit above, or upload one")).to_be_visible()
    eventually(page, lambda: ink(page), lambda found: found == 0)
    page.go_forward()
    expect(page).to_have_url(first)
    eventually(page, lambda: ink(page), lambda found: found > drawn / 2)


def test_what_removes_an_upload_removes_the_image(page: Page) -> None:
    picture = Image.new("L", (90, 90))
    picture.paste(255, (40, 20, 50, 70))
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    visit(page, "/attack?pick=own&source=upload")
    page.locator("input[type=file]").set_input_files(
        {"name": "[x](y).png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    )
    expect(page.get_by_text("says that it is a 1")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Remove")).first.click()
    expect(page.get_by_text("Draw a digit above, or upload one")).to_be_visible()
    expect(page).not_to_have_url(re.compile("image="))
