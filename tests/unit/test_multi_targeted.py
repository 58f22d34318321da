"""The multi-targeted attack against a brute-force search over its targets, and where loss 10 looks the wrong way."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import aatviz
from aatviz.attacks import Iterate, multi_targeted, norm, objective, pgd
from aatviz.attacks.multi_targeted import batches, worst
from aatviz.attacks.victims import WITH_REJECT, Victim
from aatviz.models.decisions import VictimName
from aatviz.models.detectors import DetectorBank, GenerativeClassifier

pytestmark = pytest.mark.slow

multi_targeted_module = sys.modules[worst.__module__]
SETTINGS: dict[str, Any] = {"eps": 0.3, "step_size": 0.05, "steps": 8}


class Valley(nn.Module):
    """Two pixels, three detectors: detector 1 begins higher than detector 2 and can never pass 0; detector 2 can."""

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.flatten(1).T
        return torch.stack([0.5 - 4 * (a + b - 0.5).clamp_min(0), (4 * a - 4).clamp_max(-1.5), 10 * b - 4], 1)


def valley_system() -> SimpleNamespace:
    bank = DetectorBank([Valley()], 3).eval()
    generative = GenerativeClassifier(bank, torch.full((3,), 1 / 3))
    return SimpleNamespace(detectors=bank, classifier=Valley(), robust_classifier=Valley(), generative=generative)


def test_it_finds_the_accepted_error_that_loss_10_passes_by() -> None:
    system, x, y = valley_system(), torch.tensor([0.45, 0.15]).view(1, 1, 1, 2), torch.zeros(1, dtype=torch.long)
    settings = {"eps": 0.3, "step_size": 0.02, "steps": 40, "optimizer": "steepest"}
    bait = pgd(objective("detectors_max", system.detectors, y=y), x, **settings)
    found = multi_targeted(Victim(name="generative", system=system), x, y, **settings)
    assert float(system.detectors(bait)[0, 1:].max()) < 0
    assert system.generative.predict(found, 0.0).tolist() == [2]
    assert norm(found - x, "Linf") <= 0.3 + 1e-6


class Sliders(nn.Module):
    """Two pixels, two detectors: the first falls with its pixel, the second rises with its own."""

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.flatten(1).T
        return torch.stack([8 - 16 * a, 16 * b - 4], 1)


def test_it_goes_on_where_the_true_class_wins_by_its_prior_alone() -> None:
    bank = DetectorBank([Sliders()], 2).eval()
    generative = GenerativeClassifier(bank, torch.tensor([0.95, 0.05]))
    system = SimpleNamespace(detectors=bank, classifier=Sliders(), robust_classifier=Sliders(), generative=generative)
    x, y = torch.tensor([0.2, 0.2]).view(1, 1, 1, 2), torch.zeros(1, dtype=torch.long)
    settings = {"eps": 0.6, "step_size": 0.05, "steps": 40, "optimizer": "steepest"}
    found = multi_targeted(Victim(name="generative", system=system), x, y, **settings)
    assert generative.predict(found, 0.0).tolist() == [1]
    assert float(bank(found)[0, 1]) > 8  # and its own logit as high as it can be: 16 * 0.8 - 4


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_REJECT)
def test_it_keeps_the_best_of_all_targets_for_each_sample(tiny_system_folder: Path, name: VictimName) -> None:
    victim = Victim(name=name, system=aatviz.load_system("mnist-linf-0.3-shared"))
    x, y = (part[::700] for part in aatviz.load_data("mnist", split="sample"))
    found = multi_targeted(victim, x, y, **SETTINGS)
    tries = [pgd(victim.targeted(y, (y + offset) % 10), x, **SETTINGS) for offset in range(1, 10)]
    ranks = torch.stack([victim.rank_of(part, y) for part in (x, *tries)])
    torch.testing.assert_close(victim.rank_of(found, y), ranks.amin(0))
    assert norm(found - x, "Linf").max() <= 0.3 + 1e-6


@pytest.mark.parametrize(("count", "number"), [(1, 1), (56, 1), (57, 2), (256, 5), (300, 9), (5000, 9)])
def test_few_images_try_all_targets_in_one_batch_and_many_one_after_the_other(count: int, number: int) -> None:
    assert batches(count, 9) == number


def test_batches_of_some_targets_find_what_one_batch_of_all_finds(
    tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = Victim(name="generative", system=aatviz.load_system("mnist-linf-0.3-shared"))
    x, y = (part[::700] for part in aatviz.load_data("mnist", split="sample"))
    sizes: list[int] = []

    def watch(it: Iterate) -> None:
        sizes.append(len(it.x_adv))

    whole = multi_targeted(victim, x, y, **SETTINGS, callback=watch)
    assert sizes == [9 * len(x)] * (SETTINGS["steps"] + 1)
    sizes.clear()
    monkeypatch.setattr(multi_targeted_module, "TOGETHER", 2 * len(x))
    parts = multi_targeted(victim, x, y, **SETTINGS, callback=watch)
    assert len(sizes) == batches(len(x), 9) * (SETTINGS["steps"] + 1) == 5 * 9
    torch.testing.assert_close(victim.rank_of(parts, y), victim.rank_of(whole, y), atol=1e-4, rtol=1e-4)


def test_a_misclassified_image_ranks_before_any_other_and_by_its_winning_logit() -> None:
    system, y = valley_system(), torch.zeros(3, dtype=torch.long)
    x = torch.tensor([[0.2, 0.2], [0.0, 0.6], [0.0, 0.9]]).view(3, 1, 1, 2)  # winning: 0 (true), 2 at 2, 2 at 5
    first, second, third = Victim(name="generative", system=system).rank_of(x, y).tolist()
    assert third < second < 0 <= first


def test_what_detectors_reject_most_firmly_still_ranks_by_its_winning_logit() -> None:
    """Where softplus is 0 in float32: else Square and APGD, which look at the rank, would stand still there."""
    z = {"f": torch.tensor([[0.0, 1.0]] * 3), "h": torch.tensor([[9.0, -300.0], [9.0, -150.0], [9.0, 2.0]])}
    victim = Victim(name="integrated", system=valley_system())
    first, second, third = victim.rank(z, torch.zeros(3, dtype=torch.long)).tolist()
    assert third < second < first < 0


class Corners(nn.Module):
    """Two pixels, three classes: 1 wins where the first pixel is high, 2 where the second is, and 2 by more."""

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.flatten(1).T
        return torch.stack([torch.full_like(a, 2.0), 4 * a, 9 * b], 1)


@pytest.mark.parametrize("classes", [(0, 1), (1,)])
def test_the_robust_classifiers_classes_are_tried_whatever_detectors_the_bank_has(classes: tuple[int, ...]) -> None:
    bank = DetectorBank([nn.Sequential(nn.Flatten(), nn.Linear(2, len(classes)))], classes)
    system = SimpleNamespace(detectors=bank, classifier=Corners(), robust_classifier=Corners(), generative=None)
    x, y = torch.full((2, 1, 1, 2), 0.2), torch.tensor([0, 0])
    victim = Victim(name="robust", system=system)
    settings = {"eps": 0.6, "step_size": 0.05, "steps": 40, "optimizer": "steepest"}
    assert victim.judge(multi_targeted(victim, x, y, **settings))[0].tolist() == [2, 2]


def test_a_victim_of_one_class_has_nothing_to_be_taken_for() -> None:
    bank = DetectorBank([nn.Sequential(nn.Flatten(), nn.Linear(2, 1))], 1)
    generative = GenerativeClassifier(bank, torch.ones(1))
    system = SimpleNamespace(detectors=bank, classifier=bank, robust_classifier=bank, generative=generative)
    for name in WITH_REJECT:
        with pytest.raises(ValueError, match=f"{name} knows one class only"):
            multi_targeted(Victim(name=name, system=system), torch.zeros(2, 1, 1, 2), 0, steps=1)


def test_impossible_settings_are_refused_with_a_sentence() -> None:
    system, x = valley_system(), torch.zeros(2, 1, 1, 2)
    with pytest.raises(ValueError, match="victim is one of generative, integrated, robust; got 'f'"):
        Victim(name="f", system=system)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one class per image"):
        multi_targeted(Victim(name="generative", system=system), x, torch.zeros(3, dtype=torch.long))
    for wrong in (torch.zeros(1, dtype=torch.long), torch.zeros(3, dtype=torch.long), torch.zeros(1, 2, dtype=torch.long)):
        with pytest.raises(ValueError, match=r"one class per image \(2,\)"):  # of one, the first row's margin would be all
            worst(Victim(name="generative", system=system), [x], wrong)
    with pytest.raises(ValueError, match="at least one candidate"):
        worst(Victim(name="generative", system=system), [], torch.zeros(2, dtype=torch.long))
