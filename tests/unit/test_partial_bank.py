"""A bank of some classes, and of a single one: from training to an AUC under attack; classes, not columns, are asked for."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import aatviz
from aatviz.attacks import COMBINED, LOSSES, TARGETED, objective, pgd
from aatviz.attacks.settings import AttackSettings
from aatviz.attacks.victims import Victim
from aatviz.cli import app
from aatviz.evaluate import finish, parts, run_part
from aatviz.explore.attack_path import trace_attack
from aatviz.metrics import auc
from aatviz.models.decisions import decide
from aatviz.models.detectors import DetectorBank, GenerativeClassifier, IntegratedClassifier
from aatviz.recipes import AttackSpec, Recipe
from aatviz.recipes.evaluation import DetectorEvaluation
from aatviz.recipes.tiny import tiny, tiny_separate
from aatviz.report.card_readme import readme
from aatviz.runtime.files import read_json
from aatviz.store.cards import detector_classes, write_card
from aatviz.store.systems import Lacking, System, load_system
from aatviz.train.loop import train

pytestmark = pytest.mark.slow

CLASSES = (2, 5, 7)
UNTARGETED = [name for name in LOSSES if name not in TARGETED and name not in COMBINED]


def bank_and_whole(shared: bool) -> tuple[DetectorBank, DetectorBank]:
    """A bank of the classes 2, 5 and 7, and the same networks as a bank of 0, 1 and 2."""
    torch.manual_seed(0)
    outputs = [3] if shared else [1, 1, 1]
    nets = [nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, n)).double() for n in outputs]
    return DetectorBank(nets, CLASSES), DetectorBank(nets, 3)


def images(count: int) -> Tensor:
    return torch.rand(count, 3, 2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def places(y: Tensor) -> Tensor:
    return torch.tensor([CLASSES.index(int(k)) for k in y])


@pytest.mark.parametrize("shared", [False, True])
def test_a_column_stands_for_its_class(shared: bool) -> None:
    bank, whole = bank_and_whole(shared)
    x = images(4)
    assert (bank.classes, bank.full, whole.full, bank.shared) == (CLASSES, False, True, shared)
    for k, column in zip(CLASSES, range(3), strict=True):
        assert torch.equal(bank.logit(x, k), bank(x)[:, column])
        assert torch.equal(bank.logit(x, k), whole.logit(x, column))
    with pytest.raises(ValueError, match="no detector of class 1; it has those of 2, 5, 7"):
        bank.logit(x, 1)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", [*TARGETED, *UNTARGETED])
def test_an_objective_on_some_classes_is_that_on_their_columns(name: Any, shared: bool) -> None:
    bank, whole = bank_and_whole(shared)
    x, y = images(5), torch.tensor([7, 2, 2, 5, 7])
    key = "target" if name in TARGETED else "y"
    pairs: list[tuple[Any, Any]] = [(y, places(y))] + ([(5, 1)] if name in TARGETED else [])
    for asked, column in pairs:
        mine, plain = objective(name, bank, **{key: asked})(x), objective(name, whole, **{key: column})(x)
        for one, other in zip(mine, plain, strict=True):
            assert torch.equal(one, other)
            assert one.isfinite().all()
            assert one.abs().sum() > 0


@pytest.mark.parametrize("name", [*TARGETED, *UNTARGETED])
@pytest.mark.parametrize("asked", [torch.tensor([2, 3, 5]), torch.tensor([8, 7, 7]), 0])
def test_a_class_that_the_bank_lacks_is_refused(name: Any, asked: Any) -> None:
    if name not in TARGETED and isinstance(asked, int):
        asked = torch.tensor([asked])
    with pytest.raises(ValueError, match=r"one of 2, 5, 7; got [380]\."):
        objective(name, bank_and_whole(True)[0], **{"target" if name in TARGETED else "y": asked})


@pytest.mark.parametrize("name", UNTARGETED)
def test_the_others_of_a_single_class_are_no_constant_that_looks_robust(name: Any) -> None:
    single = DetectorBank([nn.Sequential(nn.Flatten(), nn.Linear(12, 1)).double()], [3])
    goal = objective(name, single, y=torch.tensor([3, 3]))
    with pytest.raises(ValueError, match="there is only one"):
        pgd(goal, images(2), eps=0.1, step_size=0.1, steps=1)


@pytest.mark.parametrize("name", COMBINED)
def test_a_combined_loss_needs_a_detector_of_every_class(name: Any) -> None:
    bank, whole = bank_and_whole(True)
    f = nn.Sequential(nn.Flatten(), nn.Linear(12, 10)).double()

    @dataclasses.dataclass
    class Both:
        detectors: DetectorBank
        classifier: nn.Module = f

    with pytest.raises(ValueError, match="every class of the classifier; the bank has those of 2, 5, 7"):
        objective(name, Both(bank), y=torch.tensor([2]))
    with pytest.raises(ValueError, match="got 10 classes and 3 detectors"):
        objective(name, Both(whole), y=torch.tensor([2]))(images(1))


def test_classifiers_with_a_reject_option_refuse_a_bank_of_some_classes() -> None:
    bank, whole = bank_and_whole(True)
    f = nn.Sequential(nn.Flatten(), nn.Linear(12, 10)).double()
    for some in (bank, whole):  # those of 0, 1, 2 are not all of ten classes either
        with pytest.raises(ValueError, match="every one of 10 classes"):
            GenerativeClassifier(some, torch.full((10,), 0.1))
    with pytest.raises(ValueError, match="every class of f; the bank has those of 2, 5, 7"):
        IntegratedClassifier(f, bank)
    with pytest.raises(ValueError, match="got 10 classes and 3 detectors"):
        IntegratedClassifier(f, whole).predict(images(2))
    for victim in ("generative", "integrated"):  # a single column would be spread over all classes
        with pytest.raises(ValueError, match=f"The {victim} classifier .*; got 10 classes and 1 detectors"):
            decide(victim, {"f": torch.rand(2, 10), "h": torch.rand(2, 1)}, priors=torch.full((10,), 0.1))


def test_a_victim_asks_for_no_network_that_it_does_not_need(tiny_system_folder: Path) -> None:
    system = dataclasses.replace(load_system("mnist-linf-0.3-shared"), robust=None)
    x = torch.rand(3, 1, 28, 28)
    assert Victim(name="generative", system=system).judge(x)[0].shape == (3,)
    assert Victim(name="integrated", system=system).judge(x)[0].shape == (3,)
    with pytest.raises(Lacking, match="without a robust classifier"):
        Victim(name="robust", system=system).judge(x)


@pytest.mark.parametrize("classes", [[], [3, 3], [5, 2], [-1]])
def test_classes_that_are_none_are_refused(classes: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one, from 0 on and growing"):
        DetectorBank([nn.Identity() for _ in classes], classes)


# One detector, from its training on


def recipe(*targets: int) -> Recipe:
    jobs = [dataclasses.replace(tiny_separate().jobs[k], start_from=None) for k in targets]
    jobs.append(tiny().job("classifier"))
    return dataclasses.replace(tiny(), name="tiny-some", system="tiny-some", jobs=tuple(jobs))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> System:
    """A detector of threes and a natural classifier, trained; nothing else."""
    plan, folder = recipe(3), tmp_path_factory.mktemp("systems") / "tiny-some"
    written = [write_card(plan, folder)]
    for job in plan.jobs:
        train(job, plan.dataset, folder)
        written.append(write_card(plan, folder))
    assert written == [False, False, True]
    return load_system(folder)


@pytest.mark.slow
def test_a_system_of_one_detector_says_what_it_is(one: System) -> None:
    card = read_json(one.folder / "card.json")
    assert (card["schema"], card["detector_classes"], card["classes"], card["kind"]) == (2, [3], 10, "separate")
    assert card["files"] == {"detectors": ["detector-3.safetensors"], "classifier": "classifier.safetensors"}
    assert one.detectors.classes == (3,)
    assert not one.detectors.shared
    assert "| detector-3.safetensors |" in readme(one.card)
    assert one.lacks("full_bank", "robust_classifier", what="Figure 2") == (
        "Figure 2 needs a detector of every class and a robust classifier; the system tiny-some has a detector of 3 alone "
        "and no robust classifier."
    )
    why = "classifier needs a detector of every class; the system tiny-some has a detector of 3 alone"
    for ask in (lambda: one.generative, lambda: one.integrated):
        with pytest.raises(Lacking, match=why):
            ask()
    with pytest.raises(Lacking, match="no robust classifier"):
        _ = one.robust_classifier


@pytest.mark.slow
def test_a_single_detector_is_attacked_and_its_auc_falls(one: System) -> None:
    x, y = aatviz.load_data("mnist", split="sample")
    own, others = x[y == 3][:60], x[y != 3][:60]
    goals = [objective(name, one, target=target) for name in TARGETED for target in (3, torch.full((60,), 3))]
    attacked = [pgd(goal, others, eps=0.3, step_size=0.05, steps=10) for goal in goals]
    for x_adv in attacked[1:]:
        torch.testing.assert_close(x_adv, attacked[0])
    assert (attacked[0] - others).abs().max() <= 0.3 + 1e-6
    network = one.detectors.networks[0]
    with torch.no_grad():
        assert torch.equal(one.detectors.logit(attacked[0], 3), network(attacked[0])[:, 0])
        assert (network(attacked[0]) > network(others)).all()
        positive = one.detectors.logit(own, 3)
        clean, under_attack = (auc(positive, one.detectors.logit(x, 3)) for x in (others, attacked[0]))
    assert under_attack < clean
    with pytest.raises(ValueError, match=r"one of 3; got 4\."):
        objective("detector_logit", one, target=4)


def test_a_single_detector_is_evaluated_and_traced(one: System) -> None:
    attack = AttackSpec(eps=0.3, step_size=0.1, steps=2)
    evaluation = DetectorEvaluation(name="mine", about="One.", attacks={"Adam": attack}, count=20, detectors=(3,))
    for part in parts(one, evaluation):
        run_part(one, evaluation, part, bf16=False)
    (row,) = finish(one, evaluation)["rows"]
    assert row["detector"] == 3
    assert row["best"]["Adam"]["n"] == 20
    assert row["best"]["Adam"]["value"] <= row["natural"]["value"]
    x, y = aatviz.load_data("mnist", split="sample")
    i = int((y != 3).nonzero()[0])
    settings = AttackSettings(victim="detector", detector=3, loss="detector_logit", steps=3)
    trace = trace_attack(one, settings, x[i : i + 1], y[i])
    assert trace.z_h.shape == (4, 1)
    assert trace.z_h[trace.kept] > trace.z_h[0]
    with pytest.raises(Lacking, match="no robust classifier"):
        trace_attack(one, AttackSettings(victim="robust", loss="classifier_margin", steps=1), x[i : i + 1], y[i])


def test_detectors_lie_in_the_order_of_their_classes() -> None:
    assert detector_classes(recipe(7, 2)) == [2, 7]


@pytest.mark.parametrize("targets", [(), (3, 3)])
def test_a_recipe_whose_bank_does_not_fit_is_refused(targets: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected, for mnist-sample, one shared bank of 10 outputs, or separate detectors"):
        write_card(recipe(*targets), tmp_path)


@pytest.mark.slow
def test_a_system_that_borrows_classifiers_has_a_robust_one_where_the_other_has(one: System, tmp_path: Path) -> None:
    folder = one.folder.parent / "borrowing"
    plan = dataclasses.replace(recipe(3), system="borrowing", classifiers_from="tiny-some", jobs=recipe(3).jobs[:1])
    train(plan.jobs[0], plan.dataset, folder)
    assert write_card(plan, folder)
    system = load_system(folder)
    assert system.card.files.classifier == "../tiny-some/classifier.safetensors"
    assert system.robust is None


def test_the_command_line_attacks_one_detector_and_says_what_is_not_there(one: System) -> None:
    asked = [
        "attack",
        str(one.folder),
        "--victim",
        "detector",
        "--detector",
        "3",
        "--loss",
        "detector_logit",
        "--steps",
        "3",
    ]
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert done.exit_code == 0
    assert "needs a detector of every class; the system tiny-some has a detector of 3 alone." in done.output
    assert "natural classifier: " in done.output
    assert "robust classifier: " not in done.output
    (line,) = [line for line in done.output.splitlines() if line.endswith(tuple("0123456789")) and line.startswith("    3 ")]
    before, after = (float(part) for part in line.split()[1::2])
    assert after > before
