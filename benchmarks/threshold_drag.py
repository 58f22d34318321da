"""How smoothly T is dragged: python benchmarks/threshold_drag.py (on an idle machine; prints JSON)

Opens the Thresholds page of the default system in Chromium, drags T to and fro with the mouse for some seconds, once
with the generative and once with the integrated classifier's logits, and reads the times of all animation frames in the
page. Messages to the server are counted meanwhile: there have to be none.
"""

import itertools
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, WebSocket, expect, sync_playwright

import aatviz
from aatviz.thresholds import curves

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.browser.conftest import CHROMIUM_FLAGS, IDLE, running_app

SECONDS = 5.0
WATCH = """() => {
  window.frames_seen = [];
  const watch = (now) => (window.frames_seen.push(now), window.watching && requestAnimationFrame(watch));
  window.watching = true;
  requestAnimationFrame(watch);
}"""


def messages_of(page: Page) -> list[str | bytes]:
    """What the page will have sent to the server: a list that grows."""
    messages: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda message: messages.append(message))

    page.on("websocket", listen)
    return messages


def drag(page: Page, url: str, logits: str) -> dict[str, float]:
    """Frames a second and messages while the mouse is down; the number of values that T went through."""
    calls = messages_of(page)
    page.goto(f"{url}/thresholds?T=0&logits={logits}")
    slider = page.get_by_test_id("T")
    expect(slider).to_be_visible()
    expect(page.locator(IDLE)).to_be_visible()
    box = slider.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.5 * box["width"], y)
    page.mouse.down()
    heard, moves, values = len(calls), 0, set()
    page.evaluate(WATCH)
    started = time.perf_counter()
    while (now := time.perf_counter() - started) < SECONDS:
        page.mouse.move(box["x"] + (0.5 + 0.4 * math.sin(2 * math.pi * now / 2.5)) * box["width"], y)
        moves += 1
        if moves % 20 == 0:
            values.add(slider.input_value())
    frames = page.evaluate("() => (window.watching = false, window.frames_seen)")
    sent = len(calls) - heard
    page.mouse.up()
    gaps = sorted(after - before for before, after in itertools.pairwise(frames))
    return {
        "median frames a second": round(1000 / statistics.median(gaps), 1),
        "slowest 5 % of the frames, frames a second": round(1000 / gaps[int(0.95 * len(gaps))], 1),
        "frames": len(frames),
        "mouse moves": moves,
        "different T seen in every 20th move": len(values),
        "messages to the server before release": sent,
    }


def main() -> None:
    name = aatviz.systems()[0]
    record = curves.load(aatviz.load_system(name))
    scores = sum(len(part) for d in (record.generative, record.integrated) for part in (d.natural, d.perturbed))
    result: dict[str, object] = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    result |= {"system": name, "scores in the view": scores}
    with tempfile.TemporaryDirectory() as scratch, running_app(Path(scratch)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
        for logits in ("generative", "integrated"):
            page = browser.new_page(viewport={"width": 1440, "height": 1000})
            result[f"logits of the {logits} classifier"] = drag(page, url, logits)
        browser.close()
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
