"""Real browsers that press at once."""

import shutil
import time
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.classroom.app import App

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
IDLE = "[data-testid='stApp'][data-test-script-state='notRunning']"
PATIENCE = 180_000
"""Milliseconds."""
WATCH = """() => {
    const note = [...document.querySelectorAll("p")].find(p => p.textContent.includes("Below is"));
    const end = Date.now() + PATIENCE;
    window.shown = new Promise(done => {
        const look = setInterval(() => {
            const gone = !note.isConnected || !note.textContent.includes("Below is");
            if (gone || Date.now() > end) { clearInterval(look); done(gone ? Date.now() / 1000 : null); }
        }, 50);
    });
}""".replace("PATIENCE", str(PATIENCE))
"""The page itself notes when its result is shown: nobody asks it from outside, which would cost the machine time."""


def browsers(app: App, count: int) -> dict[str, Any]:
    """Each opens the Attack page with a digit of its own; all press; the time until each shows its result."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise RuntimeError("Chromium is needed: install it so that the command 'chromium' is found.")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=FLAGS)
        pages = [chromium.new_context().new_page() for _ in range(count)]
        for number, page in enumerate(pages):
            page.goto(f"{app.url}/attack?pick=index&index={300 + number}&target={number}&compare=1", timeout=PATIENCE)
            expect(_other(page)).to_be_visible()
            expect(page.get_by_text("on this machine", exact=False)).to_be_visible()
            expect(page.locator(IDLE)).to_be_visible()
        for page in pages:
            page.evaluate(WATCH)
        started = time.time()
        for page in pages:
            page.get_by_role("button", name="Attack", exact=True).click()
        times = [page.evaluate("shown") for page in pages]
        chromium.close()
    done = sorted(round(value - started, 2) for value in times if value)
    return {"browsers": count, "done": len(done), "first": done[0] if done else None, "last": done[-1] if done else None}


def _other(page: Page) -> Any:
    return page.get_by_text("Below is", exact=False)
