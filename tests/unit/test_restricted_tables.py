"""Table 6 on Restricted ImageNet, its attacks in smaller balls, and the detector after each stage of its chain."""

import dataclasses
from pathlib import Path

import pytest
import torch

from aatviz.data import open_split
from aatviz.evaluate import finish, parts, run_part, stored
from aatviz.metrics import auc_interval
from aatviz.recipes.evaluation import DetectorEvaluation, Evaluation, StagesEvaluation
from aatviz.recipes.paper import evaluations
from aatviz.recipes.restricted_imagenet_paper import paper
from aatviz.recipes.restricted_tiny_imagenet import dog_linf
from aatviz.recipes.spec import AttackSpec, Recipe
from aatviz.report import report
from aatviz.store.systems import System, load_system
from tests.made_dogs import make_dogs


def of(recipe: Recipe) -> dict[str, Evaluation]:
    return evaluations(recipe.dataset, recipe.norm, recipe.eps, (0,))


@pytest.mark.parametrize("make", [paper, dog_linf])
def test_table_6_has_the_papers_six_attacks_and_numbers(make: type[Recipe]) -> None:
    recipe = of(make())["table-6"]
    assert isinstance(recipe, DetectorEvaluation)
    assert recipe.detectors == (0,)
    assert [(one.steps, one.step_size) for one in recipe.attacks.values()] == [
        (40, 0.001), (100, 0.001), (200, 0.001), (40, 0.002), (200, 0.002), (200, 0.0005),
    ]  # fmt: skip
    assert all((one.eps, one.optimizer, one.random_start) == (0.02, "steepest", False) for one in recipe.attacks.values())
    assert [*recipe.paper.values()] == [(0.9720,), (0.9698,), (0.9692,), (0.9703,), (0.9690,), (0.9698,)]


def test_smaller_balls_have_the_same_steps_and_no_numbers_of_the_paper() -> None:
    found = of(dog_linf())
    six = found["table-6"]
    assert isinstance(six, DetectorEvaluation)
    for eps in (0.01, 0.005):
        recipe = found[f"table-6-{eps:g}"]
        assert isinstance(recipe, DetectorEvaluation)
        assert recipe.attacks == {name: dataclasses.replace(one, eps=eps) for name, one in six.attacks.items()}
        assert not recipe.paper


def test_only_the_ball_and_the_detector_of_the_paper_have_its_tables() -> None:
    assert "table-6" not in evaluations("restricted-tiny-imagenet", "Linf", 0.01, (0,))
    assert "table-6" not in evaluations("restricted-tiny-imagenet", "Linf", 0.02, (1,))  # cats
    assert "table-6" not in evaluations("restricted-tiny-imagenet", "L2", 0.02, (0,))


@pytest.mark.parametrize("make", [paper, dog_linf])
def test_the_stages_are_jobs_of_the_recipe(make: type[Recipe]) -> None:
    plan = make()
    recipe = of(plan)["chain"]
    assert isinstance(recipe, StagesEvaluation)
    assert {*recipe.stages} == {job.name for job in plan.jobs} - {"judge", "stage/robust"}
    assert sorted(one.eps for one in recipe.attacks.values()) == [0.005, 0.01, 0.02]
    trained = [job.attacks[0].eps for stage in recipe.stages[-3:] for job in [plan.job(stage)]]
    assert trained == [0.005, 0.01, 0.02]


@pytest.fixture(scope="module")
def dogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dogs")
    with pytest.MonkeyPatch.context() as patch:
        return make_dogs(folder / "data", folder / "checkpoints", patch)


@pytest.fixture
def system(dogs: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setenv("AATVIZ_DATA", str(dogs.parents[1] / "data"))
    return load_system(dogs)


def measured(system: System, recipe: Evaluation) -> dict[str, object]:
    for part in parts(system, recipe):
        run_part(system, recipe, part)
    return finish(system, recipe)


@pytest.mark.slow
def test_each_stage_is_measured_by_its_own_weights(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a ball without room an AUC is that of the natural logits, of each network for itself."""
    recipe = of(dog_linf())["chain"]
    assert isinstance(recipe, StagesEvaluation)
    attacks = {"none": AttackSpec(eps=0.0, step_size=0.1, steps=1), "some": AttackSpec(eps=0.2, step_size=0.1, steps=2)}
    quick = dataclasses.replace(recipe, attacks=attacks)
    monkeypatch.setitem(of(dog_linf()), "chain", quick)
    record = measured(system, quick)
    test = open_split(system.card.dataset, "test")
    dog = test.labels == 0
    with torch.no_grad():
        z_f, z_r, z_h = (net(test.images()) for net in (system.classifier, system.robust_classifier, system.detectors))
    by_hand = {
        "classifier": z_f[:, 0] - z_f[:, 1:].mean(1),
        "robust": z_r[:, 0] - z_r[:, 1:].mean(1),
        "detector-0": z_h[:, 0],
    }
    rows = {row["stage"]: row for row in record["rows"]}  # type: ignore[attr-defined]
    assert [*rows] == ["classifier", "robust", "stage/first", "stage/second", "detector-0"]
    for stage, logits in by_hand.items():
        expected = auc_interval(logits[dog], logits[~dog]).value
        assert rows[stage]["natural"]["value"] == pytest.approx(expected, abs=1e-6)
        assert rows[stage]["best"]["none"]["value"] == pytest.approx(expected, abs=1e-6)
    assert all(row["best"]["some"]["value"] <= row["natural"]["value"] for row in rows.values())
    assert len({row["natural"]["value"] for row in rows.values()}) > 1
    text = report(system)
    first = text.split("\n\n")[1]
    assert first == (
        "Not the paper's system: its numbers are those of a ResNet-50 on Restricted ImageNet, nine classes of 3 x 224 x "
        "224; here it is pooled with one logit on Restricted Tiny ImageNet, 6 classes of 3 x 64 x 64."
    )
    assert "| stage/first |" in text
    assert "The evaluation curves needs a detector of every class" in text


@pytest.mark.slow
def test_the_record_of_the_chain_outlives_the_weights_of_its_stages(system: System, tmp_path: Path) -> None:
    """A shipped system has no stages: its record counts, and measuring again says what is missing."""
    recipe = of(dog_linf())["chain"]
    assert isinstance(recipe, StagesEvaluation)
    quick = dataclasses.replace(recipe, attacks={"none": AttackSpec(eps=0.0, step_size=0.1, steps=1)}, count=3)
    measured(system, quick)
    stages = system.folder / "stage"
    stages.rename(tmp_path / "stage")
    try:
        assert stored(system, quick) is not None
        with pytest.raises(FileNotFoundError, match=r"stage.first.safetensors is missing.*aatviz train restricted-tiny"):
            run_part(system, quick, "stage/first")
    finally:
        (tmp_path / "stage").rename(stages)
