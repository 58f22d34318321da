"""A recipe of a budget: its name, the steps that fit, ending in time, going on; and one network of both ways to train."""

import dataclasses
from pathlib import Path

import pytest
import torch

from aatviz import recipes
from aatviz.cli import train as command
from aatviz.data import dataset
from aatviz.recipes.budget import SIZES, Budget, budget, read, write
from aatviz.report.watched import PICTURES, Notes, Order, read_notes, train
from aatviz.runtime.files import read_tensors
from aatviz.store.systems import damage, load_system
from aatviz.store.weights import read_note
from aatviz.train import budget as fitting
from aatviz.train import loop
from aatviz.train.budget import LEAST_STEPS, SLACK, Cost, fit

pytestmark = pytest.mark.slow

DIGITS = "mnist-sample@1+7"
QUICK = Budget(steps=10, evaluations=2, size="tiny", name="quick")
NETWORKS = ("classifier", "robust", "shared", "judge")


class Stop(BaseException):
    pass


@pytest.mark.parametrize(
    "settings",
    [
        Budget(),
        Budget(minutes=0.5, size="large", norm="L2", eps="2.5"),
        Budget(steps=700, evaluations=3, eps="8/255", name="pets-0a1b2c3d4e"),
    ],
)
def test_a_name_carries_its_settings(settings: Budget) -> None:
    assert read(write(settings)) == settings


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("budget:minutes=0", "more than 0"),
        ("budget:minutes=x", "is a number"),
        ("budget:steps=3", "10 to"),
        ("budget:size=huge", "tiny, small, large"),
        ("budget:norm=L1", "Linf, L2"),
        ("budget:eps=8", "on the .0,1. scale"),
        ("budget:name=../x", "small letters"),
        ("budget:speed=3", "settings are"),
        ("budget:minutes", "settings are"),
    ],
)
def test_impossible_settings_are_a_sentence(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        recipes.for_dataset(name, dataset(DIGITS))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [DIGITS, "cifar10@sample"])
def test_every_size_fits_every_data_set(size: str, name: str) -> None:
    plan = recipes.for_dataset(f"budget:size={size},steps=20", dataset(name))
    assert tuple(job.name for job in plan.jobs) == NETWORKS
    assert {job.steps for job in plan.jobs} == {20}
    assert {job.outputs for job in plan.jobs} == {len(dataset(name).classes)}
    assert plan.name == write(dataclasses.replace(read(plan.name)))
    again = recipes.for_dataset(plan.name, dataset(name))
    assert again == plan


def test_steps_fill_the_minutes_and_evaluations_take_a_small_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_cost", lambda *_: Cost(step=0.05, evaluation=0.5))
    found, allowed = fit(Budget(minutes=2, size="tiny"), dataset(DIGITS))
    assert found.evaluations == 6
    assert found.steps == int((120 - 4 * 6 * 0.5) / (4 * 0.05))
    assert sum(allowed.values()) == pytest.approx(SLACK * 120, rel=0.01)
    short, _ = fit(Budget(minutes=0.1, size="tiny"), dataset(DIGITS))
    assert (short.steps, short.evaluations) == (10, 2)  # a third of 6 s holds less than one evaluation of all
    least, _ = fit(Budget(minutes=0.01, size="tiny"), dataset(DIGITS))
    assert least.steps == LEAST_STEPS


def test_more_minutes_hold_more_steps_and_given_steps_stay() -> None:
    few, _ = fit(Budget(minutes=0.05, size="tiny"), dataset(DIGITS))
    many, _ = fit(Budget(minutes=10, size="tiny"), dataset(DIGITS))
    assert many.steps > 5 * few.steps
    assert fit(QUICK, dataset(DIGITS))[0] == QUICK


def test_a_training_ends_when_it_is_enough_with_the_best_weights_and_says_so(tmp_path: Path) -> None:
    job = budget(QUICK, dataset(DIGITS)).job("classifier")
    seen: list[int] = []
    file = loop.train(job, DIGITS, tmp_path, report=lambda now: seen.append(now.step), enough=lambda: len(seen) >= 6)
    assert seen[-1] == 7
    assert read_note(file)["ended_at"] == 7
    assert loop.finished(job, tmp_path)
    whole = loop.train(job, DIGITS, tmp_path / "whole")
    assert "ended_at" not in read_note(whole)


def test_the_app_s_training_is_that_of_the_command_line_bit_for_bit(tmp_path: Path) -> None:
    watched = train(None, [Order(write(QUICK), DIGITS, tmp_path / "quick", tmp_path / "notes")], lambda: None)[0]
    notes = read_notes(tmp_path / "notes")
    assert notes is not None
    for name in NETWORKS:  # one at a time, the command trains in this process
        command.train(notes.recipe, DIGITS, tmp_path / "command", name, 1, "cpu")
        mine, other = (read_tensors(folder / f"{name}.safetensors")[0] for folder in (watched, tmp_path / "command"))
        assert all(torch.equal(mine[key], other[key]) for key in mine | other)


def test_a_watched_training_leaves_a_whole_measured_system_and_notes(tmp_path: Path) -> None:
    steps: list[float] = []

    def step() -> None:
        if (notes := read_notes(tmp_path / "notes")) is not None:
            steps.append(notes.share)

    folder = train(
        None, [Order("budget:minutes=0.05,size=tiny,name=ours", DIGITS, tmp_path / "ours", tmp_path / "notes")], step
    )
    notes, system = read_notes(tmp_path / "notes"), load_system(folder[0])
    assert notes is not None
    assert (notes.stage, notes.share, notes.seconds_left) == ("done", 1.0, 0.0)
    assert steps == sorted(steps)
    assert {name: rows[-1]["step"] for name, rows in notes.rows.items()} == dict.fromkeys(NETWORKS, read(notes.recipe).steps)
    assert len(list((tmp_path / "notes" / PICTURES).iterdir())) == len(notes.rows["shared"])
    assert not damage(system.folder, system.card)
    assert not system.lacks("full_bank", "robust_classifier", "judge", "gaussians")
    assert {"detectors", "curves"} <= {*system.card.metrics}


def test_an_ended_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aatviz.report.watched.SAVE_SECONDS", 0.0)
    order = Order(write(QUICK), DIGITS, tmp_path / "quick", tmp_path / "notes")
    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        if calls == 40:  # 16 timed updates, two networks, and four steps of the shared bank
            raise Stop

    with pytest.raises(Stop):
        train(None, [order], step)
    at = read_notes(order.notes)
    assert at is not None
    assert at.stage == "shared"
    folder = train(None, [order], lambda: None)[0]
    whole = train(None, [order._replace(folder=tmp_path / "whole", notes=tmp_path / "other")], lambda: None)[0]
    for name in NETWORKS:
        one, other = (read_tensors(place / f"{name}.safetensors")[0] for place in (folder, whole))
        assert all(torch.equal(one[key], other[key]) for key in one)
    notes = read_notes(order.notes)
    assert notes is not None
    assert [row["step"] for row in notes.rows["shared"]] == [5, 10]


def test_the_time_left_follows_the_plan_first_and_then_the_pace() -> None:
    notes = Notes(recipe="budget:steps=100", planned={"classifier": 10.0, "robust": 30.0}, stage="classifier")
    assert (notes.share, notes.seconds_left) == (0.0, 40.0)
    notes.steps, notes.seconds = {"classifier": 100, "robust": 33}, 40.0  # twice as slow as planned
    assert notes.share == pytest.approx(0.4975)
    assert notes.seconds_left == pytest.approx(40 * (1 - 0.4975) * 2, rel=0.02)


def test_minutes_become_steps_that_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = command._with_steps("budget:minutes=0.05,size=tiny", dataset(DIGITS))
    assert read(found).steps >= LEAST_STEPS
    assert found in capsys.readouterr().out


def test_on_a_machine_that_has_become_slower_networks_end_early_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aatviz.report.watched.SPARE", -1000.0)  # as if all time were spent already
    order = Order(write(QUICK), DIGITS, tmp_path / "quick", tmp_path / "notes")
    folder = train(None, [order], lambda: None)[0]
    notes = read_notes(order.notes)
    assert notes is not None
    assert notes.steps == dict.fromkeys(NETWORKS, 1)
    assert len(notes.said) == len(NETWORKS)
    assert "ended at step 1 of 10" in notes.said[0]
    assert not damage(folder, load_system(folder).card)
