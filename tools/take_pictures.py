"""Take the pictures of docs/pictures from the running app: python -m tools.take_pictures [NAME ...]

Starts the app on a free port, opens its pages in Chromium, and writes a small PNG for each, an attack that moves, and the
figure of the idea. It needs what the browser tests need: requirements-dev.txt, and Chromium. Without names it takes all.
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from aatviz.runtime.files import beside
from tests.browser.conftest import CHROMIUM_FLAGS, PATIENCE, running_app, visit
from tools import idea_figure
from tools.marked import ROOT

FOLDER = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1000, 720
"""Of a page's picture in the browser, without the sidebar."""
SMALL = 500
"""Pixels that its picture is wide in the end."""
MOVING = 880
"""Pixels that the attack that moves is wide."""
FRAMES, FRAME_MS, LAST_MS = 26, 110, 1800
SIDEBAR = 300
ABOVE = 40
"""Pixels that are seen above what a page's picture begins at."""
WIDE, TALL = 1560, 1500
"""Of the window in which an attack moves: both classifiers stand side by side."""


def attack(page: Page) -> None:
    """The same digit as on the Overview, attacked now."""
    page.get_by_role("button", name="Attack", exact=True).click()
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()  # the page shows a stored run before
    expect(cancel).to_have_count(0)


PAGES: dict[str, tuple[str, str, Callable[[Page], None] | None]] = {
    "overview": ("/?system=cifar10-linf-8-shared", "h1", None),
    "attack": ("/attack", "[data-testid='player']", attack),
    "compare": ("/compare", "canvas", None),
    "generate": ("/generate?system=cifar10-linf-8-shared", "canvas", None),
    "retouch": ("/retouch", "[data-testid='player']", None),
    "thresholds": ("/thresholds", "canvas, svg", None),
    "detectors": ("/detectors", ".js-plotly-plot", None),
    "robustness": ("/robustness", ".js-plotly-plot", None),
    "playground": ("/playground", "[data-testid='playground']", None),
    "train": ("/train", "h1", None),
    "learn": ("/learn", "h3", None),
}
"""By name: the link, what the picture begins at, and what is done before."""


def main() -> None:
    wanted = sys.argv[1:] or [*PAGES, "moving", "idea"]
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        sys.exit("The pictures need Chromium: install it so that the command 'chromium' is found.")
    with tempfile.TemporaryDirectory() as scratch, running_app(Path(scratch)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)
        for name in wanted:
            made = {"moving": moving, "idea": idea}.get(name)
            file, content = made(browser, url) if made else (f"{name}.png", still(browser, url, name))
            with beside(FOLDER / file) as output:
                output.write(content)
            print(f"{file}: {len(content) / 1e3:.0f} kB")
        browser.close()


def still(browser: Browser, url: str, name: str) -> bytes:
    """A page's picture, from its first view on."""
    path, begin, before = PAGES[name]
    page = browser.new_page(base_url=url, viewport={"width": WIDTH + SIDEBAR, "height": HEIGHT})
    page.set_default_timeout(1000 * PATIENCE)
    visit(page, path)
    if before:
        before(page)
    first = page.locator(f"[data-testid='stMain'] :is({begin})").first
    expect(first).to_be_visible()
    box = first.bounding_box()
    assert box is not None
    page.get_by_test_id("stMain").evaluate("(main, by) => main.scrollBy({top: by, behavior: 'instant'})", box["y"] - ABOVE)
    page.wait_for_timeout(1500)  # figures draw themselves a moment after they are there
    shot = page.screenshot(clip={"x": SIDEBAR, "y": 0, "width": WIDTH, "height": HEIGHT})
    page.close()
    return png(Image.open(io.BytesIO(shot)).resize((SMALL, SMALL * HEIGHT // WIDTH), Image.Resampling.LANCZOS))


def moving(browser: Browser, url: str) -> tuple[str, bytes]:
    """The Overview's attack, from the natural image to the last step."""
    page = browser.new_page(base_url=url, viewport={"width": WIDE, "height": TALL})
    visit(page, "/")
    player, scrubber = page.get_by_test_id("player"), page.get_by_test_id("scrubber")
    expect(player).to_be_visible()
    last = int(scrubber.get_attribute("max") or 0)
    frames = []
    for place in range(FRAMES):
        scrubber.evaluate(
            "(element, step) => { element.value = step; element.dispatchEvent(new Event('input', {bubbles: true})); }",
            str(round(last * (place / (FRAMES - 1)) ** 1.5)),  # most happens in the first steps
        )
        page.wait_for_timeout(120)
        frames.append(Image.open(io.BytesIO(player.screenshot())).convert("RGB"))
    page.close()
    size = (MOVING, frames[0].height * MOVING // frames[0].width)
    small = [frame.resize(size, Image.Resampling.LANCZOS) for frame in frames]
    durations = [3 * FRAME_MS, *[FRAME_MS] * (FRAMES - 2), LAST_MS]
    buffer = io.BytesIO()
    small[0].save(buffer, "webp", save_all=True, append_images=small[1:], duration=durations, loop=0, quality=70, method=6)
    return "attack.webp", buffer.getvalue()


def idea(browser: Browser, url: str) -> tuple[str, bytes]:
    """The figure of the README's idea, drawn by the browser too."""
    page = browser.new_page(viewport={"width": 1080, "height": 400}, device_scale_factor=1.5)
    page.set_content(idea_figure.html())
    shot = page.locator("main").screenshot()
    page.close()
    return "idea.png", png(Image.open(io.BytesIO(shot)))


def png(picture: Image.Image) -> bytes:
    """As a PNG of at most 128 colours."""
    buffer = io.BytesIO()
    picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
