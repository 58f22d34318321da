"""Recipes as data: the paper's numbers, hashes that notice every change, and no inner attack of plain sign steps."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from aatviz import recipes
from aatviz.recipes import AttackSpec, Job, Recipe, digest
from aatviz.recipes.paper import evaluations
from aatviz.store import pretrained

ALL = [recipes.get(name) for name in recipes.names()]
JOBS = [pytest.param(job, id=f"{recipe.name}-{job.name}") for recipe in ALL for job in recipe.jobs]
JOB = recipes.get("tiny-separate").job("detector-3")

SHIPPED = Path(recipes.__file__).parents[2] / "checkpoints"

JOB_CHANGES: dict[str, Any] = {
    "name": "detector-4",
    "network": "other",
    "width": 33,
    "outputs": 2,
    "target": 4,
    "steps": 13,
    "batch": 65,
    "learning_rate": 1e-4,
    "decay": False,
    "attack": AttackSpec(eps=0.3, step_size=0.1, steps=4, random_start=True),
    "start_from": "other.safetensors",
    "shift": 2,
    "ramp": 0.1,
    "mixed_eps": 0.1,
    "replay": 2,
    "average": 0.9,
    "arch": (("shape", (1, 28, 28)),),
    "optimizer": "sgd",
    "warmup": 0.1,
    "drops": (0.5,),
    "flip": True,
    "border": "reflect",
    "cutout": 8,
    "curriculum": ((0.0, 2, 0.1),),
    "negatives_anywhere": 0.5,
    "frozen_norm": True,
    "start_rows": ((0, 2),),
    "start_contrast": True,
    "balanced": False,
    "crop": 0.5,
    "validation_attack": AttackSpec(eps=0.3, step_size=0.2, steps=3, random_start=True),
    "validation_count": 21,
    "evaluations": 4,
    "seed": 9,
}
ATTACK_CHANGES: dict[str, Any] = {
    "norm": "L2",
    "eps": 0.2,
    "step_size": 0.2,
    "steps": 4,
    "optimizer": "momentum",
    "random_start": False,
    "restarts": 2,
    "keep": "best",
}


NOT_ALONE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nesterov": ({"optimizer": "sgd"}, {"nesterov": True}),
    "weight_decay": ({"optimizer": "sgd"}, {"weight_decay": 1e-4}),
    "label_smoothing": ({"method": "madry", "target": None}, {"label_smoothing": 0.1}),
    "start_noise": ({"attack": AttackSpec(eps=0.3, step_size=0.3, steps=1)}, {"start_noise": 2.0}),
    "method": ({"target": None, "outputs": 10, "method": "madry"}, {"method": "aat_shared"}),
}
"""Fields that change only where others have fitting values, with these."""


def test_the_changes_below_cover_every_field() -> None:
    assert set(JOB_CHANGES) | set(NOT_ALONE) == {field.name for field in dataclasses.fields(Job)}
    assert set(ATTACK_CHANGES) == {field.name for field in dataclasses.fields(AttackSpec)}


@pytest.mark.parametrize(("field", "value"), JOB_CHANGES.items(), ids=list(JOB_CHANGES))
def test_the_hash_of_a_job_changes_with_every_field(field: str, value: Any) -> None:
    assert digest(dataclasses.replace(JOB, **{field: value})) != digest(JOB)


@pytest.mark.parametrize(("given", "change"), NOT_ALONE.values(), ids=list(NOT_ALONE))
def test_the_hash_of_a_job_changes_with_fields_that_need_others(given: dict[str, Any], change: dict[str, Any]) -> None:
    job = dataclasses.replace(JOB, **given)
    assert digest(dataclasses.replace(job, **change)) != digest(job)


@pytest.mark.parametrize("card", sorted(SHIPPED.glob("mnist-*/card.json")), ids=lambda path: path.parent.name)
def test_the_recipes_of_the_shipped_weights_hash_as_they_did(card: Path) -> None:
    """Whatever fields a job has got since."""
    stored = json.loads(card.read_text())
    recipe = recipes.get(stored["recipe"]["name"])
    assert digest(recipe) == stored["recipe_hash"]
    for job in recipe.jobs:
        if weights := stored["weights"].get(f"{job.name}.safetensors"):
            assert digest(job) == weights["recipe_hash"]


@pytest.mark.parametrize(("field", "value"), ATTACK_CHANGES.items(), ids=list(ATTACK_CHANGES))
def test_the_hash_of_a_job_changes_with_every_field_of_its_attack(field: str, value: Any) -> None:
    assert isinstance(JOB.attack, AttackSpec)
    changed = dataclasses.replace(JOB, attack=dataclasses.replace(JOB.attack, **{field: value}))
    assert digest(changed) != digest(JOB)


def test_the_hash_of_a_recipe_is_the_same_for_the_same_recipe_and_changes_with_its_jobs() -> None:
    recipe = recipes.get("tiny")
    assert digest(recipe) == digest(dataclasses.replace(recipe))
    assert digest(recipe) != digest(dataclasses.replace(recipe, jobs=recipe.jobs[:1]))
    own = [r for r in ALL if not r.name.endswith("-paper")]  # the paper's share classifiers with one another
    assert len({digest(job) for r in own for job in r.jobs}) == sum(len(r.jobs) for r in own)


def test_names_are_unique() -> None:
    """The registry is a dict, so that two recipes of one name would hide each other: count what makes them."""
    made = [make().name for module in recipes.MODULES for make in module.RECIPES]
    assert sorted(made) == sorted(set(made)) == sorted(recipes.names())
    for recipe in ALL:
        names = [job.name for job in recipe.jobs]
        assert len(names) == len(set(names))
    assert len({recipe.system for recipe in ALL}) == len(ALL)


def test_the_paper_recipe_has_the_numbers_of_appendix_a1_and_table_1() -> None:
    """100 epochs of 50,000 images in batches of 320; PGD 100 x 0.01 in training, 200 x 0.01 in validation; Linf 0.3."""
    recipe = recipes.get("mnist-linf-0.3-paper")
    assert (recipe.norm, recipe.eps) == ("Linf", 0.3)
    detectors = [job for job in recipe.jobs if job.method == "aat"]
    assert [job.target for job in detectors] == list(range(10))
    for job in detectors:
        assert (job.steps, job.batch, job.width, job.outputs, job.evaluations) == (15_600, 320, 1024, 1, 100)
        assert job.attack == AttackSpec(eps=0.3, step_size=0.01, steps=100, optimizer="adam")
        assert (job.validation_attack.steps, job.validation_attack.step_size) == (200, 0.01)
        assert (job.ramp, job.mixed_eps, job.decay) == (0, 0, False)


def _reach(attack: AttackSpec) -> float:
    """How far all steps together can go; Adam moves each of MNIST's 784 pixels by up to its step size."""
    each = math.sqrt(784) if (attack.norm, attack.optimizer) == ("L2", "adam") else 1.0
    return attack.steps * attack.step_size * each


@pytest.mark.parametrize("job", JOBS)
def test_no_inner_attack_takes_plain_sign_steps(job: Job) -> None:
    """They get stuck: a detector trained against them has AUC 0.9994 under sign steps and 0.96 under Adam."""
    assert (not job.attacks) == (job.method == "natural")
    papers = job.network in ("wide", "resnet50")  # on photos it trains against sign steps; that is what its recipes are for
    for attack in (*job.attacks, job.validation_attack):
        assert papers or job.start_noise or (attack.norm, attack.optimizer) != ("Linf", "steepest")
        assert attack.eps == job.validation_attack.eps
        assert _reach(attack) >= attack.eps  # it can get to the border of the ball


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_jobs_train_for_the_threat_model_of_their_recipe(recipe: Recipe) -> None:
    """What only other jobs start from may be trained for a smaller ball."""
    for job in recipe.jobs:
        for attack in (*job.attacks, job.validation_attack):
            assert attack.norm == recipe.norm
            assert attack.eps == recipe.eps or (attack.eps < recipe.eps and job.name.startswith("stage/"))


def test_shipped_recipes_lean_only_on_systems_that_a_recipe_makes() -> None:
    made = {recipe.system for recipe in ALL}
    for recipe in ALL:
        assert {recipe.classifiers_from} - {None} <= made - {recipe.system}
        own = {job.name for job in recipe.jobs}
        needed = {"classifier"} if recipe.name == "restricted-imagenet-paper" else {"classifier", "robust"}
        assert needed <= own or recipe.classifiers_from


def test_what_a_job_starts_from_is_made_by_a_job_of_its_own_or_another_recipe() -> None:
    folders = {recipe.system: {f"{job.name}.safetensors" for job in recipe.jobs} for recipe in ALL}
    starts = [(recipe.system, job.start_from) for recipe in ALL for job in recipe.jobs if job.start_from]
    assert len(starts) > 10
    for system, start in starts:
        if name := pretrained.named(start):
            assert name in pretrained.KNOWN
            continue
        other, _, file = start.removeprefix("../").partition("/") if start.startswith("../") else (system, "", start)
        assert file in folders[other], start


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": None}, r"target= belongs to the method aat, and to no other; got None"),
        ({"method": "aat_shared"}, r"target= belongs to the method aat"),
        ({"attack": None}, "every method but natural needs an attack"),
        ({"method": "natural", "target": None}, "every method but natural"),
        ({"weight_decay": 0.1}, "weight_decay and nesterov belong to sgd"),
        ({"optimizer": "lion"}, "optimizer is adam or sgd.*'lion'"),
        ({"border": "white"}, "border black or reflect.*'white'"),
        ({"warmup": 1.0}, "warmup and label_smoothing lie in"),
        ({"label_smoothing": 0.1}, "label_smoothing belongs to classifiers, not to aat"),
        ({"start_noise": 1.0}, "start_noise is above 0 and goes with attacks of one step"),
        ({"curriculum": ((0.1, 5, 0.1),)}, r"begin at 0 and then at growing shares; got \[0\.1\]"),
        ({"start_rows": ((0, 1), (1, 2))}, "one range for each of 1 outputs; got 2"),
        ({"start_from": None, "start_rows": ((0, 1),)}, "start_rows goes with start_from"),
        ({"method": "madry", "target": None, "balanced": False}, "balanced belong to aat, not to madry"),
        ({"crop": 1.5}, r"crop is a share in \[0, 1\]; got 1\.5"),
        ({"evaluations": 0}, "1 to 12 evaluations fit; got 0"),
        ({"evaluations": 13}, "1 to 12 evaluations fit; got 13"),
    ],
    ids=str,
)
def test_an_impossible_job_is_refused_with_its_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"detector-3: .*{message}"):
        dataclasses.replace(JOB, **change)


def test_unknown_recipes_and_jobs_are_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no recipe 'mnist'; there are .*mnist-linf-0\.3-shared"):
        recipes.get("mnist")
    with pytest.raises(ValueError, match="tiny has no job 'detector-4'; it has shared, classifier, stage/robust, robust"):
        recipes.get("tiny").job("detector-4")


@pytest.mark.parametrize("spec", [JOB, JOB.attack, recipes.get("tiny")], ids=["job", "attack", "recipe"])
def test_recipes_cannot_be_changed_in_place(spec: Any) -> None:
    field = dataclasses.fields(spec)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(spec, field, "other")


def test_the_evaluations_are_those_that_the_paper_and_the_worst_case_ask_for() -> None:
    table, worst, curves = (evaluations("mnist", "Linf", 0.3)[name] for name in ("table-11", "worst-case", "curves"))
    (paper,) = table.attacks.values()  # type: ignore[union-attr]
    assert (paper.optimizer, paper.steps, paper.step_size, paper.eps, table.count) == ("adam", 200, 0.01, 0.3, 2000)
    (values,) = table.paper.values()  # type: ignore[union-attr]
    assert sum(values) / 10 == pytest.approx(0.99815)
    attacks = worst.attacks.values()  # type: ignore[union-attr]
    assert {attack.optimizer for attack in attacks} == {"adam", "momentum", "steepest"}
    assert all((attack.restarts, attack.random_start, attack.keep) == (3, True, "best") for attack in attacks)
    assert {s.victim: s.loss for s in curves.scenarios.values()} == {  # type: ignore[union-attr]
        "generative": "detectors_max",
        "integrated": "combined",
        "robust": "classifier_margin",
    }
