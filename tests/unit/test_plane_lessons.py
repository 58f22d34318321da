"""The lessons on the Playground: answers follow from what is stored, and a link sets up exactly the models that it means."""

from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import torch

from aatviz.explore.plane import bundled, live, measures
from aatviz.recipes.plane import PlaneSettings
from aatviz.train.validation import logits_of
from aatviz.ui.common import plane_results
from aatviz.ui.lessons import links, pictures, plane_answers
from aatviz.ui.lessons.catalogue import BY_NAME
from aatviz.ui.lessons.lesson import Lesson
from aatviz.ui.lessons.plane import EXERCISE, PLANE_LESSONS
from aatviz.ui.playground import controls

ROOT = Path(__file__).parents[2]


def option(name: str) -> int | None:
    found = plane_answers.answer(BY_NAME[name])
    return found.option if found else None


def store(monkeypatch: pytest.MonkeyPatch, lesson: Lesson, **values: list[float]) -> None:
    """Make up one seed's results for the settings of a lesson: a number each."""
    assert lesson.plane is not None
    measured = dict.fromkeys(("auc", "far", "climbed"), [0.5] * len(lesson.plane.settings)) | values
    rows = [
        {"points": "moons", "model": "shared", "recipe": one.name, "eps": one.eps, "anywhere": one.anywhere, "seeds": 1}
        | {name: [numbers[place]] for name, numbers in measured.items()}
        for place, one in enumerate(lesson.plane.settings)
    ]
    result = {"rows": rows, "attack": {"eps": 0.05, "steps": 100}, "negatives": 500}
    monkeypatch.setattr(plane_results, "stored", lambda: result)


@pytest.mark.parametrize("lesson", PLANE_LESSONS, ids=lambda lesson: lesson.name)
def test_a_link_sets_up_exactly_the_first_settings_and_their_models_are_bundled(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lesson.plane is not None
    given = {param.name: param.read(lesson.link[param.name]) for param in controls.state.params if param.name in lesson.link}
    usual = {param.name: param.default for param in controls.state.params}
    kept = {controls.state.key(name): value for name, value in (usual | given).items()}
    monkeypatch.setattr(st, "session_state", kept)
    assert controls.points() == bundled.POINTS
    assert controls.settings() == lesson.plane.settings[0]
    for settings in lesson.plane.settings:
        assert bundled.trained(bundled.POINTS, settings) is not None
    assert {*lesson.lock, *lesson.hide} <= usual.keys()
    assert len(pictures.maps(lesson)) >= 2


@pytest.mark.parametrize(("auc", "right"), [((0.9, 0.95, 0.99), 0), ((0.95, 0.95, 0.951), 1), ((0.99, 0.95, 0.8), 2)])
def test_what_the_largest_ball_does(auc: tuple[float, ...], right: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, BY_NAME["what-eps-does"], auc=list(auc), far=[0.5, 0.4, 0.25], climbed=[0.125, 0.5, 0.75])
    found = plane_answers.answer(BY_NAME["what-eps-does"])
    assert found is not None
    assert found.option == right
    assert f"{auc[0]:.3f}, {auc[1]:.3f} and {auc[2]:.3f}" in found.why
    assert "50%, 40% and 25% of the square" in found.why
    assert "75% of all cases with the largest ball, in 12%" in found.why


@pytest.mark.parametrize(("far", "right"), [((0.0, 0.05), 0), ((0.4, 0.3), 1), ((0.4, 0.0), 2), ((0.0, 0.4), 3)])
def test_what_negatives_from_anywhere_do(far: tuple[float, ...], right: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, BY_NAME["where-negatives-start"], far=list(far))
    assert option("where-negatives-start") == right


@pytest.mark.parametrize(
    ("natural", "detectors", "right"), [(0.98, 0.99, 0), (0.5, 0.9, 1), (0.9, 0.5, 2), (0.5, 0.55, 3), (0.96, 0.99, 3)]
)
def test_what_an_attack_in_training_is_worth(
    natural: float, detectors: float, right: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    aucs = {"classifier": (1.0, natural), "robust": (1.0, 0.25), "detectors": (1.0, detectors)}
    monkeypatch.setattr(bundled, "trained", lambda *_: {model: (live.State(), pair) for model, pair in aucs.items()})
    found = plane_answers.answer(BY_NAME["why-attack-in-training"])
    assert found is not None
    assert found.option == right
    assert f"**{natural:.3f}** and **{detectors:.3f}**" in found.why


def test_the_answers_quote_what_is_stored() -> None:
    result = plane_results.stored()
    assert result is not None
    for lesson in PLANE_LESSONS[1:]:
        found = plane_answers.answer(lesson)
        assert found is not None
        assert lesson.plane is not None
        for settings in lesson.plane.settings:
            row = plane_results.row(result, "moons", "shared", settings)
            assert row is not None
            assert f"{sum(row['far']) / row['seeds']:.0%}" in found.why
            assert f"{sum(row['auc']) / row['seeds']:.3f}" in found.why


def test_without_stored_results_nothing_is_answered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(plane_results, "RESULT", tmp_path / "none.json")
    monkeypatch.setattr(bundled, "trained", lambda *_: None)
    assert [plane_answers.answer(lesson) for lesson in PLANE_LESSONS] == [None] * len(PLANE_LESSONS)


def test_in_the_last_lessons_corner_the_papers_detectors_accept_and_the_others_reject() -> None:
    lesson = BY_NAME["where-negatives-start"]
    assert lesson.plane is not None
    x, y = live.train_points(bundled.POINTS)
    corner = torch.tensor([int(one) / 255 for one in lesson.link["cross"].split(",")]).view(1, 2, 1, 1)
    assert torch.cdist(corner.flatten(1), x.flatten(1)).min() > measures.FAR
    accepts = []
    for settings in lesson.plane.settings:
        trained: Any = bundled.trained(bundled.POINTS, settings)
        piece = live.Piece(points=bundled.POINTS, settings=settings, model="detectors", state=trained["detectors"][0])
        network = live.network_of(piece)
        accepts.append(bool((logits_of(network, corner) >= measures.usual_thresholds(network, x, y)).any()))
    assert accepts == [True, False]


def test_the_teachers_exercise_is_taken_by_the_page() -> None:
    assert links.shortened(EXERCISE["task"]) == EXERCISE["task"]
    known = {param.name: param for param in controls.state.params}
    extra = {"lesson", "task", "lock", "hide"}
    for name in EXERCISE.keys() - extra:
        known[name].read(EXERCISE[name])
    assert {*EXERCISE["lock"].split(","), *EXERCISE["hide"].split(",")} <= known.keys() - {"anywhere"}
    assert PlaneSettings(anywhere=known["anywhere"].read(EXERCISE["anywhere"])) == PlaneSettings()
