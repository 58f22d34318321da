"""The door of PGD: what it refuses, with which words, and that it does so before any work."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aatviz.attacks import norm, pgd


class Linear:
    """The loss <w, x'> with weights -1; it counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        return -x_adv.flatten(1).sum(1), -torch.ones_like(x_adv)


def images() -> Tensor:
    """Three images with pixels at both ends of the box."""
    return (torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 3 - 1).clamp(0, 1)


@pytest.mark.parametrize("excess", [-1e-6, 1e-6])
def test_rounding_errors_of_the_images_are_accepted_and_clamped(excess: float) -> None:
    x = images()
    x_adv = pgd(Linear(), x + excess, steps=0)
    assert float(x_adv.min()) >= 0
    assert float(x_adv.max()) <= 1


BAD_IMAGES = {
    "too high": (torch.full((1, 1, 4, 4), 255.0), "Divide by 255"),
    "too low": (torch.full((1, 1, 4, 4), -0.5), r"\[0,1\]"),
    "just too high": (torch.full((1, 1, 4, 4), 1.00001), r"\[0,1\]"),
    "not a number": (torch.full((1, 1, 4, 4), torch.nan), "nan"),
    "bytes": (torch.zeros(1, 1, 4, 4, dtype=torch.uint8), r"x\.float\(\) / 255"),
    "empty": (torch.zeros(0, 1, 4, 4), "empty"),
    "no batch": (torch.zeros(1, 4, 4), r"\(N,C,H,W\)"),
}


@pytest.mark.parametrize(("x", "message"), BAD_IMAGES.values(), ids=list(BAD_IMAGES))
def test_images_that_are_none_are_refused(x: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pgd(Linear(), x)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"norm": "linf"}, "Linf, L2; got 'linf'"),
        ({"optimizer": "sgd"}, "adam, steepest, momentum; got 'sgd'"),
        ({"keep": "first"}, "best, last; got 'first'"),
        ({"eps": 8.0}, r"\[0,1\] scale.*8/255"),
        ({"eps": -0.1}, "eps is a number of at least 0"),
        ({"eps": float("nan")}, "eps"),
        ({"eps": float("inf"), "norm": "L2"}, "eps"),
        ({"eps": torch.tensor([0.1, 0.2])}, r"one value per sample \(3,\)"),
        ({"eps": torch.tensor([0.1, 0.2, float("nan")])}, "eps"),
        ({"eps": torch.tensor([0.1, 0.2, float("inf")]), "norm": "L2"}, "eps"),
        ({"eps": torch.tensor([0.1, 0.2, 8.0])}, "8/255"),
        ({"steps": -1}, "steps is a whole number of at least 0; got -1"),
        ({"steps": 1.5}, "steps is a whole number"),
        ({"steps": 10.0}, r"steps is a whole number of at least 0; got 10\.0 \(float\)"),
        ({"restarts": np.float64(2.0)}, "restarts is a whole number of at least 1; got .*float64"),
        ({"steps": float("inf")}, "steps is a whole number"),
        ({"restarts": 0}, "restarts is a whole number of at least 1"),
        ({"step_size": -0.01}, "step_size"),
        ({"step_size": float("nan")}, "step_size"),
    ],
    ids=str,
)
def test_impossible_settings_are_refused_before_any_work(setting: dict[str, Any], message: str) -> None:
    goal = Linear()
    with pytest.raises(ValueError, match=message):
        pgd(goal, images(), **setting)
    assert goal.calls == 0


def test_numpy_integers_are_whole_numbers() -> None:
    goal = Linear()
    x_adv = pgd(goal, images(), steps=np.int64(3), restarts=np.uint8(2), random_start=True)  # type: ignore[arg-type]
    assert torch.equal(x_adv, pgd(Linear(), images(), steps=3, restarts=2, random_start=True))
    assert goal.calls >= 6


def test_an_l2_eps_may_exceed_one() -> None:
    x = images()
    assert (norm(pgd(Linear(), x, norm="L2", eps=2.5, step_size=0.5, steps=20) - x, "L2") > 1).all()
