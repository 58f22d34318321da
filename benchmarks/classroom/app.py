"""The app as a process of its own, started from any checkout, and what it costs."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START = 90.0
"""Seconds that the server may take to answer."""
STOP = 30.0
"""Seconds that it may take to end."""


@dataclass(frozen=True)
class App:
    """A running app."""

    url: str
    process: int
    log: Path
    """What it has said."""

    @property
    def processes(self) -> list[int]:
        """The server's and those that it has started."""
        found, new = [self.process], [self.process]
        while new:
            new = [child for parent in new for child in _children(parent)]
            found += new
        return found

    def megabytes(self) -> float:
        """What the processes hold in memory that no file stands for, together."""
        return sum(_status(process, "RssAnon") for process in self.processes) / 1e3

    def cpu_seconds(self) -> float:
        """What they have spent so far."""
        return sum(_cpu(process) for process in self.processes)

    def tracebacks(self) -> int:
        """How many errors stand in its log, seen by a visitor or not."""
        return self.log.read_text(errors="replace").count("Traceback (most recent call last)")


@contextmanager
def running(checkout: Path) -> Iterator[App]:
    """Start `app.py` of a checkout on a free port of this machine alone, without any data set."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    scratch = Path(tempfile.mkdtemp())
    heard = scratch / "log.txt"
    options = ["--server.headless=true", "--server.address=127.0.0.1", f"--server.port={port}"]
    with heard.open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options],
            cwd=checkout,
            env=os.environ | {"AATVIZ_DATA": str(scratch), "PYTHONPATH": str(checkout)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, server, heard)
            yield App(url, server.pid, heard)
        finally:
            server.terminate()
            try:
                server.wait(STOP)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            shutil.rmtree(scratch)


def _wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The app did not start within {START:g} s; it said:\n{log.read_text(errors='replace')}")


def _children(process: int) -> list[int]:
    try:
        tasks = [task / "children" for task in Path(f"/proc/{process}/task").iterdir()]
        return [int(child) for task in tasks for child in task.read_text().split()]
    except OSError:  # it has ended meanwhile
        return []


def _status(process: int, name: str) -> float:
    """Kilobytes."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0.0)


def _cpu(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
