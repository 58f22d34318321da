"""How long a visitor waits: python benchmarks/first_minute.py (on an idle machine; prints JSON)

Starts the app, opens its first page in Chromium once cold and then again, and presses Attack on one digit: 100 steps
against all ten detectors of each shipped system, alone and beside the robust classifier. Times are in seconds.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

import aatviz

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.browser.conftest import CHROMIUM_FLAGS, IDLE, running_app

TARGETS = (0, 1, 4, 5, 6)


def first_page(page: Page, url: str) -> float:
    """From the request until the stored run of the first page can be played."""
    started = time.perf_counter()
    page.goto(url)
    expect(page.get_by_test_id("player").get_by_role("button", name="Play")).to_be_visible()
    return time.perf_counter() - started


def attack(page: Page, url: str, system: str, target: int, compare: bool) -> float:
    """From the click on Attack until the result is on screen. The digit is the default three, the target no default."""
    page.goto(f"{url}/attack?system={system}&target={target}&compare={int(compare)}")
    other = page.get_by_text("Below is", exact=False)
    expect(other).to_be_visible()
    expect(page.get_by_text("on this machine", exact=False)).to_be_visible()
    expect(page.locator(IDLE)).to_be_visible()
    started = time.perf_counter()
    page.get_by_role("button", name="Attack", exact=True).click()
    expect(other).to_be_hidden()
    expect(page.get_by_test_id("player")).to_be_visible()
    return time.perf_counter() - started


def main() -> None:
    result: dict[str, object] = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as scratch, running_app(Path(scratch)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
        opened = []
        for _ in range(3):
            with browser.new_context() as visitor:
                opened.append(round(first_page(visitor.new_page(), url), 2))
        result["first page, seconds after the server is up"] = opened
        for system in aatviz.systems():
            for compare in (False, True):
                with browser.new_context() as visitor:
                    page = visitor.new_page()
                    times = [attack(page, url, system, target, compare) for target in TARGETS]
                name = f"{system}, 100 steps{' on two classifiers' if compare else ''}"
                result[name] = {"median": round(statistics.median(times), 2), "all": [round(t, 2) for t in times]}
        browser.close()
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
