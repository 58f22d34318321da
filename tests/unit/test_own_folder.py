"""A teacher's own photographs: from a folder of three classes to every command, as one would type it."""

import csv
import dataclasses
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from aatviz.cli import app
from aatviz.data import dataset
from aatviz.evaluate import finish, parts
from aatviz.recipes.paper import evaluations_of
from aatviz.store.systems import load_system
from tests.made_systems import PETS, write_classes

pytestmark = pytest.mark.slow

NAME = "pets-tiny"


def aatviz(*arguments: object) -> str:
    """What a command prints; its error where it fails."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def every_command(name: str, folder: Path) -> None:
    """What measures, attacks and shows a system of three classes of pictures, one after the other, in the folder."""
    for recipe in ("detectors", "curves"):
        aatviz("evaluate", name, "--recipe", recipe, "--n", 4, "--device", "cpu")
    report = aatviz("report", name)
    assert "\n## detectors\n" in report
    assert "\n## curves\n" in report
    aatviz("generate", name, "--steps", 2, "--count", 2, "--out", folder / "grown.png")
    with (folder / "grown.csv").open() as file:
        assert len(list(csv.reader(file))) == 1 + 3 * 2 * 3  # a head; classes, samples, models
    with Image.open(folder / "grown.png") as picture:
        assert picture.mode == "RGB"

    said = aatviz("attack", name, "--index", 1, "--eps", 0.1, "--steps", 3)
    assert "perturbation: Linf 0.0300" in said
    aatviz("attack", name, "--victim", "detector", "--detector", 2, "--norm", "L2", "--eps", 1, "--steps", 2)
    aatviz("compare", name, "--steps", 2, "--eps", 0.1, "--out", folder / "pairs.csv")
    assert len((folder / "pairs.csv").read_text().splitlines()) == 1 + 2 * 3 * 3
    assert "in-class, highest" in aatviz("detector", name, "--k", 2, "--count", 3)
    assert "T = 0.5" in aatviz("thresholds", name, "--T", 0.5)
    aatviz("thresholds", name, "--T-per-class", "0,1,-1")


@pytest.mark.long
def test_a_folder_of_photographs_is_trained_on_and_goes_through_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)

    photos = write_classes(tmp_path / "photos", PETS, 30, (20, 26))
    assert "3 classes of 3 x 16 x 24" in aatviz("data", "import", photos, "--name", "pets", "--size", "16x24")
    assert aatviz("data", "check", "pets").count("whole") == 3
    assert "is a complete system" in aatviz("train", "tiny", "--dataset", "pets", "--device", "cpu")
    assert NAME in aatviz("systems")
    system = load_system(NAME)
    assert (system.card.dataset, system.detectors.classes, system.gaussians.classes) == ("pets", (0, 1, 2), 3)
    assert system.card.eps == pytest.approx(8 / 255)

    before = {file.name: file.read_bytes() for file in system.folder.glob("*.safetensors")}
    aatviz("train", "tiny", "--dataset", "pets")  # nothing is trained again
    assert before == {file.name: file.read_bytes() for file in system.folder.glob("*.safetensors")}

    every_command(NAME, tmp_path)
    assert "those that `aatviz train tiny --dataset pets` makes" in (system.folder / "README.md").read_text()


def test_a_system_of_photographs_goes_through_every_command(made_systems: object, tmp_path: Path) -> None:
    """Its evaluations are there already, part by part: no process is started for each of them."""
    system = load_system("pets-made")
    for recipe in ("detectors", "curves"):
        evaluation = dataclasses.replace(evaluations_of(system.card)[recipe], count=4)
        for part in parts(system, evaluation):
            aatviz("evaluate", "pets-made", "--recipe", recipe, "--part", part, "--n", 4, "--device", "cpu")
        finish(system, evaluation)
    every_command("pets-made", tmp_path)


def test_a_recipe_for_any_data_set_says_what_there_is(made_systems: object) -> None:
    with pytest.raises(ValueError, match="there are tiny, small"):
        aatviz("train", "mnist-linf-0.3", "--dataset", "pets")
    with pytest.raises(ValueError, match="no data set 'cats'"):
        aatviz("train", "tiny", "--dataset", "cats")
    assert dataset("pets").shape == (3, 16, 24)
