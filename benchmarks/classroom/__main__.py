"""A classroom on this machine: python -m benchmarks.classroom [--visitors 30] [--app CHECKOUT] (idle machine; prints JSON)

Real sessions over the websocket, with the timers that a browser runs, and a few real browsers; on the loopback alone. An
older checkout is measured by the same command: --app.
"""

import argparse
import asyncio
import json
import platform
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit
import torch

from aatviz.runtime.files import read_json, write_text
from aatviz.runtime.hardware import describe
from benchmarks.classroom import scenarios, visitor
from benchmarks.classroom.app import App, running
from benchmarks.classroom.browsers import browsers

SCENARIOS = ("alone", "class", "hundred", "browsers", "long", "soak")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classroom", description=__doc__)
    parser.add_argument("--visitors", type=int, default=30, help="how many press at once (1 to 200)")
    parser.add_argument("--browsers", type=int, default=5, help="real browsers that press at once (1 to 10)")
    parser.add_argument("--minutes", type=float, default=20, help="of the soak (1 to 60)")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="these alone; the soak only where it is named")
    parser.add_argument("--app", type=Path, default=Path(__file__).parents[2], help="the checkout whose app is measured")
    parser.add_argument("--patience", type=float, default=300, help="seconds after which a visitor gives up (10 to 600)")
    parser.add_argument("--json", type=Path, help="add what was measured to this file")
    parser.add_argument("--name", default="now", help="under this name")
    asked = parser.parse_args()
    if not (1 <= asked.visitors <= 200 and 1 <= asked.browsers <= 10 and 1 <= asked.minutes <= 60):
        parser.error("1 to 200 visitors, 1 to 10 browsers and 1 to 60 minutes are possible.")
    visitor.PATIENCE = min(max(asked.patience, 10), 600)
    chosen = asked.only or [name for name in SCENARIOS if name != "soak"]
    checkout = asked.app.resolve()
    measured: dict[str, Any] = {
        "commit": _commit(checkout),
        "machine": describe("cpu"),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "streamlit": streamlit.__version__},
        "date": datetime.now(UTC).date().isoformat(),
    }
    runs: dict[str, Callable[[App], Any]] = {
        "alone": lambda app: asyncio.run(scenarios.alone(app)),
        "class": lambda app: asyncio.run(scenarios.a_class(app, asked.visitors)),
        "hundred": lambda app: asyncio.run(scenarios.a_class(app, 100)),
        "browsers": lambda app: browsers(app, asked.browsers),
        "long": lambda app: asyncio.run(scenarios.long_beside_short(app)),
        "soak": lambda app: asyncio.run(scenarios.soak(app, asked.minutes)),
    }
    for name in chosen:
        with running(checkout) as app:
            asyncio.run(scenarios.warm_up(app))
            measured[name] = runs[name](app)
            measured[name]["tracebacks in the app's log"] = app.tracebacks()
        print(json.dumps({name: measured[name]}, indent=1, ensure_ascii=False), flush=True)
        if asked.json:
            _store(asked.json, asked.name, measured)


def _commit(checkout: Path) -> str:
    """What was measured; "unknown" for a folder without a history."""
    asked = ["git", "-C", str(checkout), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _store(file: Path, name: str, measured: dict[str, Any]) -> None:
    """Add what has been measured so far under that name."""
    stored = read_json(file) if file.is_file() else {}
    stored[name] = stored.get(name, {}) | measured
    write_text(file, json.dumps(stored, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
