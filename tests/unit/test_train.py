"""The training loop: bit-identical after a kill -9, the best weights kept, and other recipes or weights refused."""

import dataclasses
import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_runs import DATASET, JOBS, history, kill, weights
from torch import Tensor, nn

from aatviz import recipes
from aatviz.recipes import Job
from aatviz.runtime.files import read_tensors, write_tensors
from aatviz.store.weights import read_note
from aatviz.train import loop
from aatviz.train.learner import Learner
from aatviz.train.loop import Progress, train
from aatviz.train.steps import Visit

pytestmark = pytest.mark.slow


class Stop(Exception):
    pass


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the two AAT jobs that nothing disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    for name in ("shared", "detector-3"):
        train(JOBS[name], DATASET, folder)
    return folder


@pytest.mark.parametrize(("name", "place"), [("shared", "between two saves"), ("detector-3", "while saving")])
def test_after_a_kill_the_same_call_resumes_and_ends_with_the_same_bits(
    name: str, place: str, uninterrupted: Path, tmp_path: Path
) -> None:
    kill(name, tmp_path, place)
    assert not (tmp_path / f"{name}.safetensors").exists()
    assert read_tensors(tmp_path / "state" / f"{name}.safetensors")[1]["step"] == 6

    seen: list[int] = []
    final = train(JOBS[name], DATASET, tmp_path, report=lambda progress: seen.append(progress.step))
    assert seen == [7, 8, 9, 10, 11, 12]
    expected, found = weights(uninterrupted / final.name), weights(final)
    assert found.keys() == expected.keys()
    for key in expected:
        assert torch.equal(found[key], expected[key]), key
    assert history(tmp_path, name) == history(uninterrupted, name)
    assert not (tmp_path / "state" / f"{name}.safetensors").exists()


def test_training_changes_the_weights_and_every_job_has_its_own(uninterrupted: Path, tmp_path: Path) -> None:
    other = dataclasses.replace(JOBS["detector-3"], seed=99)
    again = weights(train(other, DATASET, tmp_path))
    assert any(
        not torch.equal(value, again[key]) for key, value in weights(uninterrupted / "detector-3.safetensors").items()
    )


@pytest.mark.parametrize("name", ["shared", "detector-3"])
def test_a_history_row_has_natural_and_adversarial_scores_of_both_parts(name: str, uninterrupted: Path) -> None:
    rows = history(uninterrupted, name)
    assert [row["step"] for row in rows] == ([6, 12] if name == "shared" else [12])
    for row in rows:
        scores = {key: value for key, value in row.items() if key != "step"}
        assert set(scores) == {f"{part}_{kind}" for part in ("validation", "train") for kind in ("natural", "adversarial")}
        assert all(0 <= value <= 1 for value in scores.values())
        assert row["validation_adversarial"] < row["validation_natural"]


def test_a_weight_file_says_what_it_was_made_from(uninterrupted: Path) -> None:
    _, note = read_tensors(uninterrupted / "shared.safetensors")
    job = JOBS["shared"]
    assert note["recipe"] == json.loads(json.dumps(dataclasses.asdict(job)))
    assert note["recipe_hash"] == recipes.digest(job)
    assert {"dataset", "data_hash", "seconds", "device", "precision", "torch"} <= note.keys()


def test_a_finished_job_is_not_trained_again(uninterrupted: Path) -> None:
    before = (uninterrupted / "shared.safetensors").stat().st_mtime_ns
    seen: list[Progress] = []
    assert train(JOBS["shared"], DATASET, uninterrupted, report=seen.append) == uninterrupted / "shared.safetensors"
    assert seen == []
    assert (uninterrupted / "shared.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("finished", [True, False])
def test_the_run_of_another_recipe_is_refused(finished: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    job = JOBS["classifier"]

    def stop(progress: Progress) -> None:
        if progress.step == 2 and not finished:
            raise Stop

    if finished:
        train(job, DATASET, tmp_path)
    else:
        with pytest.raises(Stop):
            train(job, DATASET, tmp_path, report=stop)
    other = dataclasses.replace(job, learning_rate=1e-4)
    with pytest.raises(ValueError, match=r"another recipe than today's classifier\. Move it away.*--out") as error:
        train(other, DATASET, tmp_path)
    assert "classifier.safetensors" in str(error.value)


def test_a_run_that_was_begun_from_other_weights_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its card would say that it starts from weights that it never saw."""
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    job = dataclasses.replace(JOBS["detector-3"], start_from="begin.safetensors")
    begin, state = tmp_path / "begin.safetensors", tmp_path / "state" / "detector-3.safetensors"

    def stop(progress: Progress) -> None:
        if progress.step == 2:
            raise Stop

    for seed in (1, 2):
        train(dataclasses.replace(JOBS["detector-3"], seed=seed), DATASET, tmp_path / str(seed))
    begin.write_bytes((tmp_path / "1" / "detector-3.safetensors").read_bytes())
    with pytest.raises(Stop):
        train(job, DATASET, tmp_path, report=stop)
    begin.write_bytes((tmp_path / "2" / "detector-3.safetensors").read_bytes())
    with pytest.raises(ValueError, match="begun with other starting weights than there are now"):
        train(job, DATASET, tmp_path)
    assert state.exists()
    begin.write_bytes((tmp_path / "1" / "detector-3.safetensors").read_bytes())
    train(job, DATASET, tmp_path)


def test_a_start_that_was_trained_again_is_the_same_start_whatever_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its note says how long it took; the second of two trainings in one folder must not spoil the first one's."""
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    job = dataclasses.replace(JOBS["classifier"], start_from="stage/classifier.safetensors")
    stage = train(dataclasses.replace(JOBS["classifier"], name="stage/classifier"), DATASET, tmp_path)

    def stop(progress: Progress) -> None:
        if progress.step == 2:
            raise Stop

    def again(seconds: float) -> None:
        tensors, note = read_tensors(stage)
        write_tensors(stage, tensors, note | {"seconds": seconds})

    with pytest.raises(Stop):
        train(job, DATASET, tmp_path, report=stop)
    again(1000.0)
    final = train(job, DATASET, tmp_path)
    again(2000.0)
    assert train(job, DATASET, tmp_path) == final


def test_a_state_that_a_kill_left_beside_finished_weights_is_removed(uninterrupted: Path, tmp_path: Path) -> None:
    shutil.copytree(uninterrupted, tmp_path / "run")
    write_tensors(tmp_path / "run" / "state" / "shared.safetensors", {}, {})
    train(JOBS["shared"], DATASET, tmp_path / "run")
    assert not list((tmp_path / "run" / "state").iterdir())


def test_finished_weights_are_kept_as_long_as_those_they_began_from_are_the_same_or_gone(tmp_path: Path) -> None:
    """Without data: the folder of a data set that does not exist is not read."""
    job = dataclasses.replace(JOBS["classifier"], start_from="stage/classifier.safetensors")
    stage = train(dataclasses.replace(JOBS["classifier"], name="stage/classifier"), DATASET, tmp_path)
    final = train(job, DATASET, tmp_path)
    assert train(job, "no-such-data", tmp_path) == final
    other = train(dataclasses.replace(JOBS["classifier"], seed=99), DATASET, tmp_path / "other")
    stage.write_bytes(other.read_bytes())
    with pytest.raises(ValueError, match=r"was begun with other starting weights than .*stage/classifier.* holds now"):
        train(job, "no-such-data", tmp_path)
    stage.unlink()
    assert train(job, "no-such-data", tmp_path) == final


@pytest.mark.parametrize(("name", "criterion"), [("classifier", "natural"), ("robust", "adversarial")])
def test_the_weights_of_the_best_validation_score_are_kept(
    name: str, criterion: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripted scores, best at the second of three evaluations; the other score and the training's say otherwise."""
    script = iter([0.5, 0.0, 0.9, 0.0, 0.7, 0.0])  # validation and training in turn
    snapshots: list[dict[str, Tensor]] = []

    def scripted(job: Job, network: nn.Module, *_: Any) -> dict[str, float]:
        score = next(script)
        snapshots.append({key: value.detach().half() for key, value in network.state_dict().items()})
        return {"natural": 1 - score, "adversarial": 1 - score} | {criterion: score}

    monkeypatch.setattr(loop, "evaluate", scripted)
    kept = weights(train(dataclasses.replace(JOBS[name], evaluations=3), DATASET, tmp_path))
    for key, value in snapshots[2].items():
        assert torch.equal(kept[key], value)
    assert any(not torch.equal(kept[key], value) for key, value in snapshots[4].items())


def test_progress_counts_the_steps_and_ends_with_no_time_left(tmp_path: Path) -> None:
    seen: list[Progress] = []
    train(JOBS["classifier"], DATASET, tmp_path, report=seen.append)
    assert [progress.step for progress in seen] == list(range(1, 13))
    assert [progress.step for progress in seen if progress.score] == [6, 12]
    assert seen[-1].seconds_left == 0
    assert all(progress.seconds_left > 0 for progress in seen[:-1])
    assert seen[-1].loss is not None
    assert math.isfinite(seen[-1].loss)


def test_the_seconds_of_training_are_those_of_its_updates_and_evaluations_are_counted_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that an update moves by 1 second and each of the two parts of an evaluation by 100; twice, for a stage."""
    clock = [0.0]
    update = Learner.update

    def slow_update(self: Learner, visit: Visit) -> tuple[Tensor, Tensor | None]:
        clock[0] += 1
        return update(self, visit)

    def slow_evaluation(*_: Any) -> dict[str, float]:
        clock[0] += 100
        return {"natural": 0.5, "adversarial": 0.5}

    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(loop, "seconds_spent", lambda device: clock[0])
    monkeypatch.setattr(Learner, "update", slow_update)
    monkeypatch.setattr(loop, "evaluate", slow_evaluation)
    job = dataclasses.replace(JOBS["classifier"], start_from="stage/classifier.safetensors")
    stage = train(dataclasses.replace(JOBS["classifier"], name="stage/classifier"), DATASET, tmp_path)
    final = train(job, DATASET, tmp_path)
    rows = json.loads((tmp_path / "history" / "classifier.json").read_text())
    assert [(row["seconds"], row["evaluation_seconds"]) for row in rows] == [(6, 200), (12, 200)]
    for file, times in ((stage, 1), (final, 2)):
        note = read_note(file)
        assert (note["seconds"], note["evaluation_seconds"]) == (12 * times, 400 * times)


def test_after_a_stage_whose_time_is_one_sum_the_evaluations_are_not_told_apart_either(tmp_path: Path) -> None:
    """As the notes of the first weights were."""
    first = dataclasses.replace(recipes.get("tiny").job("classifier"), name="stage/classifier")
    job = dataclasses.replace(first, name="classifier", start_from="stage/classifier.safetensors")
    stage = train(first, DATASET, tmp_path)
    tensors, note = read_tensors(stage)
    del note["evaluation_seconds"]
    write_tensors(stage, tensors, note | {"seconds": 1000.0})
    found = read_note(train(job, DATASET, tmp_path))
    assert found["seconds"] > 1000
    assert "evaluation_seconds" not in found
