"""The training benchmark: times without evaluations, the target, the picture, and both measurements on a tiny scale."""

import dataclasses
from pathlib import Path
from xml.etree import ElementTree

import pytest

from aatviz.recipes import AttackSpec
from benchmarks.training import candidates, curve, speed

HISTORY = [
    {"seconds": 100.0, "evaluation_seconds": 30.0, "validation_adversarial": 0.995},
    {"seconds": 230.0, "evaluation_seconds": 20.0, "validation_adversarial": 0.9981},
    {"seconds": 350.0, "evaluation_seconds": 20.0, "validation_adversarial": 0.9979},
]


def test_the_seconds_of_a_curve_are_those_of_training_alone() -> None:
    points = curve.curve(HISTORY)
    assert points == [(100.0, 0.995), (200.0, 0.9981), (300.0, 0.9979)]
    assert curve.reached(points) == 200.0
    assert curve.reached(points[:1]) is None


def test_candidates_differ_and_are_told_apart_in_words() -> None:
    words = [curve.about(job) for job in candidates.CANDIDATES]
    assert len(set(words)) == len(words) == len(set(candidates.names()))
    assert curve.about(candidates.get("replayed")) == (
        "Adam 4 x 0.15, batches of 192, each 2 times in a row, images moved by a pixel, weights averaged (0.995); "
        "5,000 updates"
    )
    assert all(job.start_from is None for job in candidates.CANDIDATES)


def test_a_candidate_is_trained_and_a_second_call_only_reads(tmp_path: Path) -> None:
    few = AttackSpec(eps=0.3, step_size=0.1, steps=1)
    tiny = {"width": 16, "batch": 20, "steps": 4, "evaluations": 2, "validation_count": 5}
    job = dataclasses.replace(candidates.SHIPPED, attack=few, validation_attack=few, **tiny)  # type: ignore[arg-type]
    row = curve.run(job, "mnist-sample", tmp_path)
    assert len(row["points"]) == 2
    assert all(seconds >= 0 and 0 < auc < 1 for seconds, auc in row["points"])
    assert curve.run(job, "mnist-sample", tmp_path) == row


def test_table_and_picture_show_every_candidate() -> None:
    points = curve.curve(HISTORY)
    found = {
        "fast": {"about": "few steps", "points": points, "seconds_to_target": 200.0},
        "slow": {"about": "many steps", "points": points[:1], "seconds_to_target": None},
    }
    lines = curve.table(found).splitlines()
    assert lines[1].split()[:4] == ["fast", "200", "300", "0.99790"]
    assert lines[2].split()[:2] == ["slow", "never"]
    root = ElementTree.fromstring(curve.svg(found))
    lines_drawn = [line.get("points", "").split() for line in root.findall("{*}polyline")]
    assert [len(line) for line in lines_drawn] == [3, 1]
    x = [float(point.split(",")[0]) for point in lines_drawn[0]]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    heights = {text.text: float(text.get("y", 0)) for text in root.findall("{*}text")}
    assert heights["1.000"] < heights["0.998"] < heights["0.990"]


def test_the_speed_inside_training_is_measured_beside_the_engine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = {"shared": ("tiny", "shared"), "separate": ("tiny-separate", "detector-3")}
    monkeypatch.setattr(speed, "JOBS", jobs)
    found = speed.run(rounds=1, updates=1)
    for row in found.values():
        assert row["engine"] > 0
        assert row["inside"] == pytest.approx(row["ratio"] * row["engine"])
        assert row["whole"] == pytest.approx(row["whole_ratio"] * row["engine"])
    assert [line.split()[0] for line in speed.table(found).splitlines()] == ["bank", "shared", "separate"]
