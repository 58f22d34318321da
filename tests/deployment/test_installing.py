"""The package in an empty environment: the library alone, then the app too. Minutes, and the network for pip."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.browser.conftest import PATIENCE, free_port
from tests.deployment import files

NAMES = "import aatviz, importlib.util as found; print([n for n in ('streamlit', 'plotly') if found.find_spec(n)])"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the repository, with an empty environment beside it, `pip install .` done."""
    folder = tmp_path_factory.mktemp("clone")
    subprocess.run(["git", "clone", "--quiet", files.ROOT, folder / "aatviz"], check=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "environment"], check=True)
    subprocess.run([folder / "environment" / "bin" / "pip", "install", "."], cwd=folder / "aatviz", check=True)
    return folder


def said(clone: Path, *command: str, folder: str = "aatviz") -> subprocess.CompletedProcess[str]:
    """What a program of the environment says in a folder of the clone."""
    program, *arguments = command
    path = clone / "environment" / "bin" / program
    return subprocess.run([path, *arguments], cwd=clone / folder, capture_output=True, text=True, check=False)


def test_the_library_needs_none_of_the_apps_packages(clone: Path) -> None:
    found = said(clone, "python", "-c", NAMES, folder="environment")
    assert (found.returncode, found.stdout.strip()) == (0, "[]"), found.stderr
    assert said(clone, "aatviz", "systems").returncode == 0
    app = said(clone, "aatviz", "app")
    assert app.returncode == 1
    assert "run `pip install .[app]`" in app.stderr


def test_with_its_packages_the_app_opens(clone: Path) -> None:
    subprocess.run([clone / "environment" / "bin" / "pip", "install", ".[app]"], cwd=clone / "aatviz", check=True)
    port = free_port()
    command = [clone / "environment" / "bin" / "aatviz", "app", "--port", str(port)]
    with subprocess.Popen(command, cwd=clone / "aatviz", env=os.environ | {"DISPLAY": ""}) as server:
        try:
            deadline = time.monotonic() + PATIENCE
            while not _well(port):
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
        finally:
            server.terminate()


def _well(port: int) -> bool:
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).status == 200)
    except (urllib.error.URLError, OSError):
        return False
