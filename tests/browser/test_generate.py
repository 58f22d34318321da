"""The Generate page as a visitor uses it: from noise to digit in all grids at once, one marked cell, the Attack page."""

import re

from playwright.sync_api import Locator, Page, expect

from .conftest import eventually, settle, visit


def cell(page: Page, model: str, target: int, sample: int) -> Locator:
    return page.get_by_test_id(f"model-{model}").locator(f"[data-cell='{target}-{sample}']")


def pixels(cell: Locator) -> list[int]:
    code = "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 28, 28).data)"
    found: list[int] = cell.locator("canvas").evaluate(code)
    return found


def test_all_models_start_from_the_same_noise_end_at_their_results_and_one_mark_leads_to_the_attack_page(page: Page) -> None:
    visit(page, "/generate?target=3&sample=4")
    expect(page.get_by_test_id("step")).to_have_text("step 60 / 60")

    def shown() -> dict[str, list[int]]:
        return {model: pixels(cell(page, model, 3, 4)) for model in ("generative", "robust", "natural")}

    def differ(found: dict[str, list[int]]) -> bool:
        return found["generative"] != found["robust"] != found["natural"]

    def are_alike(found: dict[str, list[int]]) -> bool:
        return found["generative"] == found["robust"] == found["natural"]

    results = eventually(page, shown, differ)
    page.get_by_test_id("first").click()
    expect(page.get_by_test_id("step")).to_have_text("step 0 / 60")
    noise = eventually(page, shown, are_alike)
    assert noise["generative"] != results["generative"]
    page.get_by_test_id("speed").select_option("12")
    page.get_by_test_id("play").click()
    expect(page.get_by_test_id("step")).to_have_text("step 60 / 60")
    eventually(page, shown, lambda found: found == results)

    # one mark in all grids leads to the Attack page with that image
    cell(page, "generative", 5, 1).click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(cell(page, "natural", 6, 2)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_test_id("marked")).to_have_text("Towards 6, sample 2.")
    expect(page.get_by_test_id("facts-robust")).to_contain_text(
        re.compile(r"class 6.*→.*median.*the noise, \d in the result")
    )
    expect(page).to_have_url(re.compile(r"target=6"))
    settle(page)
    page.get_by_test_id("open-robust").click()
    expect(page.locator("h1")).to_have_text("Attack")
    expect(page).to_have_url(re.compile(r"/attack\?.*label=6"))
    settle(page)


def test_a_run_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, "/generate?start=constant&count=1&steps=2&eps=3")
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.get_by_text("step 2 / 2")).to_be_visible()
    settle(page)
    expect(page.get_by_test_id("step")).to_have_text("step 2 / 2")
    expect(page.get_by_text(re.compile(r"\d+ of 100 are the target")).first).to_be_visible()
    main = page.get_by_test_id("stMain")
    eventually(page, lambda: main.evaluate("main => main.scrollWidth <= main.clientWidth"), bool)
