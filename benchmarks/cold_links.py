"""How long a link straight to a page takes to show something: python benchmarks/cold_links.py (idle machine; prints JSON)

A fresh visitor with an empty browser cache follows a link to each page of a warm server. Counted is the time from the first
message of the page's script until the page's own stored view is on screen, inside the window; and, beside it, the time from
the request, in which the browser loads the app itself.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

import aatviz

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.browser.conftest import CHROMIUM_FLAGS, running_app

VIEWS = {
    "": "[data-testid=player] canvas",
    "attack": "[data-testid=player] canvas",
    "compare": "[data-testid=model-generative] canvas",
    "generate": "[data-testid=model-generative] canvas",
    "thresholds": "[data-testid=T]",
    "detectors": "[data-testid=stMarkdown] table",
    "robustness": "[data-testid=stMarkdown] li",
    "learn": "[data-testid=stImage] img, [data-testid=stMain] canvas, [data-testid=stMain] img",
}
"""By page, what can only be on screen once its stored view is."""
VISITS = 5


def visit(browser: Browser, url: str, path: str) -> tuple[float, float]:
    """Seconds from the script's first message, and from the request, until the view is on screen."""
    heard: list[float] = []
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.on("websocket", lambda socket: socket.on("framereceived", lambda _: heard.append(time.perf_counter())))
        asked = time.perf_counter()
        page.goto(f"{url}/{path}", wait_until="commit")
        view = page.locator(VIEWS[path.split("?")[0]]).first
        view.wait_for(state="visible", timeout=60_000)
        seen = time.perf_counter()
        expect(view).to_be_in_viewport(timeout=60_000)
        return seen - heard[0], seen - asked


def main() -> None:
    result: dict[str, object] = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    pages = sys.argv[1:] or list(VIEWS)
    with tempfile.TemporaryDirectory() as scratch, running_app(Path(scratch)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
        for path in pages:
            visit(browser, url, path)  # the server's caches
            times = [visit(browser, url, path) for _ in range(VISITS)]
            name = path or "overview"
            from_script, from_request = zip(*times, strict=True)
            result[name] = {
                "from the script's start, median": round(statistics.median(from_script), 2),
                "all": [round(t, 2) for t in from_script],
                "from the request, median": round(statistics.median(from_request), 2),
            }
            print(name, result[name], file=sys.stderr)
        browser.close()
    result["default system"] = aatviz.systems()[0]
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
