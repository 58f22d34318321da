"""APGD: known optima, the schedule worked by hand, its rules, and its promises."""

import pytest
import torch
from oracles import EPS, Linear, Quadratic, images, optimum, weights

from aatviz.attacks import Iterate, norm
from aatviz.attacks.apgd import apgd, checkpoints
from aatviz.attacks.geometry import NORMS, Norm

NORM = pytest.mark.parametrize("p", NORMS)


def test_the_checkpoints_of_a_hundred_steps_are_the_published_ones() -> None:
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]


@NORM
@pytest.mark.parametrize("at_border", [False, True])
def test_it_finds_the_known_optimum_of_a_linear_detector(p: Norm, at_border: bool) -> None:
    x, w = images(at_border=at_border), weights()
    x_adv = apgd(Linear(w), x, norm=p, eps=EPS[p], steps=200)
    best = (optimum(w, x, p, EPS[p]) * w).flatten(1).sum(1).float()
    torch.testing.assert_close((x_adv * w).flatten(1).sum(1), best, atol=1e-4, rtol=0)


@NORM
def test_it_settles_on_a_minimum_inside_the_ball_where_fixed_steps_would_swing(p: Norm) -> None:
    x = images(at_border=False)
    goal = x + 0.01
    x_adv = apgd(Quadratic(goal), x, norm=p, eps=EPS[p], steps=400)
    torch.testing.assert_close(x_adv, goal, atol=2e-3, rtol=0)


@NORM
def test_it_stays_in_ball_and_box_and_is_never_worse_with_more_restarts(p: Norm) -> None:
    x = images(at_border=True)
    goal = Quadratic(1 - x)
    one, three = (apgd(goal, x, norm=p, eps=EPS[p], steps=20, restarts=n, seed=3) for n in (1, 3))
    for x_adv in (one, three):
        assert norm(x_adv - x, p).max() <= EPS[p] + 1e-5
        assert x_adv.min() >= 0
        assert x_adv.max() <= 1
    assert (goal(three)[0] <= goal(one)[0]).all()


def test_samples_do_not_depend_on_their_neighbours_and_one_gradient_is_asked_a_step() -> None:
    x, goal = images(at_border=False), Linear(weights())
    apgd(goal, x, steps=10, restarts=2)
    assert goal.calls == 2 * 11
    eps = torch.tensor([0.1, 0.2, 0.3])
    x_adv = apgd(Linear(weights()), x, eps=eps, steps=50)
    torch.testing.assert_close(norm(x_adv - x, "Linf"), eps)


def test_a_stalled_sample_halves_its_step_and_returns_to_its_best_point() -> None:
    """On |x' - goal| summed, steps of 2 eps swing around the goal: the iterates draw in only by halving."""

    class Absolute:
        def __call__(self, x_adv: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return (x_adv - 0.5).abs().flatten(1).sum(1), (x_adv - 0.5).sign()

    sizes: list[float] = []

    def watch(iterate: Iterate) -> None:
        sizes.append(float((iterate.x_adv - 0.5).abs().max()))

    apgd(Absolute(), torch.full((1, 1, 2, 2), 0.52), eps=0.2, steps=100, callback=watch)
    assert max(sizes[90:]) < max(sizes[5:20]) / 4


def test_the_callback_ends_it_and_what_was_found_is_returned() -> None:
    goal = Linear(weights())
    apgd(goal, images(at_border=False), steps=100, restarts=5, callback=lambda iterate: iterate.step == 3)
    assert goal.calls == 4


def test_impossible_settings_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="steps is a whole number of at least 1"):
        apgd(Linear(weights()), images(at_border=False), steps=0)
    with pytest.raises(ValueError, match=r"on the \[0,1\] scale"):
        apgd(Linear(weights()), images(at_border=False), eps=8)


def test_the_first_run_may_begin_at_the_image_itself_and_all_later_ones_are_random() -> None:
    x = images(at_border=False)
    seen: list[Iterate] = []
    apgd(Quadratic(1 - x), x, steps=2, random_start=False, restarts=2, callback=lambda it: seen.append(it))
    first, second = (next(it for it in seen if it.restart == restart).x_adv for restart in (0, 1))
    assert torch.equal(first, x)
    assert not torch.allclose(second, x, atol=1e-3)
