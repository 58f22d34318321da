"""The Thresholds page as a visitor sees it: T dragged without a server call, keyboard, choices, phone, picture."""

import re
from functools import partial
from pathlib import Path

from playwright.sync_api import Locator, Page, WebSocket, expect

from .conftest import eventually, fits, settle, visit

MOVING = {
    "roc": "path[d], circle[cx]",
    "classification": "path[d], circle[cx]",
    "histograms": "path[d], line[x1]",
}


def slider(page: Page) -> Locator:
    return page.get_by_test_id("T")


def pictures(page: Page) -> dict[str, str]:
    """What each part of the live view shows at the moment."""
    shown = {name: page.get_by_test_id(name).inner_html() for name in MOVING}
    shown["counts"] = page.get_by_test_id("counts").inner_text()
    shown["strip"] = str(
        page.get_by_test_id("strips").locator("li").evaluate_all("all => all.map(one => one.dataset.state)")
    )
    return shown


def all_differ(before: dict[str, str], now: dict[str, str]) -> bool:
    """Whether every picture, and the counts, have moved; the strip changes only where an image passes T."""
    return all(now[name] != before[name] for name in (*MOVING, "counts"))


def messages_of(page: Page) -> list[str | bytes]:
    """What the page will have sent to the server: a list that grows."""
    messages: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda message: messages.append(message))

    page.on("websocket", listen)
    return messages


def test_every_view_follows_a_drag_and_python_hears_of_it_only_at_the_end(page: Page) -> None:
    calls = messages_of(page)
    visit(page, "/thresholds?T=-3")
    expect(slider(page)).to_have_value("-3")
    box = slider(page).bounding_box()
    assert box is not None
    x, y = box["x"] + 0.22 * box["width"], box["y"] + box["height"] / 2
    before, heard = pictures(page), len(calls)
    page.mouse.move(x, y)
    page.mouse.down()
    for share in (0.3, 0.4, 0.5, 0.6):
        page.mouse.move(box["x"] + share * box["width"], y, steps=5)
        now = eventually(page, lambda: pictures(page), partial(all_differ, before))
        before = now | {"strip": before["strip"]}
    eventually(page, lambda: pictures(page)["strip"], lambda strip: strip != before["strip"])
    assert len(calls) == heard, "Python was called before the slider was let go"
    page.mouse.up()
    at = slider(page).input_value()
    expect(page).to_have_url(re.compile(rf"T={re.escape(at)}\b"))
    expect(page.get_by_role("heading", name=f"The numbers at T = {at}")).to_be_visible()
    eventually(page, lambda: len(calls), lambda found: found > heard)
    natural = page.get_by_test_id("counts-generative").locator("p b").first.inner_text()
    table = page.locator(".st-key-numbers-at-T")
    expect(table).to_contain_text(f"{natural}% (", use_inner_text=True)  # the browser and the library count alike


def test_the_keyboard_moves_t_by_steps_and_to_the_ends(page: Page) -> None:
    visit(page, "/thresholds?T=0.5")
    slider(page).focus()
    page.keyboard.press("ArrowRight")
    expect(slider(page)).to_have_value("0.6")
    expect(page.get_by_test_id("histograms")).to_contain_text("T = 0.6")
    page.keyboard.press("PageUp")
    eventually(page, lambda: float(slider(page).input_value()), lambda found: found > 1.5)
    page.keyboard.press("End")
    expect(page.get_by_test_id("counts-integrated")).to_contain_text("0.0 of 100 natural digits")
    page.keyboard.press("Home")
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile("of 100 natural digits accepted and right"))
    at = eventually(page, slider(page).input_value, lambda found: float(found) < 0)
    expect(page).to_have_url(re.compile(rf"T={re.escape(at)}\b"))


def test_buttons_and_choices_lead_to_a_threshold_for_each_detector(page: Page) -> None:
    visit(page, "/thresholds")
    first = slider(page).input_value()
    page.get_by_role("button", name="Set all 10 T_k").first.click()
    own = page.get_by_role("slider", name=re.compile(r"Threshold T of detector \d"))
    expect(own).to_have_count(10)
    eventually(page, lambda: {one.input_value() for one in own.all()}, lambda found: len(found) > 1)
    expect(page).to_have_url(re.compile(r"mode=per_class.*Tk=|Tk=.*mode=per_class"))
    page.get_by_test_id("logits").select_option("integrated")
    expect(page).to_have_url(re.compile("logits=integrated"))
    page.get_by_test_id("mode").select_option("one")
    expect(slider(page)).to_have_value(first)
    expect(page).not_to_have_url(re.compile("mode="))
    settle(page)


def test_a_lesson_may_lock_the_slider_and_hide_a_choice(page: Page) -> None:
    visit(page, "/thresholds?T=1&lesson=own&lock=T&hide=mode")
    expect(slider(page)).to_be_disabled()
    expect(page.get_by_test_id("mode")).to_be_hidden()
    expect(page.get_by_test_id("axis")).to_be_enabled()


def test_on_a_phone_nothing_sticks_out_and_the_picture_can_be_saved(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, "/thresholds?T=0.5")
    for name in MOVING:
        expect(page.get_by_test_id(name)).to_be_visible()
    boxes = [page.get_by_test_id(name).bounding_box() for name in MOVING]
    tops = [box["y"] for box in boxes if box is not None]
    assert tops == sorted(set(tops))
    fits(page)
    assert all(box is not None and box["x"] + box["width"] <= 390 for box in boxes)
    with page.expect_download() as download:
        page.get_by_test_id("png").click()
    download.value.save_as(tmp_path / "view.png")
    content = (tmp_path / "view.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 20_000
