"""Curves from stored logits against cases that are small enough to count by hand."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

import aatviz
from aatviz import curves
from aatviz.curves import Decisions
from aatviz.detectors import DetectorBank, GenerativeClassifier
from aatviz.evaluate import recipe_hash, result_file, weights_hash
from aatviz.metrics import wilson
from aatviz.recipes.evaluation import EVALUATIONS
from aatviz.store.files import write_arrays, write_json

INF = torch.inf

# five natural images (the third is misclassified), four attacked ones (the second and the last are still right)
BY_HAND = Decisions(
    natural=torch.tensor([3.0, 2.0, 2.0, 1.0, -1.0]),
    natural_right=torch.tensor([True, True, False, True, True]),
    perturbed=torch.tensor([2.0, 1.0, 0.0, -2.0]),
    perturbed_right=torch.tensor([False, True, False, True]),
)


@pytest.mark.parametrize(
    ("threshold", "accepted", "right", "fooled", "withstood", "caught"),
    [
        (-INF, 5, 4, 2, 2, 0),  # nothing is rejected
        (-2.0, 5, 4, 2, 2, 0),  # a tie at T is accepted
        (-1.9, 5, 4, 2, 1, 1),
        (0.0, 4, 3, 2, 1, 1),
        (0.1, 4, 3, 1, 1, 2),
        (2.0, 3, 2, 1, 0, 3),  # three ties at T, natural and attacked
        (2.1, 1, 1, 0, 0, 4),
        (3.0, 1, 1, 0, 0, 4),
        (3.1, 0, 0, 0, 0, 4),  # everything is rejected
        (INF, 0, 0, 0, 0, 4),
    ],
)
def test_every_count_at_one_threshold(
    threshold: float, accepted: int, right: int, fooled: int, withstood: int, caught: int
) -> None:
    point = curves.at(BY_HAND, threshold)
    assert point.tpr == wilson(accepted, 5)
    assert point.accuracy == wilson(right, 5)
    assert point.fpr == point.error == wilson(fooled, 4)
    assert (point.natural_right, point.natural_wrong, point.natural_rejected) == (right, accepted - right, 5 - accepted)
    assert (point.fooled, point.withstood, point.caught) == (fooled, withstood, caught)


def test_the_curve_has_every_score_that_matters_and_the_end_where_all_is_rejected() -> None:
    curve = curves.curve(BY_HAND)
    assert curve.threshold.tolist() == [-1.0, 0.0, 1.0, 2.0, 3.0, INF]
    assert curve.tpr.tolist() == pytest.approx([1.0, 0.8, 0.8, 0.6, 0.2, 0.0])
    assert curve.accuracy.tolist() == pytest.approx([0.8, 0.6, 0.6, 0.4, 0.2, 0.0])
    assert curve.fpr.tolist() == curve.error.tolist() == pytest.approx([0.5, 0.5, 0.25, 0.25, 0.0, 0.0])


def test_the_curve_equals_the_counts_at_every_given_threshold_and_falls_with_it() -> None:
    generator = torch.Generator().manual_seed(0)
    decisions = Decisions(
        natural=torch.randint(-20, 40, (300,), generator=generator) / 4,  # many ties
        natural_right=torch.rand(300, generator=generator) < 0.9,
        perturbed=torch.randint(-40, 20, (200,), generator=generator) / 4,
        perturbed_right=torch.rand(200, generator=generator) < 0.4,
    )
    thresholds = torch.linspace(-11, 11, 89)
    curve = curves.curve(decisions, thresholds)
    for rates in curve[1:]:
        assert (rates.diff() <= 0).all()
    for i, threshold in enumerate(thresholds.tolist()):
        point = curves.at(decisions, threshold)
        found = [float(rates[i]) for rates in curve[1:]]
        assert found == pytest.approx([point.tpr.value, point.fpr.value, point.accuracy.value, point.error.value])


@pytest.mark.parametrize(("share", "threshold"), [(1.0, -1.0), (0.81, -1.0), (0.8, 1.0), (0.6, 2.0), (0.2, 3.0)])
def test_the_highest_threshold_that_accepts_a_share(share: float, threshold: float) -> None:
    assert curves.threshold_accepting(BY_HAND, share) == threshold
    assert curves.at(BY_HAND, threshold).tpr.value >= share


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_an_impossible_share_is_named(share: float) -> None:
    with pytest.raises(ValueError, match=r"got (0\.0|-0\.1|1\.1)"):
        curves.threshold_accepting(BY_HAND, share)


def test_corners_draw_the_same_line_with_fewer_points() -> None:
    x = torch.tensor([0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 3.0])
    y = torch.tensor([0.0, 1.0, 2.0, 2.0, 2.0, 3.0, 4.0])
    assert curves.corners(x, y).tolist() == [0, 2, 4, 5, 6]
    assert curves.corners(x[:2], y[:2]).tolist() == [0, 1]


def arrays_by_hand() -> dict[str, Tensor]:
    """Two classes, three natural and two attacked images."""
    return {
        "natural.y": torch.tensor([0, 1, 1]),
        "natural.z_f": torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),  # decides 0, 0, 1
        "natural.z_h": torch.tensor([[5.0, -1.0], [-3.0, 4.0], [2.0, 1.0]]),  # decides 0, 1, 0
        "natural.z_r": torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]),
        "generative.y": torch.tensor([0, 1]),
        "generative.z_f": torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
        "generative.z_h": torch.tensor([[-1.0, 3.0], [-2.0, 0.5]]),  # fooled with 3, right with 0.5
        "generative.z_r": torch.tensor([[0.0, 1.0], [1.0, 0.0]]),
        "integrated.y": torch.tensor([0, 1]),
        "integrated.z_f": torch.tensor([[0.0, 1.0], [1.0, 0.0]]),  # fooled twice
        "integrated.z_h": torch.tensor([[6.0, -4.0], [0.5, 7.0]]),  # but asks the detectors 1 and 0
        "integrated.z_r": torch.tensor([[0.0, 1.0], [1.0, 0.0]]),
        "robust.y": torch.tensor([0, 1]),
        "robust.z_f": torch.tensor([[0.0, 1.0], [1.0, 0.0]]),
        "robust.z_h": torch.tensor([[0.0, 1.0], [1.0, 0.0]]),
        "robust.z_r": torch.tensor([[0.0, 1.0], [0.0, 1.0]]),  # fooled once
    }


def test_each_classifier_decides_by_its_own_rule_on_its_own_attack() -> None:
    generative = GenerativeClassifier(DetectorBank([torch.nn.Identity()], 2), torch.tensor([0.5, 0.5]))
    record = curves.from_arrays(arrays_by_hand(), generative, {})
    assert record.generative.natural.tolist() == [5.0, 4.0, 2.0]
    assert record.generative.natural_right.tolist() == [True, True, False]
    assert record.generative.perturbed.tolist() == [3.0, 0.5]
    assert record.generative.perturbed_right.tolist() == [False, True]
    assert record.integrated.natural.tolist() == [5.0, -3.0, 1.0]
    assert record.integrated.natural_right.tolist() == [True, False, True]
    assert record.integrated.perturbed.tolist() == [-4.0, 0.5]
    assert record.integrated.perturbed_right.tolist() == [False, False]
    assert record.robust_accuracy == wilson(3, 3)
    assert record.robust_error == wilson(1, 2)


def write_record(system: aatviz.System, **changes: object) -> None:
    recipe = EVALUATIONS["curves"]
    note = {"recipe": dataclasses.asdict(recipe), "recipe_hash": recipe_hash(recipe), "weights_hash": weights_hash(system)}
    write_json(result_file(system, "curves", "json"), note | changes)
    write_arrays(result_file(system, "curves", "npz"), {name: a.numpy() for name, a in ten_classes().items()})


def ten_classes() -> dict[str, Tensor]:
    return {
        name: array if name.endswith(".y") else torch.cat([array, torch.full((len(array), 8), -9.0)], 1)
        for name, array in arrays_by_hand().items()
    }


def test_a_stored_record_is_read_without_a_model(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = aatviz.load_system("mnist-linf-0.3-shared")
    write_record(system)
    monkeypatch.setattr(DetectorBank, "forward", None)
    record = curves.load(system)
    assert record.generative.natural.tolist() == [5.0, 4.0, 2.0]
    assert record.recipe["count"] == EVALUATIONS["curves"].count


def test_without_a_record_the_error_names_the_command(tiny_system_folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"aatviz evaluate mnist-linf-0\.3-shared --recipe curves"):
        curves.load(aatviz.load_system("mnist-linf-0.3-shared"))


def test_a_record_of_other_weights_is_not_shown(tiny_system_folder: Path) -> None:
    system = aatviz.load_system("mnist-linf-0.3-shared")
    write_record(system, weights_hash="0" * 16)
    with pytest.raises(ValueError, match=r"other weights.*--recipe curves"):
        curves.load(system)


def test_a_record_that_lacks_scores_is_named(tiny_system_folder: Path) -> None:
    system = aatviz.load_system("mnist-linf-0.3-shared")
    write_record(system)
    write_arrays(result_file(system, "curves", "npz"), {"natural.y": torch.zeros(2).numpy()})
    with pytest.raises(ValueError, match=r"'natural\.z_f' is missing.*--recipe curves"):
        curves.load(system)


def test_a_damaged_note_is_named(tiny_system_folder: Path) -> None:
    system = aatviz.load_system("mnist-linf-0.3-shared")
    write_record(system)
    result_file(system, "curves", "json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"not valid JSON.*--recipe curves"):
        curves.load(system)


def test_truncated_scores_are_named(tiny_system_folder: Path) -> None:
    system = aatviz.load_system("mnist-linf-0.3-shared")
    write_record(system)
    scores = result_file(system, "curves", "npz")
    scores.write_bytes(scores.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"cannot be used.*--recipe curves"):
        curves.load(system)
