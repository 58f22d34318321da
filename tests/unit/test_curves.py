"""Curves from stored logits against cases that are small enough to count by hand."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

import aatviz
from aatviz.metrics import wilson
from aatviz.models.detectors import DetectorBank, GenerativeClassifier
from aatviz.recipes.paper import evaluations
from aatviz.runtime.files import write_arrays, write_json
from aatviz.store.results import recipe_hash, result_file, weights_hash
from aatviz.thresholds import curves
from aatviz.thresholds.curves import Decided, Decisions

INF = torch.inf


def decided(logit: list[float], right: list[bool], label: list[int] | None = None) -> Decided:
    winners = torch.tensor(label or [0] * len(logit))
    return Decided(logit=torch.tensor(logit), label=winners, right=torch.tensor(right))


# five natural images (the third is misclassified), four attacked ones (the second and the last are still right)
BY_HAND = Decisions(
    natural=decided([3.0, 2.0, 2.0, 1.0, -1.0], [True, True, False, True, True], [0, 1, 1, 0, 2]),
    perturbed=decided([2.0, 1.0, 0.0, -2.0], [False, True, False, True], [1, 0, 2, 0]),
    held_out=decided([1.0], [True]),
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


def test_with_a_threshold_for_each_class_the_winning_class_decides() -> None:
    point = curves.at(BY_HAND, (1.5, 2.0, -1.0))
    # natural: 3.0 of class 0 is in, 2.0 twice of class 1 (one wrong), 1.0 of class 0 is out, -1.0 of class 2 is in
    assert (point.natural_right, point.natural_wrong, point.natural_rejected) == (3, 1, 1)
    # attacked: 2.0 of class 1 and 0.0 of class 2 fool, the two of class 0 are rejected
    assert (point.fooled, point.withstood, point.caught) == (2, 0, 2)
    assert point.threshold == (1.5, 2.0, -1.0)
    same = curves.at(BY_HAND, (1.0, 1.0, 1.0))
    assert dataclasses.replace(same, threshold=1.0) == curves.at(BY_HAND, 1.0)


def test_too_few_thresholds_are_named() -> None:
    with pytest.raises(ValueError, match="class 2 wins here; got 2"):
        curves.at(BY_HAND, (1.0, 1.0))


def test_the_curve_has_every_score_that_matters_and_the_end_where_all_is_rejected() -> None:
    curve = curves.curve(BY_HAND)
    assert curve.threshold.tolist() == [-1.0, 0.0, 1.0, 2.0, 3.0, INF]
    assert curve.tpr.tolist() == pytest.approx([1.0, 0.8, 0.8, 0.6, 0.2, 0.0])
    assert curve.accuracy.tolist() == pytest.approx([0.8, 0.6, 0.6, 0.4, 0.2, 0.0])
    assert curve.fpr.tolist() == curve.error.tolist() == pytest.approx([0.5, 0.5, 0.25, 0.25, 0.0, 0.0])


def random_decided(count: int, low: int, high: int, right: float, generator: torch.Generator) -> Decided:
    """Random decisions with many ties."""
    return Decided(
        logit=torch.randint(low, high, (count,), generator=generator) / 4,
        label=torch.zeros(count, dtype=torch.long),
        right=torch.rand(count, generator=generator) < right,
    )


def test_the_curve_equals_the_counts_at_every_given_threshold_and_falls_with_it() -> None:
    generator = torch.Generator().manual_seed(0)
    decisions = Decisions(
        natural=random_decided(300, -20, 40, 0.9, generator),
        perturbed=random_decided(200, -40, 20, 0.4, generator),
        held_out=BY_HAND.held_out,
    )
    thresholds = torch.linspace(-11, 11, 89)
    curve = curves.curve(decisions, thresholds)
    for rates in curve[1:]:
        assert (rates.diff() <= 0).all()
    for i, threshold in enumerate(thresholds.tolist()):
        point = curves.at(decisions, threshold)
        found = [float(rates[i]) for rates in curve[1:]]
        assert found == pytest.approx([point.tpr.value, point.fpr.value, point.accuracy.value, point.error.value])


def test_corners_draw_the_same_line_with_fewer_points() -> None:
    x = torch.tensor([0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 3.0])
    y = torch.tensor([0.0, 1.0, 2.0, 2.0, 2.0, 3.0, 4.0])
    assert curves.corners(x, y).tolist() == [0, 2, 4, 5, 6]
    assert curves.corners(x[:2], y[:2]).tolist() == [0, 1]


def test_a_corner_on_which_several_points_lie_stays() -> None:
    x = torch.tensor([1.0, 0.5, 0.0, 0.0, 0.0, 0.0])
    y = torch.tensor([0.9, 0.9, 0.9, 0.9, 0.9, 0.0])
    assert [(x[i].item(), y[i].item()) for i in curves.corners(x, y)] == [(1.0, y[0].item()), (0.0, y[0].item()), (0.0, 0.0)]


def arrays_by_hand() -> dict[str, Tensor]:
    """Two classes, three natural and two attacked images."""
    return {
        "natural.y": torch.tensor([0, 1, 1]),
        "natural.z_f": torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),  # decides 0, 0, 1
        "natural.z_h": torch.tensor([[5.0, -1.0], [-3.0, 4.0], [2.0, 1.0]]),  # decides 0, 1, 0
        "natural.z_r": torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]),
        "held_out.y": torch.tensor([0, 1]),
        "held_out.z_f": torch.tensor([[0.0, 1.0], [0.0, 1.0]]),  # decides 1, 1
        "held_out.z_h": torch.tensor([[2.5, 1.5], [-2.0, 3.5]]),  # decides 0, 1
        "held_out.z_r": torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
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
    assert record.generative.natural.logit.tolist() == [5.0, 4.0, 2.0]
    assert record.generative.natural.right.tolist() == [True, True, False]
    assert record.generative.perturbed.logit.tolist() == [3.0, 0.5]
    assert record.generative.perturbed.right.tolist() == [False, True]
    assert record.integrated.natural.logit.tolist() == [5.0, -3.0, 1.0]
    assert record.integrated.natural.right.tolist() == [True, False, True]
    assert record.integrated.perturbed.logit.tolist() == [-4.0, 0.5]
    assert record.integrated.perturbed.right.tolist() == [False, False]
    assert record.generative.natural.label.tolist() == [0, 1, 0]
    assert record.integrated.natural.label.tolist() == [0, 0, 1]
    assert record.generative.held_out.logit.tolist() == [2.5, 3.5]
    assert record.integrated.held_out.logit.tolist() == [1.5, 3.5]
    assert record.integrated.held_out.right.tolist() == [False, True]
    assert record.robust_accuracy == wilson(3, 3)
    assert record.robust_error == wilson(1, 2)


def write_record(system: aatviz.System, **changes: object) -> None:
    recipe = evaluations("mnist", "Linf", 0.3)["curves"]
    note = {"kind": "system", "recipe": dataclasses.asdict(recipe), "recipe_hash": recipe_hash(recipe)}
    note |= {"weights_hash": weights_hash(system)}
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
    assert record.generative.natural.logit.tolist() == [5.0, 4.0, 2.0]
    assert record.recipe["count"] == evaluations("mnist", "Linf", 0.3)["curves"].count


def test_without_a_record_the_error_names_the_command(tiny_system_folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"aatviz evaluate mnist-linf-0\.3-shared --recipe curves"):
        curves.load(aatviz.load_system("mnist-linf-0.3-shared"))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("weights_hash", "on other weights"), ("recipe_hash", "with other settings than the recipe has today")],
)
def test_a_record_of_other_weights_or_another_recipe_is_not_shown(kind: str, reason: str, tiny_system_folder: Path) -> None:
    system = aatviz.load_system("mnist-linf-0.3-shared")
    write_record(system, **{kind: "0" * 16})
    with pytest.raises(ValueError, match=rf"{reason}.*--recipe curves"):
        curves.load(system)


def test_a_record_that_lacks_scores_is_named(tiny_system_folder: Path) -> None:
    system = aatviz.load_system("mnist-linf-0.3-shared")
    write_record(system)
    write_arrays(result_file(system, "curves", "npz"), {"held_out.y": torch.zeros(2).numpy()})
    with pytest.raises(ValueError, match=r"'natural\.z_f' is missing.*--recipe curves"):
        curves.load(system)


def test_a_record_of_the_time_before_held_out_images_is_named(tiny_system_folder: Path) -> None:
    system = aatviz.load_system("mnist-linf-0.3-shared")
    write_record(system)
    arrays = {name: a.numpy() for name, a in ten_classes().items() if not name.startswith("held_out")}
    write_arrays(result_file(system, "curves", "npz"), arrays)
    with pytest.raises(ValueError, match=r"older format.*Measure them again with: `aatviz evaluate .*--recipe curves"):
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
