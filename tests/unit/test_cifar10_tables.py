"""The paper's tables on CIFAR-10: its numbers, its attacks, and the baseline of the robust classifier's own logits."""

import dataclasses

import pytest
import torch

from aatviz.data import open_split
from aatviz.data.spec import written
from aatviz.evaluate import finish, parts, run_part
from aatviz.explore.attack_grid import run as attack_grid
from aatviz.explore.generation import run as generation
from aatviz.metrics import auc_interval
from aatviz.recipes.cifar10_tables import L2_80, LINF_2, LINF_8
from aatviz.recipes.evaluation import DetectorEvaluation, DistortionEvaluation, RobustLogitsEvaluation, SystemEvaluation
from aatviz.recipes.paper import WORST_CASE, all_detectors, evaluations
from aatviz.recipes.published import published
from aatviz.recipes.spec import AttackSpec
from aatviz.store.systems import load_system
from aatviz.ui.session import showcase
from tests.made_systems import Made

TEN = tuple(range(10))


def test_every_table_and_figure_is_there() -> None:
    usual = {WORST_CASE, "curves", "real-images", "honest", "thorough"}
    eight = {
        "table-17",
        "robust-logits",
        "table-4",
        "table-13",
        "table-14",
        "table-5",
        "table-5-longer",
        "table-5-one-target",
    }
    assert evaluations("cifar10", "Linf", LINF_8).keys() == usual | eight | {"figure-4", "figure-9"}
    assert evaluations("cifar10", "Linf", LINF_2).keys() == usual | {"table-16", "table-13", "table-18"}
    assert evaluations("cifar10", "L2", L2_80).keys() == usual | {"detectors", "table-15"}
    assert evaluations("cifar10", "Linf", 0.1).keys() == usual | {"detectors"}


@pytest.mark.parametrize(("eps", "mean", "steps"), [(LINF_2, 0.98036, 10), (LINF_8, 0.89389, 40)])
def test_the_table_of_all_detectors_is_the_papers(eps: float, mean: float, steps: int) -> None:
    """The means are those that the paper's ten numbers have; sign steps of 0.5/255 from the image, the last iterate."""
    recipe = evaluations("cifar10", "Linf", eps)[all_detectors("cifar10", "Linf", eps)]
    assert isinstance(recipe, DetectorEvaluation)
    ((words, attack),) = recipe.attacks.items()
    assert words == f"Steepest {steps} x 0.5/255"
    assert attack == AttackSpec(eps=eps, step_size=0.5 / 255, steps=steps, optimizer="steepest")
    assert sum(recipe.paper[words]) / 10 == pytest.approx(mean)


def test_the_attacks_of_the_tables() -> None:
    found = evaluations("cifar10", "Linf", LINF_8)
    four, thirteen, fourteen = found["table-4"], found["table-13"], found["table-14"]
    assert isinstance(four, DetectorEvaluation)
    assert isinstance(thirteen, DetectorEvaluation)
    assert [(one.steps, round(255 * one.step_size, 6)) for one in four.attacks.values()] == [
        (20, 2.0), (40, 0.5), (200, 0.1), (200, 0.5), (500, 0.5),
    ]  # fmt: skip
    assert four.paper["200 x 0.1/255"] == (0.9231, 0.9550)
    assert [(one.random_start, one.restarts) for one in thirteen.attacks.values()] == [(False, 1), (True, 10)]
    assert isinstance(fourteen, DetectorEvaluation)
    assert [(one.norm, round(255 * one.eps, 6)) for one in fourteen.attacks.values()] == [("L2", 80), ("Linf", 2)]
    five = found["table-5"]
    assert isinstance(five, DistortionEvaluation)
    assert (five.most_c, five.depth, five.steps, five.optimizer, five.paper) == (255**2, 20, 100, "steepest", 1.5)
    worst = found[WORST_CASE]
    assert isinstance(worst, DetectorEvaluation)
    assert {(one.optimizer, one.steps, one.restarts) for one in worst.attacks.values()} == {
        ("adam", 100, 3), ("momentum", 100, 3), ("steepest", 200, 1), ("steepest", 100, 3),
    }  # fmt: skip
    assert "steepest 200 x 0.1/255" in worst.attacks


def test_others_numbers_stand_beside_the_papers() -> None:
    assert published("cifar10", "Linf", LINF_8).survived == {"generative": (0.36, 200), "integrated": (0.141, 1000)}


@pytest.mark.parametrize(("dataset", "eps", "figure"), [("mnist", 0.3, "figure-2"), ("cifar10", LINF_8, "figure-4")])
def test_the_papers_robust_classifier_stands_beside_a_scenario_of_its_name(dataset: str, eps: float, figure: str) -> None:
    recipe = evaluations(dataset, "Linf", eps)[figure]
    assert isinstance(recipe, SystemEvaluation)
    theirs = published(dataset, "Linf", eps).robust
    assert len(theirs) == 3
    assert theirs.keys() - {"accuracy"} < recipe.scenarios.keys()


@pytest.mark.slow
def test_the_robust_classifiers_logits_are_measured_as_detectors(made_systems: Made) -> None:
    """In a ball without room the attack changes nothing: the AUC is that of the natural logits."""
    system = load_system("cifar10-made")
    recipe = evaluations("cifar10", "Linf", LINF_8)["robust-logits"]
    assert isinstance(recipe, RobustLogitsEvaluation)
    attacks = {"none": AttackSpec(eps=0.0, step_size=0.1, steps=1), "some": AttackSpec(eps=0.2, step_size=0.1, steps=3)}
    quick = dataclasses.replace(recipe, attacks=attacks, count=10_000)
    for part in parts(system, quick):
        run_part(system, quick, part)
    record = finish(system, quick)
    test = open_split("cifar10", "test")
    with torch.no_grad():
        logits = system.robust_classifier(test.images())
    for row, k in zip(record["rows"], TEN, strict=True):
        own = test.labels == k
        expected = auc_interval(logits[own, k], logits[~own, k]).value
        assert row["last"]["none"]["value"] == pytest.approx(expected, abs=1e-4)
        assert row["natural"]["value"] == pytest.approx(expected, abs=1e-6)
        assert row["best"]["some"]["value"] <= row["natural"]["value"]
    assert record["mean"]["worst"] < record["mean"]["natural"]


def test_pages_begin_with_the_papers_settings(made_systems: Made) -> None:
    """Figures 5 and 6; in another ball than 8/255 an attack stays in that ball."""
    system = load_system("cifar10-made")
    grid, drawn = attack_grid.default_settings(system), generation.default_settings(system)
    assert (grid.norm, written(grid.eps), written(grid.step_size), grid.steps) == ("Linf", "12/255", "2/255", 30)
    assert (drawn.norm, drawn.eps, drawn.step_size, drawn.steps, drawn.optimizer) == ("L2", 30.0, 0.5, 60, "steepest")
    assert generation.default_settings(system, "uniform").eps > 55
    assert (showcase.default_settings(system).norm, showcase.default_settings(system).eps) == ("L2", 0.5)
    eight = dataclasses.replace(system, card=dataclasses.replace(system.card, norm="Linf", eps=LINF_8))
    asked = showcase.default_settings(eight)
    assert (written(asked.eps), written(asked.step_size), asked.steps, asked.optimizer) == (
        "12/255",
        "2/255",
        30,
        "steepest",
    )
