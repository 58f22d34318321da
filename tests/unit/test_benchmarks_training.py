"""The training benchmark: times without evaluations, the target, the picture, and both measurements on a tiny scale."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from torch import Tensor

import aatviz
from aatviz.recipes import AttackSpec, Job
from aatviz.runtime.files import read_json
from aatviz.store.systems import system_folder
from aatviz.train import steps
from aatviz.train.learner import Learner
from aatviz.train.steps import Visit
from benchmarks.training import candidates, curve, picture, speed

pytestmark = pytest.mark.slow

CURVES = {
    "fast": {"about": "few steps", "after": None, "points": [(10, 0.995), (20, 0.9981), (30, 0.9979)]},
    "slow": {"about": "many steps", "after": None, "points": [(10, 0.995)]},
    "more": {"about": "ten", "after": "fast", "points": [(100, 0.9985)]},
}
PACE = {"fast": 10.0, "slow": 20.0, "more": 0.5}


def test_the_seconds_of_a_curve_are_those_of_its_updates_and_of_what_it_starts_from() -> None:
    assert curve.timed(CURVES, PACE, "fast") == [(100.0, 0.995), (200.0, 0.9981), (300.0, 0.9979)]
    assert curve.timed(CURVES, PACE, "more") == [(300.0, 0.9979), (350.0, 0.9985)]
    assert curve.reached(curve.timed(CURVES, PACE, "fast")) == 200.0
    assert curve.reached(curve.timed(CURVES, PACE, "slow")) is None


def test_candidates_differ_and_are_told_apart_in_words() -> None:
    words = [curve.about(job) for job in candidates.CANDIDATES]
    assert len(set(words)) == len(words) == len(set(candidates.names())) - 1  # and the separate detectors
    assert curve.about(candidates.get("replayed")) == (
        "Adam 4 x 0.15, batches of 192, each 2 times in a row, images moved by a pixel, weights averaged (0.995); "
        "2,400 updates"
    )
    assert curve.about(candidates.get("from-the-image")) == (
        "in turns Adam 4 x 0.15 and Adam 4 x 0.15 from the image itself, batches of 192, each 2 times in a row, "
        "images moved by a pixel, weights averaged (0.995); 2,400 updates"
    )
    assert {job.name for job in candidates.CANDIDATES if job.start_from} == {"finished"}


def _tiny(job: Job) -> Job:
    few = AttackSpec(eps=0.3, step_size=0.1, steps=1)
    tiny = {"width": 16, "batch": 20, "steps": 4, "evaluations": 2, "validation_count": 5}
    return dataclasses.replace(job, attack=few, validation_attack=few, **tiny)  # type: ignore[arg-type]


@pytest.mark.long
def test_a_candidate_that_begins_from_anothers_bank_says_so(tmp_path: Path) -> None:
    first = _tiny(candidates.get("from-the-image"))
    curve.run(first, "mnist-sample", tmp_path)
    row = curve.run(_tiny(candidates.get("finished")), "mnist-sample", tmp_path)
    assert row["after"] == "from-the-image"
    assert row["about"].startswith("from the bank of `from-the-image`: Adam 1 x 0.1")


@pytest.mark.long
def test_a_candidate_is_trained_and_a_second_call_only_reads(tmp_path: Path) -> None:
    job = _tiny(candidates.SHIPPED)
    row = curve.run(job, "mnist-sample", tmp_path)
    assert len(row["points"]) == 2
    assert all(seconds >= 0 and 0 < auc < 1 for seconds, auc in row["points"])
    assert curve.run(job, "mnist-sample", tmp_path) == row
    tested = curve.test(job, "mnist-sample", tmp_path / f"{job.name}.safetensors", 5)
    assert 0 < tested["adversarial"] < 1
    assert tested["n"] == 5
    assert curve.tests({"tiny": tested})[0].startswith(f"tiny: mean AUC {tested['adversarial']:.5f}")


def test_the_shipped_bank_is_read_from_its_history() -> None:
    row = curve.shipped(candidates.COSINES, system_folder(candidates.SYSTEM) / "history" / "shared.json")
    assert [updates for updates, _ in row["points"]] == [5500, 6500, 7500]
    assert row["points"][-1][1] == pytest.approx(0.99879, abs=1e-5)
    assert "4,500 updates, then 3,000" in row["about"]


@pytest.mark.long
def test_separate_detectors_go_on_from_the_shared_bank_and_its_seconds(tmp_path: Path) -> None:
    first = _tiny(candidates.get(candidates.FIRST))
    shared = curve.run(first, "mnist-sample", tmp_path)
    jobs = [_tiny(job) for job in candidates.DETECTORS[:2]]
    row = curve.run_separate(jobs, "mnist-sample", tmp_path, candidates.FIRST)
    alone = [read_json(tmp_path / "history" / f"{job.name}.json") for job in jobs]
    assert [updates for updates, _ in row["points"]] == [4, 8]
    for (_, auc), one, other in zip(row["points"], *alone, strict=True):
        assert auc == pytest.approx((one["validation_adversarial"] + other["validation_adversarial"]) / 2)
    assert row["about"].startswith("2 detectors, each finetuned from the bank of `five-steps`: Adam 1 x 0.1")
    assert shared["points"][-1][1] != row["points"][-1][1]


class Clock:
    """In the place of `time.perf_counter`: moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(speed.time, "perf_counter", lambda: self.now)

    def slow(self, call: Callable[..., Any], seconds: Iterable[float]) -> Callable[..., Any]:
        """The same call, which takes these seconds, one after the other."""
        left = iter(seconds)

        def slower(*arguments: Any, **settings: Any) -> Any:
            self.now += next(left)
            return call(*arguments, **settings)

        return slower


def test_the_pace_of_candidates_is_measured_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rounds after one that warms up; an update of the second job takes three times as long."""
    jobs = {"plain": _tiny(candidates.SHIPPED), "replayed": _tiny(candidates.get("replayed"))}
    order: list[str] = []

    def update(self: Learner, visit: Visit) -> tuple[Tensor, Tensor | None]:
        order.append("replayed" if self.job.replay > 1 else "plain")
        return torch.zeros(()), visit.x

    seconds = [50, 50, 70, 70, 2, 2, 6, 6, 4, 4, 12, 12]
    monkeypatch.setattr(Learner, "update", Clock(monkeypatch).slow(update, seconds))
    assert speed.pace(jobs, rounds=2, updates=2) == {"plain": 3.0, "replayed": 9.0}
    assert order == ["plain", "plain", "replayed", "replayed"] * 3


def test_the_turns_of_several_inner_attacks_are_all_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is used twice with one attack; rounds of three updates become rounds of four, both turns each."""
    job = _tiny(candidates.get("from-the-image"))
    few = AttackSpec(eps=0.3, step_size=0.1, steps=1)
    job = dataclasses.replace(job, attack=(few, dataclasses.replace(few, random_start=True)))
    used: list[bool] = []
    plain = steps.attack

    def watch(spec: AttackSpec, *rest: Any) -> Tensor:
        used.append(spec.random_start)
        return plain(spec, *rest)

    monkeypatch.setattr(steps, "attack", watch)
    speed.pace({"turns": job}, rounds=1, updates=3)
    assert used == [False, False, True, True] * 2


def test_table_and_picture_show_every_candidate() -> None:
    points = {name: curve.timed(CURVES, PACE, name) for name in CURVES}
    rows = {n: {**CURVES[n], "timed": points[n], "seconds_to_target": curve.reached(points[n])} for n in CURVES}
    lines = curve.table(rows).splitlines()
    assert lines[1].split()[:4] == ["fast", "200", "300", "0.99790"]
    assert lines[2].split()[:2] == ["slow", "never"]
    assert lines[3].split()[:4] == ["more", "350", "350", "0.99850"]
    root = ElementTree.fromstring(picture.svg(points, "2 cores"))
    lines_drawn = [line.get("points", "").split() for line in root.findall("{*}polyline")]
    assert [len(line) for line in lines_drawn] == [3, 1, 2]
    x = [float(point.split(",")[0]) for point in lines_drawn[0]]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    heights = {text.text: float(text.get("y", 0)) for text in root.findall("{*}text")}
    assert heights["1.000"] < heights["0.998"] < heights["0.990"]
    assert "minutes of training on 2 cores" in heights


def test_every_candidate_has_a_color_a_dash_and_a_marker_of_its_own() -> None:
    points = {name: [(60.0, 0.995), (120.0, 0.996)] for name in candidates.names()}
    root = ElementTree.fromstring(picture.svg(points, "2 cores"))
    lines = root.findall("{*}polyline")
    markers = root.findall("{*}path")[::2]
    assert len({line.get("stroke") for line in lines}) == len(points)
    assert len({line.get("stroke-dasharray") for line in lines}) == len(points)
    assert len({(path.get("d"), path.get("fill") == "#fff") for path in markers}) == len(points)
    legend = root.find("{*}g")
    assert legend is not None
    assert [text.text for text in legend.findall("{*}text")] == list(points)
    assert [line.get("stroke") for line in legend.findall("{*}polyline")] == [line.get("stroke") for line in lines]


def test_the_speed_inside_training_is_measured_beside_the_engine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = {"shared": ("tiny", "shared"), "separate": ("tiny-separate", "detector-3")}
    monkeypatch.setattr(speed, "JOBS", jobs)
    clock = Clock(monkeypatch)
    first_and_warm_up = [50, 50]
    monkeypatch.setattr(steps, "attack", clock.slow(steps.attack, 2 * [*first_and_warm_up, 2]))
    monkeypatch.setattr(Learner, "update", clock.slow(Learner.update, 2 * [*first_and_warm_up, 3]))
    monkeypatch.setattr(aatviz, "pgd", clock.slow(aatviz.pgd, 2 * [50, 1]))
    found = speed.run(rounds=1, updates=1)
    y = aatviz.load_data("mnist", split="sample")[1].split(64)
    threes = [int((y[batch] == 3).sum()) for batch in range(2)]  # the engine attacks as many as the first batch had
    for kind, before, n, positives in (("shared", 32, 32, 32), ("separate", threes[0], threes[1], threes[1])):
        row = found[kind]
        assert row["images"] == n
        assert row["engine"] == pytest.approx(3 * before / 1)
        assert row["inside"] == pytest.approx(3 * n / 2)
        assert row["ratio"] == pytest.approx(3 * n / 2 / (3 * before))
        assert row["whole"] == pytest.approx((3 * n + 1.5 * (n + positives)) / (2 + 3))
        assert row["whole_ratio"] == pytest.approx(row["whole"] / (3 * before))
        assert row["updates_per_second"] == pytest.approx(1 / 5)
    assert [line.split()[0] for line in speed.table(found).splitlines()] == ["bank", "shared", "separate"]
