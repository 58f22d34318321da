"""README and docs: short enough, every link leads somewhere, and what they print runs as printed."""

import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest

import aatviz
from aatviz.attacks.objectives import LOSSES
from tests.followed import ROOT, blocks, copied, run
from tests.made_systems import PETS, write_classes

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) <= 120
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_link_to_a_file_leads_somewhere(name: str) -> None:
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(((?!https?:)[^)#]*)", text) + re.findall(r'src="((?!https?:)[^"]*)"', text)
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.weights
def test_the_python_of_the_readme_runs_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks(README, "python")
    assert len(code.splitlines()) <= 10
    exec(code, {})
    assert re.match(r"tensor\(\[", capsys.readouterr().out)


@pytest.mark.slow
def test_the_commands_of_the_readme_run_as_printed(tmp_path: Path) -> None:
    copied(tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()  # "aatviz" is a function of the script, with the Python of this test
    write_classes(tmp_path / "made" / "photos", PETS, 30, (20, 26))
    with tarfile.open(tmp_path / "photos.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "made" / "photos", "photos")
    _, commands = blocks(README, "")
    said = run("sh", commands, tmp_path)
    assert "pets-tiny: curves is in" in said
    assert "perturbation: Linf" in said


def test_make_has_the_commands_that_are_told() -> None:
    first, _ = blocks(README, "")
    told = re.findall(
        r"^make (\S+)", first + "\n".join(blocks((ROOT / "CONTRIBUTING.md").read_text("utf-8"), "")), re.MULTILINE
    )
    assert set(told) == {"app", "test", "test-long", "check", "check-deployment"}
    for target in told:
        said = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
    assert "pip install -r requirements.txt -e ." in README
    assert "pip install -r requirements.txt -e ." in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_loss_is_in_the_glossary() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert [loss for loss in LOSSES if f"`{loss}`" not in text] == []


def test_package_changelog_and_citation_name_the_same_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (newest, date), *_ = re.findall(r"^## (\S+) \((\S+)\)$", changelog, re.MULTILINE)
    assert newest == aatviz.__version__
    assert f"version: {newest}\ndate-released: {date}" in citation
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dynamic"].count("version") == 1
