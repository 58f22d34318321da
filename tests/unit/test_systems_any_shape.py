"""Every evaluation, the report, the thresholds and a generation of systems of every shape and number of classes."""

import dataclasses
from typing import Any

import pytest
import torch

from aatviz.evaluate import finish, lacks, parts, run_part
from aatviz.explore.generation.result import GenerateSettings
from aatviz.explore.generation.run import generate
from aatviz.recipes.evaluation import (
    DetectorEvaluation,
    DistortionEvaluation,
    Evaluation,
    HonestEvaluation,
    SystemEvaluation,
    ThoroughEvaluation,
)
from aatviz.recipes.paper import CURVES, evaluations_of
from aatviz.report import write_report
from aatviz.store.cards import update_card
from aatviz.store.systems import System, load_system
from aatviz.thresholds import curves
from tests.made_systems import NAMES, Made

pytestmark = pytest.mark.slow

FULL = [name for name in NAMES if name != "dog-made"]


def short(recipe: Evaluation, system: System) -> Evaluation:
    """The same evaluation of two images, in few steps; of many detectors only the first and the last."""
    few: dict[str, Any] = {"count": 2}
    bank = system.detectors.classes
    if isinstance(recipe, DetectorEvaluation):
        attacks = {key: dataclasses.replace(one, steps=2, restarts=1) for key, one in recipe.attacks.items()}
        few |= {"attacks": attacks, "detectors": tuple({bank[0]: 0, bank[-1]: 0})}
    if isinstance(recipe, SystemEvaluation):
        few["scenarios"] = {
            key: dataclasses.replace(one, attack=dataclasses.replace(one.attack, steps=2, restarts=1))
            for key, one in recipe.scenarios.items()
        }
    if isinstance(recipe, DistortionEvaluation):
        few |= {"depth": 2, "steps": 2}
    if isinstance(recipe, HonestEvaluation):
        few |= {"steps": 2, "restarts": 1, "queries": 3, "sweep_count": 2, "sweep_steps": (1, 2), "sweep_eps": (1.0,)}
        few |= {"sweep_step_sizes": (0.5,), "planted_count": 2, "planted_inner": 4}
    if isinstance(recipe, ThoroughEvaluation):
        few |= {"steps": 2, "restarts": 2, "queries": 3, "radii": (1.0,)}
    return dataclasses.replace(recipe, **few)


@pytest.mark.parametrize("name", [*NAMES[2:], *(pytest.param(name, marks=pytest.mark.long) for name in NAMES[:2])])
def test_every_evaluation_and_the_report(name: str, made_systems: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    system = load_system(name)
    recipes = evaluations_of(system.card)
    measured = []
    for key, recipe in list(recipes.items()):
        quick = short(recipe, system)
        monkeypatch.setitem(recipes, key, quick)
        if lacks(system, quick):
            assert name == "dog-made"
            continue
        if len(system.detectors.classes) > 10 and key in ("real-images", "honest", "thorough"):
            continue  # of 200 classes: the same as of three, many times
        for part in parts(system, quick):
            run_part(system, quick, part)
        record = finish(system, quick)
        assert record["system"] == name
        measured.append(key)
    assert {"detectors", "worst-case"} <= {*measured}
    assert (CURVES in measured) == (name in FULL)
    assert ("honest" in measured) == (name in FULL and name != "many-made")
    update_card(system.folder)
    report = write_report(load_system(name)).read_text()
    assert name in report
    assert "nan" not in report


@pytest.mark.parametrize("name", FULL)
def test_thresholds_from_the_curves(name: str, made_systems: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    system = load_system(name)
    recipes = evaluations_of(system.card)
    quick = short(recipes[CURVES], system)
    monkeypatch.setitem(recipes, CURVES, quick)
    for part in parts(system, quick):
        run_part(system, quick, part)
    finish(system, quick)
    record = curves.load(system)
    for decisions in (record.generative, record.integrated):
        everything = curves.at(decisions, -1e9)
        assert everything.tpr.value == 1
        assert curves.at(decisions, 1e9).tpr.value == 0
        per_class = curves.at(decisions, tuple([0.0] * system.card.classes))
        same = curves.at(decisions, 0.0)
        assert (per_class.tpr, per_class.accuracy, per_class.error) == (same.tpr, same.accuracy, same.error)


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("start", ["gaussian", "uniform", "other"])
def test_images_from_noise(name: str, start: Any, made_systems: Made) -> None:
    system = load_system(name)
    classes, shape = system.card.classes, tuple(system.gaussians.mean.shape[1:])
    targets = (0, classes - 1)
    made = generate(system, GenerateSettings(start=start, steps=3, count=2, eps=1.0, targets=targets))
    for model in ("generative", "robust", "natural"):
        assert made.results(model).shape == (2, 2, *shape)
        assert torch.isfinite(made.logits[model]).all()
    assert len(made.rows()) == 2 * 2 * 3
    assert made.noise.dtype == torch.uint8
