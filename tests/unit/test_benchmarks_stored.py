"""The training benchmark's file: two runs at once lose nothing, rows of other recipes go, and what is not there is said."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from aatviz import recipes
from aatviz.runtime.files import read_json, write_json
from benchmarks.training import __main__ as command
from benchmarks.training import candidates, curve, speed, stored

ROW = {"about": "words", "after": None, "points": [(100, 0.99), (200, 0.9985)]}
TEST = {"n": 5, "adversarial": 0.99, "natural": 0.999}
OLD = {"recipe_hash": "0123456789abcdef"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "training.json"


def run(file: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Path:
    """The command as typed, with its picture beside the file; returns the picture's path."""
    picture = file.with_suffix(".svg")
    words = ["benchmarks.training", *arguments, "--json", str(file), "--picture", str(picture), "--threads", "1"]
    monkeypatch.setattr("sys.argv", words)
    command.main()
    return picture


def test_a_row_that_another_run_writes_meanwhile_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(name: str) -> dict[str, Any]:
        stored.add(file, "tests", "replayed", TEST)  # another process is done while the curve is made
        return ROW | {"about": name}

    monkeypatch.setattr(command, "_curve", slow)
    run(file, monkeypatch, "curve", "short", "five-steps")
    found = read_json(file)
    assert {name: row["about"] for name, row in found["curves"].items()} == {"short": "short", "five-steps": "five-steps"}
    assert found["tests"]["replayed"]["adversarial"] == 0.99


def test_every_row_has_the_hash_of_its_recipe(file: Path) -> None:
    for name in ("short", "shipped", "separate"):
        stored.add(file, "curves", name, ROW)
        stored.add(file, "tests", name, TEST)
    hashes = {
        section: {name: row["recipe_hash"] for name, row in read_json(file)[section].items()} for section in stored.SECTIONS
    }
    short, separate = recipes.digest(candidates.get("short")), recipes.digest(candidates.DETECTORS[0])
    shipped, second = recipes.digest(candidates.SHIPPED), recipes.digest(candidates.COSINES[1])
    assert hashes["curves"] == {"short": short, "shipped": shipped, "separate": separate}
    assert hashes["tests"] == {"short": short, "shipped": second, "separate": separate}
    assert len({short, separate, shipped, second}) == 4


def test_the_rows_of_another_recipe_go_when_their_name_is_written_and_are_not_shown_until_then(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("short", "replayed"):
        stored.add(file, "curves", name, ROW)
        stored.add(file, "tests", name, TEST)
    stored.put(file, pace={"threads": 2, "seconds": {"short": 1.0, "replayed": 2.0}})
    command.show(file, file.with_suffix(".svg"))
    assert capsys.readouterr().err == ""
    assert read_json(file)["curves"]["short"]["seconds_to_target"] == 200.0

    changed = tuple(dataclasses.replace(job, seed=99) if job.name == "short" else job for job in candidates.CANDIDATES)
    monkeypatch.setattr(candidates, "CANDIDATES", changed)
    command.show(file, file.with_suffix(".svg"))
    shown = capsys.readouterr()
    assert "short" not in shown.out
    assert shown.out.count("replayed") == 2
    assert "curves: left out, as they are of other recipes than today's: short" in shown.err
    assert "tests: left out, as they are of other recipes than today's: short" in shown.err
    assert ">replayed<" in file.with_suffix(".svg").read_text()
    assert ">short<" not in file.with_suffix(".svg").read_text()
    assert not set(curve.TIMES) & read_json(file)["curves"]["short"].keys()

    stored.add(file, "curves", "short", ROW)
    found = read_json(file)
    assert "tests: the stored row of short is of another recipe than today's, and goes" in capsys.readouterr().err
    assert found["curves"].keys() == {"short", "replayed"}
    assert found["tests"].keys() == {"replayed"}
    assert found["pace"]["seconds"] == {"replayed": 2.0}


@pytest.mark.parametrize("name", ["short", "no-candidate-any-more"])
def test_a_row_without_hash_or_candidate_is_not_shown(name: str) -> None:
    assert stored.todays({"curves": {name: ROW}}, "curves") == {}
    assert stored.todays({"curves": {"no-candidate-any-more": ROW | OLD}}, "curves") == {}


def test_pace_without_a_curve_is_refused_in_a_sentence(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"has no curve whose updates could be timed: python -m benchmarks\.training curve"):
        run(file, monkeypatch, "pace")


def test_pace_leaves_out_what_starts_from_a_bank_that_is_not_there(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed, "pace", lambda jobs, *_: dict.fromkeys(jobs, 0.5))
    stored.add(file, "curves", "separate", ROW | {"after": candidates.FIRST})
    picture = run(file, monkeypatch, "pace")
    assert "the bank that they start from: separate" in capsys.readouterr().err
    assert not picture.exists()
    stored.add(file, "curves", candidates.FIRST, ROW)
    assert "separate" in run(file, monkeypatch, "pace").read_text()
    assert read_json(file)["curves"]["separate"]["timed"][-1] == [200.0, 0.9985]


def test_a_test_without_trained_weights_of_today_is_left_out(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "FOLDER", file.parent)
    tested: list[Path] = []
    monkeypatch.setattr(curve, "test", lambda job, data, weights, n: tested.append(weights) or TEST)
    (file.parent / "short.safetensors").touch()
    notes = {"short": OLD, "shared": {"recipe_hash": recipes.digest(candidates.COSINES[1])}}
    monkeypatch.setattr(command, "read_note", lambda path: notes[path.stem])
    picture = run(file, monkeypatch, "test", "short", "replayed", "separate", "shipped")
    said = capsys.readouterr().err
    assert "short.safetensors was made by another recipe than today's; python -m benchmarks.training curve short" in said
    assert "replayed.safetensors is missing; python -m benchmarks.training curve replayed" in said
    assert "separate is left out: only shared banks are tested" in said
    assert [path.stem for path in tested] == ["shared"]
    assert read_json(file)["tests"].keys() == {"shipped"}
    assert not picture.exists()


def test_an_unknown_entry_of_the_file_is_left_as_it_is(file: Path) -> None:
    write_json(file, {"speed": {"shared": 1}})
    stored.add(file, "curves", "short", ROW)
    stored.put(file, pace={"threads": 1, "seconds": {}})
    assert read_json(file)["speed"] == {"shared": 1}
    assert read_json(file)["target"] == candidates.TARGET
