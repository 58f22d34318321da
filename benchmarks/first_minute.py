"""How long a visitor waits: until the first page is usable, and for an attack of 100 steps.

    python benchmarks/first_minute.py [--repeats 5] [--system NAME]

Starts the app on a free port, opens it in Chromium, and prints medians in seconds as JSON. Run it on an idle machine.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--system", default="mnist-linf-0.3-shared")
    options = parser.parse_args()
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory() as no_data, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"AATVIZ_DATA": no_data}, stdout=subprocess.DEVNULL)
        try:
            print(json.dumps(measure(f"http://127.0.0.1:{port}", options.system, options.repeats), indent=1))
        finally:
            server.terminate()
            server.wait()


def measure(url: str, system: str, repeats: int) -> dict[str, object]:
    """Seconds: the first page of a new server (once: it imports and loads), later first pages, and attacks."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        wait_until_up(url)
        pages = [first_page(browser.new_page(), url) for _ in range(repeats + 1)]
        attacks = {
            f"attack, {name}": statistics.median(
                attack(browser.new_page(), url, system, digit, compare) for digit in range(repeats)
            )
            for name, compare in (("alone", 0), ("beside the robust classifier", 1))
        }
        browser.close()
    seconds = {"first page of a new server": pages[0], "first page later": statistics.median(pages[1:]), **attacks}
    return {
        "system": system,
        "cores": os.cpu_count(),
        "repeats": repeats,
        "seconds": {k: round(v, 2) for k, v in seconds.items()},
    }


def first_page(page: Page, url: str) -> float:
    """From the visit to the stored run on screen, with both verdicts."""
    started = time.perf_counter()
    page.goto(url)
    expect(page.get_by_test_id("verdict-fooled-robust")).to_be_visible()
    seconds = time.perf_counter() - started
    page.close()
    return seconds


def attack(page: Page, url: str, system: str, digit: int, compare: int) -> float:
    """From the click to the result on screen: 100 targeted steps on a digit that nobody has attacked before."""
    nth = 7 + compare
    page.goto(f"{url}/attack?system={system}&digit={digit}&nth={nth}&target={digit + 4}&compare={compare}")
    expect(page.locator("[data-testid='stApp'][data-test-script-state='notRunning']")).to_be_visible()
    shown = page.get_by_test_id("column-generative")
    expect(shown).to_be_visible()
    page.wait_for_timeout(1000)
    started = time.perf_counter()
    page.get_by_role("button", name="Attack", exact=True).click()
    expect(shown).to_contain_text(f"class {digit + 4}")
    expect(page.get_by_text("Below is")).to_have_count(0)
    seconds = time.perf_counter() - started
    page.close()
    return seconds


def wait_until_up(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The app did not come up within 30 seconds.")


if __name__ == "__main__":
    main()
