"""The door of every attack and objective: what is welcome, and a sentence for everything else."""

from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import ATTACKS, CLASSES, IN_A_BALL, Attack, batch, small_system
from torch import Tensor

from aatviz.attacks import apgd, multi_targeted, norm, objective, pgd, square
from aatviz.attacks.settings import AttackSettings
from aatviz.attacks.victims import Victim

every_attack = pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
every_ball = pytest.mark.parametrize("attack", IN_A_BALL.values(), ids=list(IN_A_BALL))


@every_attack
def test_arrays_and_lists_are_welcome(attack: Attack) -> None:
    system, (x, y) = small_system(), batch()
    expected = attack(system, x, y)
    assert (expected != x).any()
    assert torch.equal(attack(system, x.numpy(), y.numpy()), expected)
    assert torch.equal(attack(system, x.numpy()[::-1].copy()[::-1], y.tolist()), expected)
    assert torch.equal(attack(system, x, y.to(torch.uint8)), expected)


@every_attack
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(3, 1, 6, 6) * 255, "Divide by 255"),
        ((torch.rand(3, 1, 6, 6) * 255).byte(), r"x\.float\(\) / 255"),
        (torch.rand(1, 6, 6), r"\(N,C,H,W\)"),
        (torch.rand(3, 3, 6, 6), r"of the shape \(1, 6, 6\), \(C,H,W\); these have \(3, 6, 6\)"),
        (torch.rand(3, 1, 8, 8), r"these have \(1, 8, 8\)"),
        (torch.rand(3, 1, 6, 6).log().log(), "nan"),
        (torch.rand(3, 1, 6, 6) / 0, "inf"),
        (np.array([["a"]]), "array of numbers"),
        ([[0.0]], "tensor or a NumPy array is expected; got .*list"),
        (None, "tensor or a NumPy array is expected; got 'None'"),
    ],
    ids=["x 255", "bytes", "no batch", "channels", "size", "nan", "inf", "text", "list", "none"],
)
def test_images_that_are_none_are_a_sentence(attack: Attack, x: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attack(small_system(), x, batch()[1])


BAD_LABELS = {
    "beyond": (torch.tensor([0, 1, CLASSES]), r"lies in 0\.\.3; got 4"),
    "negative": ([0, 1, -1], "at least 0; got -1"),
    "too few": ([0, 1], r"one class per image \(3,\); got 2"),
    "fractions": ([0.0, 1.0, 2.0], "whole numbers; got torch.float32"),
    "of NumPy": (np.array([0.0, 1.0, 2.0]), "whole numbers; got torch.float64"),
    "true": ([True, False, True], "whole numbers; got torch.bool"),
    "text": (["0", "1", "2"], "whole numbers; got"),
    "ragged": ([[0], [1, 2]], "whole numbers; got"),
    "a table": ([[0], [1], [2]], r"one class per image \(N,\)"),
    "nothing": ([], r"one class per image \(N,\)"),
}


@pytest.mark.parametrize("attack", [one for name, one in ATTACKS.items() if name != "until success"])
@pytest.mark.parametrize(("y", "message"), BAD_LABELS.values(), ids=list(BAD_LABELS))
def test_labels_that_are_none_are_a_sentence(attack: Attack, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attack(small_system(), batch()[0], y)


@pytest.mark.parametrize("name", ["generative", "integrated", "robust"])
def test_a_label_that_no_class_has_is_a_sentence_of_the_multi_targeted_attack(name: Any) -> None:
    with pytest.raises(ValueError, match=r"y lies in 0\.\.3; got 10"):
        multi_targeted(Victim(name=name, system=small_system()), batch()[0], torch.tensor([0, 1, 10]), steps=1)


@pytest.mark.parametrize("target", [3.7, "3", True, torch.tensor(3.0), np.float32(3), np.array(True), [1.0], None])
@pytest.mark.parametrize("loss", ["target_logit", "detector_logit"])
def test_a_target_is_a_whole_number(loss: Any, target: Any) -> None:
    with pytest.raises(ValueError, match="target"):
        objective(loss, small_system(), target=target)


@pytest.mark.parametrize("target", [2, np.int64(2), np.array(2), torch.tensor(2), [2, 2, 2], (2, 2, 2), np.array([2, 2, 2])])
def test_a_target_may_be_any_whole_number(target: Any) -> None:
    system, (x, _) = small_system(), batch()
    expected, found = objective("target_logit", system, target=2)(x), objective("target_logit", system, target=target)(x)
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))


@pytest.mark.parametrize("x", [torch.rand(3, 1, 6, 6) * 255, torch.full((3, 1, 6, 6), torch.nan), torch.rand(1, 6, 6)])
def test_an_objective_that_is_called_directly_checks_its_images(x: Tensor) -> None:
    with pytest.raises(ValueError, match="Images"):
        objective("detectors_max", small_system(), y=batch()[1])(x)


def test_an_objective_that_is_called_directly_takes_arrays() -> None:
    goal, x = objective("detectors_max", small_system(), y=batch()[1]), batch()[0]
    assert torch.equal(goal(x.numpy())[1], goal(x)[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("change", [lambda s: s.clone().requires_grad_(), lambda s: s.double(), lambda s: s.numpy()])
def test_a_start_comes_back_as_the_images_are(change: Any, steps: int, keep: Any) -> None:
    system, (x, y) = small_system(), batch()
    start, goal = (x + 0.05).clamp(0, 1), objective("detectors_max", system, y=y)
    found = pgd(goal, x, start=change(start), steps=steps, keep=keep)
    assert found.dtype == x.dtype
    assert not found.requires_grad
    assert torch.equal(found, pgd(goal, x, start=start, steps=steps, keep=keep))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_start_that_is_no_number_is_a_sentence(value: float) -> None:
    system, (x, y) = small_system(), batch()
    start = x.clone()
    start[1, 0, 2, 2] = value
    for attack in (IN_A_BALL["pgd"], IN_A_BALL["multi-targeted"]):
        with pytest.raises(ValueError, match="start is made of numbers"):
            attack(system, x, y, start=start)


def test_the_multi_targeted_attack_begins_each_target_where_it_is_told() -> None:
    system, (x, y) = small_system(), batch()
    starts: list[Tensor] = []
    victim, start = Victim(name="generative", system=system), (x + 0.05).clamp(0, 1)
    multi_targeted(victim, x, y, start=start, steps=1, callback=lambda it: starts.append(it.x_adv) or False)
    torch.testing.assert_close(starts[0], start.repeat(CLASSES - 1, 1, 1, 1))


SIZES = [0.0, 0.1, 0.2]


@every_ball
@pytest.mark.parametrize("p", ["Linf", "L2"])
@pytest.mark.parametrize("eps", [torch.tensor(SIZES), SIZES, np.array(SIZES)], ids=["tensor", "list", "array"])
def test_every_attack_takes_one_eps_for_each_sample(attack: Attack, p: Any, eps: Any) -> None:
    system, (x, y) = small_system(), batch()
    sizes = norm(attack(system, x, y, norm=p, eps=eps) - x, p)
    assert sizes[0] == 0
    assert (sizes <= torch.tensor(SIZES) + 1e-6).all()
    assert sizes[2] > 0


@every_ball
def test_one_eps_for_each_sample_is_that_eps_for_each(attack: Attack) -> None:
    """Square's first L2 tiles cover a part of so small an image; what counts is that the ball of each is its own."""
    system, (x, y) = small_system(), batch()
    assert torch.equal(
        attack(system, x, y, eps=torch.full((3,), 0.2)), attack(system, x, y, eps=torch.full((3,), 0.2).tolist())
    )
    torch.testing.assert_close(attack(system, x, y, eps=[0.2] * 3), attack(system, x, y, eps=0.2))


@every_ball
def test_eps_may_be_written_as_a_field_writes_it(attack: Attack) -> None:
    system, (x, y) = small_system(), batch()
    expected = attack(system, x, y, eps=8 / 255)
    for eps in ("8/255", np.float64(8 / 255), torch.tensor(8 / 255, dtype=torch.float64)):
        assert torch.equal(attack(system, x, y, eps=eps), expected)


@every_ball
@pytest.mark.parametrize(
    ("eps", "message"),
    [
        ("eight", "no number"),
        ("8", "Write 8/255"),
        (True, "eps is a number"),
        (None, "eps is a number"),
        ([True] * 3, "torch.bool"),
        ([[0.1], [0.1], [0.1]], r"one value per sample \(3,\)"),
        (["a", "b", "c"], "array of numbers"),
        (torch.tensor([0.1, torch.nan, 0.1]), "eps"),
    ],
    ids=str,
)
def test_an_eps_that_is_none_is_a_sentence(attack: Attack, eps: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attack(small_system(), *batch(), eps=eps)


@every_ball
@pytest.mark.parametrize("seed", [2**64, 2**63, -1, 1.5, "0", True, None])
def test_a_seed_that_is_none_is_a_sentence(attack: Attack, seed: Any) -> None:
    with pytest.raises(ValueError, match="seed is a whole number of at least 0 and at most 9223372036854775807; got"):
        attack(small_system(), *batch(), seed=seed)


@every_ball
def test_seeds_of_numpy_and_large_ones_are_welcome(attack: Attack) -> None:
    system, (x, y) = small_system(), batch()
    assert torch.equal(attack(system, x, y, seed=np.int64(3)), attack(system, x, y, seed=3))
    attack(system, x, y, seed=2**63 - 1)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": "3"}, "steps is a whole number"),
        ({"steps": True}, "steps is a whole number"),
        ({"steps": None}, "steps is a whole number"),
        ({"restarts": 2.0}, "restarts is a whole number"),
        ({"step_size": "0.1"}, "step_size is a number"),
        ({"step_size": True}, "step_size is a number"),
        ({"step_size": float("inf")}, "step_size is a number"),
    ],
    ids=str,
)
def test_settings_that_are_no_numbers_are_a_sentence(setting: dict[str, Any], message: str) -> None:
    system, (x, y) = small_system(), batch()
    with pytest.raises(ValueError, match=message):
        pgd(objective("detectors_max", system, y=y), x, **setting)
    with pytest.raises(ValueError, match=message):
        AttackSettings(**setting)
    if "step_size" not in setting:
        with pytest.raises(ValueError, match=message):
            apgd(objective("detectors_max", system, y=y), x, **setting)
    with pytest.raises(ValueError, match="p_init"):
        square(lambda x: x.flatten(1).sum(1), x, p_init="a")  # type: ignore[arg-type]


def test_settings_hold_pythons_own_numbers() -> None:
    given = {"eps": np.float32(0.25), "step_size": np.float64(0.01), "steps": np.int64(3), "restarts": np.uint8(2)}
    found = AttackSettings(**given, seed=np.int32(4))  # type: ignore[arg-type]
    assert [type(getattr(found, name)) for name in (*given, "seed")] == [float, float, int, int, int]
    assert AttackSettings(eps="8/255").eps == 8 / 255  # type: ignore[arg-type]
    assert AttackSettings(norm="L2", eps=5).eps is AttackSettings(norm="L2", eps=5).pgd.eps


@pytest.mark.parametrize("wrong", [lambda x: (x.sum(), x), lambda x: (x.flatten(1).sum(1), x[:1]), lambda x: (x, x)])
def test_an_objective_of_other_shapes_is_a_sentence(wrong: Any) -> None:
    for attack in (pgd, apgd):
        with pytest.raises(ValueError, match="one loss per image"):
            attack(wrong, batch()[0], steps=1)


@pytest.mark.parametrize("name", ["generative", "integrated"])
@pytest.mark.parametrize("method", ["predict", "scores"])
def test_classifiers_check_their_images(name: str, method: str) -> None:
    ask, (x, _) = getattr(getattr(small_system(), name), method), batch()
    for wrong, message in (
        (x * 255, "Divide by 255"),
        ((x * 255).byte(), "floats"),
        (x[0], "N,C,H,W"),
        (x * torch.nan, "nan"),
    ):
        with pytest.raises(ValueError, match=message):
            ask(wrong)
    assert torch.equal(ask(x.numpy()), ask(x))
    assert ask(x.half()).shape == ask(x).shape
    assert torch.equal(ask(x.double()), ask(x))
    assert len(ask(x[:0])) == 0


@pytest.mark.parametrize("name", ["generative", "integrated"])
def test_a_classifier_takes_one_threshold_or_one_for_each_class(name: str) -> None:
    predict, (x, _) = getattr(small_system(), name).predict, batch()
    for count in (CLASSES - 1, CLASSES + 1):
        with pytest.raises(ValueError, match=f"one T_k for each of {CLASSES} classes; got \\({count},\\)"):
            predict(x, torch.zeros(count))
    for wrong in ("0", [["0"]], None, torch.zeros(1, CLASSES)):
        with pytest.raises(ValueError, match="A threshold is a number T, or one T_k for each"):
            predict(x, wrong)
    for right in (0, np.float32(0), torch.tensor(0.0), [0.0] * CLASSES, np.zeros(CLASSES), (0,) * CLASSES):
        assert torch.equal(predict(x, right), predict(x, 0.0))
