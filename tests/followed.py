"""Documentation followed to the letter: the commands and the Python of a page, run in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests import quick_python

ROOT = Path(__file__).parents[1]
SHIPPED = "mnist-linf-0.3-shared"


def copied(folder: Path) -> None:
    """The package and one shipped system, as in a checkout."""
    shutil.copytree(ROOT / "aatviz", folder / "aatviz")  # with what Python has compiled, which is good for the copies too
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / SHIPPED).symlink_to(ROOT / "checkpoints" / SHIPPED)


def run(language: str, code: str, folder: Path) -> str:
    """What a block of "sh" or "python" prints, from inside such a copy. AssertionError, with all it said, where it fails."""
    variables = {"PYTHONPATH": str(folder), "AATVIZ_DATA": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    variables |= {"AATVIZ_CHECKPOINTS": ""}
    if language == "python":
        done = quick_python.run("-c", code, cwd=folder, **variables)
    else:
        python = f'"{sys.executable}" -S "{quick_python.__file__}" "{quick_python.server()}"'
        script = ["bash", "-c", f'set -e; aatviz() {{ {python} -m aatviz.cli "$@"; }}\n{code}']
        done = subprocess.run(script, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def blocks(text: str, language: str) -> list[str]:
    """The code of a page in one language; "" for blocks without one."""
    every = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [code for found, code in every if found == language]
