"""A large photograph on the dogs' Attack page: python -m benchmarks.photograph (idle machine; results/photograph.json)

A photograph of 4,000 x 3,000 pixels is uploaded in Chromium, and attacked with 60 steps beside the robust classifier; again
and again, each time another one by a new visitor. Measured are the seconds from the chosen file until the page has prepared
it, from the press of Attack until the result is on screen, and the memory of all processes of the server.
"""

import io
import shutil
import statistics
import threading
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from aatviz.data.own_image import example
from aatviz.recipes.restricted_tiny_imagenet import DOG_LINF
from aatviz.runtime.files import write_json
from aatviz.runtime.hardware import describe
from benchmarks.classroom.app import App, running
from benchmarks.classroom.browsers import FLAGS, IDLE

RESULT = Path(__file__).parent / "results" / "photograph.json"
WIDTH, HEIGHT, STEPS, VISITORS = 4000, 3000, 60, 5


def photograph(grain_share: float) -> bytes:
    """The bundled cat, enlarged and with the grain of a camera, so that the file is as large as a camera's."""
    cat = (
        Image.open(Path(example.__file__).with_name("cat.jpg"))
        .convert("RGB")
        .resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    )
    grain = Image.effect_noise((WIDTH, HEIGHT), 40).convert("RGB")
    file = io.BytesIO()
    Image.blend(cat, grain, grain_share).save(file, "jpeg", quality=92)
    return file.getvalue()


def one_visitor(browser: Browser, app: App, data: bytes) -> dict[str, float]:
    """Upload, press, wait."""
    with browser.new_context() as visitor:
        page = visitor.new_page()
        page.goto(f"{app.url}/attack?system={DOG_LINF}&pick=own&source=upload&steps={STEPS}&step_size=0.3")
        expect(page.locator("input[type=file]")).to_be_attached()
        expect(page.locator(IDLE)).to_be_visible()
        chosen = time.perf_counter()
        page.locator("input[type=file]").set_input_files({"name": "cat.jpg", "mimeType": "image/jpeg", "buffer": data})
        expect(page.get_by_text("The natural classifier says that it is", exact=False)).to_be_visible()
        prepared = time.perf_counter()
        old = page.get_by_text("Below is a stored run", exact=False)
        expect(old).to_be_visible()
        expect(page.locator(IDLE)).to_be_visible()
        pressed = time.perf_counter()
        page.get_by_role("button", name="Attack", exact=True).click()
        expect(old).to_be_hidden()
        expect(page.get_by_test_id("player")).to_be_visible()
        shown = time.perf_counter()
    return {"prepared": prepared - chosen, "attacked": shown - pressed, "both": prepared - chosen + shown - pressed}


class Memory(threading.Thread):
    """The largest memory of the server's processes, looked at ten times a second."""

    def __init__(self, app: App) -> None:
        super().__init__(daemon=True)
        self.app, self.most, self.over = app, 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.1):
            self.most = max(self.most, self.app.megabytes())


def measure() -> dict[str, Any]:
    """All visitors, one after the other."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise SystemExit("Chromium is needed: install it so that the command 'chromium' is found.")
    files = [photograph(0.15 + 0.02 * number) for number in range(1 + VISITORS)]
    expect.set_options(timeout=60_000)
    with running(Path(__file__).parents[1]) as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        memory = Memory(app)
        memory.start()
        first = one_visitor(browser, app, files[0])
        before = app.megabytes()
        times = [one_visitor(browser, app, file) for file in files[1:]]
        after = app.megabytes()
        memory.over.set()
        memory.join()
        browser.close()
    return {
        "device": describe("cpu"),
        "pixels": [WIDTH, HEIGHT],
        "file_megabytes": round(len(files[0]) / 1e6, 1),
        "steps": STEPS,
        "first_visitor": _rounded(first),
        "visitors": [_rounded(one) for one in times],
        "median": _rounded({name: statistics.median(one[name] for one in times) for name in first}),
        "megabytes": {"after_the_first": round(before), "most": round(memory.most), "after_the_last": round(after)},
    }


def _rounded(times: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in times.items()}


def main() -> None:
    result = measure()
    print(result)
    write_json(RESULT, result)


if __name__ == "__main__":
    main()
