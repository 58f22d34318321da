"""What a page's script costs the server: python benchmarks/page_scripts.py [--json FILE] [PAGE ...] (on an idle machine)

Every page in a process of its own and without a browser: the first visit to a server that has just started (which also
loads the libraries), a visit with empty caches, a visit with full ones, and a rerun as after a widget. An empty script shows
what the measuring itself takes. Times are in seconds; prints a table.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
DEFAULT, EMPTY = "overview", "an empty script"
KINDS = ("first", "cold", "warm", "rerun")
TIMES = 5
"""Warm visits and reruns, of which the median counts."""


def measure(page: str) -> dict[str, float]:
    """Seconds by kind, in this process, which must be a fresh one."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    def timed(app: AppTest) -> float:
        started = time.perf_counter()
        app.run()
        spent = time.perf_counter() - started
        assert not app.exception, app.exception
        return spent

    def visitor() -> AppTest:
        if page == EMPTY:
            return AppTest.from_string("")
        app = AppTest.from_file(ROOT / "app.py", default_timeout=300)
        return app if page == DEFAULT else app.switch_page(f"pages/{page}.py")

    first = timed(visitor())
    st.cache_data.clear()
    st.cache_resource.clear()
    cold = timed(visitor())
    warm = statistics.median(timed(visitor()) for _ in range(TIMES))
    stays = visitor()
    timed(stays)
    rerun = statistics.median(timed(stays) for _ in range(TIMES))
    return dict(zip(KINDS, (first, cold, warm, rerun), strict=True))


def in_a_process(page: str) -> dict[str, float]:
    """The same in a fresh process."""
    done = subprocess.run([sys.executable, __file__, "--here", page], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"Measuring the page {page} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="What a page's script costs the server.")
    parser.add_argument("pages", nargs="*", metavar="PAGE", default=[EMPTY, *PAGES], help=f"of {', '.join(PAGES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the times")
    parser.add_argument("--here", action="store_true", help="measure one page in this very process and print JSON")
    chosen = parser.parse_args()
    if unknown := set(chosen.pages) - {EMPTY, *PAGES}:
        parser.error(f"there are no such pages: {', '.join(sorted(unknown))}; there are {', '.join(PAGES)}")
    if chosen.here:
        print(json.dumps(measure(chosen.pages[0])))
        return
    found = {page: in_a_process(page) for page in chosen.pages}
    print(f"{'page':16}" + "".join(f"{kind:>9}" for kind in KINDS))
    for page, times in found.items():
        print(f"{page:16}" + "".join(f"{times[kind]:9.3f}" for kind in KINDS))
    if chosen.json:
        machine = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        chosen.json.write_text(json.dumps(machine | {"seconds": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
