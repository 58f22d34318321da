"""The Compare page as a visitor uses it: one cell marked everywhere, by mouse and keyboard; the Attack page; a run."""

import re

from playwright.sync_api import Locator, Page, expect

from .conftest import eventually, fits, settle, visit


def cell(page: Page, model: str, row: int, target: int) -> Locator:
    return page.get_by_test_id(f"model-{model}").locator(f"[data-cell='{row}-{target}']")


def pixels(canvas: Locator) -> list[int]:
    code = "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 28, 28).data)"
    found: list[int] = canvas.evaluate(code)
    return found


def test_perturbations_are_magnified_one_selection_drives_every_view_and_a_cell_opens_on_the_attack_page(page: Page) -> None:
    visit(page, "/compare?row=2&target=7")
    canvas = cell(page, "robust", 3, 8).locator("canvas")
    perturbed = eventually(page, lambda: pixels(canvas), any)
    page.get_by_test_id("view-perturbation").click()
    once = eventually(page, lambda: pixels(canvas), lambda found: found != perturbed)
    page.get_by_test_id("magnify").fill("20")
    expect(page.get_by_test_id("magnified")).to_have_text(re.compile("20$"))
    eventually(page, lambda: sum(pixels(canvas)[3::4]), lambda found: found > sum(once[3::4]))
    expect(page).to_have_url(re.compile(r"view=perturbation&magnify=20"))
    settle(page)

    expect(page.get_by_test_id("marked")).to_contain_text("a 2, pushed towards 7")
    cell(page, "generative", 4, 8).hover()
    expect(page.get_by_test_id("marked")).to_contain_text("a 4, pushed towards 8")
    expect(cell(page, "robust", 2, 7)).to_have_attribute("aria-selected", "true")
    cell(page, "generative", 4, 8).click()
    expect(cell(page, "robust", 4, 8)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(cell(page, "robust", 5, 9)).to_have_attribute("aria-selected", "true")
    expect(cell(page, "generative", 5, 9)).to_be_focused()
    page.mouse.move(0, 0)
    expect(page.get_by_test_id("marked")).to_contain_text("a 5, pushed towards 9")
    expect(page.get_by_test_id("facts-robust")).to_contain_text(re.compile(r"z₉.+→.+L2 \d\.\d\d"))
    expect(page).to_have_url(re.compile(r"row=5&target=9"))
    image = re.search(r"Image (\d+)", page.get_by_test_id("marked").inner_text())
    assert image is not None
    settle(page)
    page.get_by_test_id("open-robust").click()
    expect(page.locator("h1")).to_have_text("Attack")
    expect(page).to_have_url(re.compile(rf"/attack\?.*index={image[1]}\b"))
    for part in ("victim=robust", "target=9", "eps=0.4"):
        expect(page).to_have_url(re.compile(part))
    settle(page)


def test_a_run_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, "/compare?steps=2&models=robust&step_size=0.2")
    expect(page.get_by_test_id("model-generative")).to_be_visible()  # the stored run
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_test_id("model-generative")).to_have_count(0)
    expect(page.get_by_test_id("summary-robust")).to_contain_text(re.compile(r"decides for the target in \d+ of 90"))
    fits(page)
    settle(page)
