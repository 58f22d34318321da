"""docs/extending.md followed to the letter, in a copy of the package."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.followed import ROOT, copied, run
from tests.made_systems import PETS, write_classes

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
PARTS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
SAID = {
    "A data set, without code": r"pets-tiny|curves",
    "A data set that everybody gets": r"perturbation: Linf",
    "A network": r"perturbation: Linf",
    "An attack": r"FGSM: \d+%\nPGD: (100|83)%",
    "An evaluation": r"## noise\n(.|\n)*\| accuracy under noise \| n \|",
}
"""The parts of the page, and what the last block of each prints."""


def patched(text: str, change: str) -> str:
    """The text after a change in the page's notation: hunks of lines that stay, go (-) and come (+), with "..." between."""
    for hunk in re.split(r"^\.\.\.\n", change, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] or line for line in lines if not line.startswith("+"))
        after = "".join(line[1:] or line for line in lines if not line.startswith("-"))
        assert text.count(before) == 1, f"docs/extending.md changes what is there {text.count(before)} times:\n{before}"
        text = text.replace(before, after)
    return text


def write_files(part: str, folder: Path) -> None:
    """Every file that the part names, new or changed."""
    for kind, name, content in re.findall(r"^```(python|diff) (\S+)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL):
        file = folder / name
        assert file.exists() == (kind == "diff"), name
        file.write_text(
            content if kind == "python" else patched(file.read_text(encoding="utf-8"), content), encoding="utf-8"
        )


def test_every_part_of_the_page_is_followed() -> None:
    assert list(PARTS) == [*SAID, "Tests"]


def test_every_change_fits_the_code_of_today(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "aatviz", tmp_path / "aatviz", ignore=shutil.ignore_patterns("__pycache__"))
    for part in PARTS.values():
        write_files(part, tmp_path)
    check = [sys.executable, "-m", "ruff", "check", "--config", ROOT / "pyproject.toml", "aatviz"]
    said = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("name", SAID)
@pytest.mark.long
def test_what_the_page_says_works(name: str, tmp_path: Path) -> None:
    copied(tmp_path)
    write_classes(tmp_path / "photos", PETS, 30, (20, 26))
    write_files(PARTS[name], tmp_path)
    found = re.findall(r"^```(sh|python)\n(.*?)^```$", PARTS[name], re.MULTILINE | re.DOTALL)
    outputs = [run(language, code, tmp_path) for language, code in found]
    assert re.search(SAID[name], outputs[-1]), outputs[-1]
