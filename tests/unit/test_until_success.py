"""Samples that are done leave the batch: the same successes as plain PGD, for fewer passes."""

from typing import Any

import numpy as np
import pytest
import torch
from oracles import Quadratic, images
from torch import Tensor

from aatviz.attacks import Iterate, Objective, min_distortion, pgd, pgd_until_success


class Counting:
    """The squared distance to a goal of each sample, and how many samples were asked about."""

    def __init__(self, goals: Tensor) -> None:
        self.goals = goals
        self.asked: list[int] = []

    def __call__(self, rows: Tensor) -> Objective:
        plain = Quadratic(self.goals[rows])

        def goal(x_adv: Tensor) -> tuple[Tensor, Tensor]:
            self.asked.append(len(rows))
            return plain(x_adv)

        return goal


@pytest.fixture
def setting() -> tuple[Tensor, Counting, dict[str, object]]:
    """Goals at growing distances, the last out of reach."""
    x = images(4, at_border=False)
    goals = x + torch.tensor([0.02, 0.05, 0.1, 0.45])[:, None, None, None]
    return x, Counting(goals), {"eps": 0.3, "step_size": 0.02, "steps": 30, "optimizer": "steepest"}


def test_what_is_done_is_asked_about_no_more(setting: tuple[Tensor, Counting, dict[str, object]]) -> None:
    x, counting, settings = setting
    x_adv = pgd_until_success(counting, x, below=0.005, **settings)
    assert counting.asked[0] == 4
    assert counting.asked[-1] == 1
    assert counting.asked == sorted(counting.asked, reverse=True)
    assert len(counting.asked) == 31
    loss = Quadratic(counting.goals)(x_adv)[0]
    assert (loss < 0.005).tolist() == [True, True, True, False]


def test_what_is_not_done_is_what_plain_pgd_finds(setting: tuple[Tensor, Counting, dict[str, object]]) -> None:
    x, counting, settings = setting
    plain = pgd(Quadratic(counting.goals), x, **settings)  # type: ignore[arg-type]
    found = pgd_until_success(counting, x, below=0.005, **settings)
    torch.testing.assert_close(found[3], plain[3])


def test_the_first_iterate_below_is_kept_over_all_restarts(setting: tuple[Tensor, Counting, dict[str, object]]) -> None:
    x, counting, settings = setting
    seen: list[Iterate] = []
    found = pgd_until_success(counting, x, below=0.005, **settings, restarts=3, callback=lambda it: seen.append(it))
    assert counting.asked[-1] == 1
    first = next(it for it in seen if it.loss[1] < 0.005)
    assert torch.equal(found[1], first.x_adv[1])


def test_it_ends_as_soon_as_all_are_done(setting: tuple[Tensor, Counting, dict[str, object]]) -> None:
    x, counting, settings = setting
    pgd_until_success(counting, x[:3], below=0.005, **settings)
    assert len(counting.asked) < 10


def test_a_callback_may_end_it(setting: tuple[Tensor, Counting, dict[str, object]]) -> None:
    x, counting, settings = setting
    pgd_until_success(counting, x, callback=lambda it: it.step == 2, **settings)
    assert counting.asked == [4, 4, 4]


def test_what_an_objective_remembers_ends_with_a_run(setting: tuple[Tensor, Counting, dict[str, object]]) -> None:
    """As plain PGD tells it: a shortlist of rivals is of no use at another start."""
    x, counting, settings = setting
    begun: list[int] = []

    class Remembering:
        def begin(self) -> None:
            begun.append(len(counting.asked))

        def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
            return counting(torch.arange(4))(x_adv)

    pgd_until_success(lambda rows: Remembering(), x, below=-1.0, **settings | {"steps": 3}, restarts=3)
    assert begun == [4, 8]


@pytest.mark.parametrize("below", [float("nan"), torch.tensor(torch.nan), torch.zeros(4), "0", None, True])
def test_a_limit_that_is_no_number_is_refused(below: Any, setting: tuple[Tensor, Counting, dict[str, object]]) -> None:
    """Nothing is above NaN, so that every sample would count as done before the first step."""
    x, counting, settings = setting
    with pytest.raises(ValueError, match="below is a number"):
        pgd_until_success(counting, x, below=below, **settings)
    with pytest.raises(ValueError, match="promising is a number"):
        min_distortion(Quadratic(x), lambda x_adv, rows: rows >= 0, x, promising=below, depth=1, steps=1)
    assert not counting.asked


def test_a_limit_may_come_from_a_tensor_or_numpy(setting: tuple[Tensor, Counting, dict[str, object]]) -> None:
    x, counting, settings = setting
    expected = pgd_until_success(counting, x, below=0.005, **settings)
    for below in (torch.tensor(0.005, dtype=torch.float64), np.float64(0.005)):
        assert torch.equal(pgd_until_success(counting, x, below=below, **settings), expected)  # type: ignore[arg-type]
