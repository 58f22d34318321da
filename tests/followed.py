"""Documentation followed to the letter: the commands and the Python of a page, run in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = "mnist-linf-0.3-shared"


def copied(folder: Path) -> None:
    """The package and one shipped system, as in a checkout."""
    shutil.copytree(ROOT / "aatviz", folder / "aatviz", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / SHIPPED).symlink_to(ROOT / "checkpoints" / SHIPPED)


def run(language: str, code: str, folder: Path) -> str:
    """What a block of "sh" or "python" prints, from inside such a copy. AssertionError, with all it said, where it fails."""
    variables = os.environ | {"PYTHONPATH": str(folder), "AATVIZ_DATA": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    variables.pop("AATVIZ_CHECKPOINTS", None)
    script = f'set -e; aatviz() {{ "{sys.executable}" -m aatviz.cli "$@"; }}\n{code}'
    command = ["bash", "-c", script] if language == "sh" else [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def blocks(text: str, language: str) -> list[str]:
    """The code of a page in one language; "" for blocks without one."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
