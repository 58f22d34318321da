"""A class that nobody trained before, in a real browser: sent, trained, on every page, taken away, and brought to another
server with the same logits."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import fits, running_app, settle, visit, visitor

COLOURS = {"apples": (200, 40, 40), "limes": (60, 180, 60), "plums": (90, 50, 140)}
EACH, SIDE = 100, 24
PAGES = ("", "detectors")
"""Besides Attack, which is used; tests/app opens all of them with a visitor's system."""


def fruit() -> bytes:
    """An archive of three classes: round fruit on a pale table, and one damaged file."""
    generator, buffer = np.random.default_rng(0), io.BytesIO()
    rows, columns = np.mgrid[:SIDE, :SIDE]
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, colour in COLOURS.items():
            for i in range(EACH):
                pixels = generator.integers(205, 245, (SIDE, SIDE, 3))
                y, x, radius = generator.integers(9, 15), generator.integers(9, 15), generator.integers(5, 8)
                inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
                pixels[inside] = np.array(colour) + generator.integers(-25, 25, 3)
                file = io.BytesIO()
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG")
                packed.writestr(f"fruit/{name}/{i}.jpg", file.getvalue())
        packed.writestr("fruit/plums/torn.jpg", b"no picture")
    return buffer.getvalue()


def logits(page: Page, system: str) -> str:
    """The logits of an attack on the first image, made now on this server."""
    visit(page, f"/attack?system={system}&index=0&steps=5")
    page.get_by_role("button", name="Attack", exact=True).click()
    expect(page.get_by_test_id("step")).to_contain_text("/ 5")
    settle(page)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)  # while it runs, the file holds what there is
    with page.expect_download() as download:
        page.get_by_role("button", name="Logits by step (CSV)").click()
    return Path(download.value.path()).read_text()


def send(page: Page, expander: str, file: Path) -> None:
    """Open an expander and give its field a file."""
    page.get_by_text(expander).click()
    page.get_by_test_id("stExpander").filter(has_text=expander).locator("input[type=file]").set_input_files(file)


def test_three_classes_are_trained_used_taken_away_and_brought_to_another_server(
    browser: Browser, app_url: str, tmp_path: Path
) -> None:
    sent, taken = tmp_path / "fruit.zip", tmp_path / "system.zip"
    sent.write_bytes(fruit())
    with visitor(browser, app_url) as page:
        visit(page, "/train?size=tiny&minutes=0.1")
        send(page, "Your own pictures", sent)
        expect(page.get_by_text("Images a class: apples 100, limes 100, plums 100.")).to_be_visible()
        expect(page.get_by_text("torn.jpg")).to_be_visible()
        settle(page)
        page.get_by_role("button", name="Train", exact=True).click()
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        page.wait_for_url(re.compile("training=fruit-"))
        page.reload()  # nothing is lost
        expect(page.get_by_text("It is trained, and is now the system of all pages")).to_be_visible()
        settle(page)
        expect(page.get_by_role("img", name=re.compile("an apples, logit"))).not_to_have_count(0)
        expect(page.locator(".js-plotly-plot")).to_have_count(2)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download the system").click()
        download.value.save_as(taken)
        found = re.search(r"training=([\w-]+)", page.url)
        assert found
        name = found[1]
        page.set_viewport_size({"width": 390, "height": 800})
        fits(page)
        page.set_viewport_size({"width": 1280, "height": 900})
        for path in PAGES:
            visit(page, f"/{path}?system={name}")
            expect(page.get_by_test_id("stSidebar").get_by_text(name)).to_be_visible()
            assert page.get_by_test_id("stException").count() == 0
        before = logits(page, name)
    (tmp_path / "other").mkdir()
    with running_app(tmp_path / "other") as other, visitor(browser, other) as page:
        visit(page, f"/attack?system={name}")
        expect(page.get_by_text("There is no system")).to_be_visible()
        visit(page, "/train")
        send(page, "Bring a trained system back", taken)
        expect(page.get_by_text("It is here")).to_be_visible()
        settle(page)
        page.wait_for_url(re.compile("system=fruit-"))
        found = re.search(r"system=([\w-]+)", page.url)
        assert found
        assert found[1] != name
        assert logits(page, found[1]) == before


def test_by_keyboard_a_training_is_begun_and_cancelled(page: Page) -> None:
    visit(page, "/train?size=tiny&minutes=1")
    page.get_by_role("button", name="Train", exact=True).focus()
    page.keyboard.press("Enter")
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    cancel.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It was cancelled.")).to_be_visible()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
