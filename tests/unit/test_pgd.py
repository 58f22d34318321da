"""PGD against optima that are known exactly, and its promises: best iterate, restarts, callback, seeds, input checks."""

from typing import Any

import pytest
import torch
from oracles import EPS, Linear, Quadratic, images, optimum, weights
from torch import Tensor

from aatviz.attacks import Iterate, norm, pgd
from aatviz.attacks.geometry import NORMS, Norm, project
from aatviz.attacks.optimizers import OPTIMIZERS

NORM = pytest.mark.parametrize("p", NORMS)
OPTIMIZER = pytest.mark.parametrize("optimizer", OPTIMIZERS)
KEEP = pytest.mark.parametrize("keep", ["best", "last"])


LINEAR_CASES = [
    pytest.param(p, optimizer, at_border, id=f"{p}-{optimizer}-{'box' if at_border else 'free'}")
    for p, optimizer in [
        ("Linf", "steepest"),
        ("Linf", "momentum"),
        ("Linf", "adam"),
        ("L2", "steepest"),
        ("L2", "momentum"),
    ]
    for at_border in (False, True)
]


@pytest.mark.parametrize(("p", "optimizer", "at_border"), LINEAR_CASES)
def test_a_linear_detector_is_attacked_to_the_known_optimum(p: Norm, optimizer: Any, at_border: bool) -> None:
    x, w = images(at_border=at_border), weights()
    eps = 0.3 if at_border else EPS[p] / 4  # free: the ball lies within the box
    x_adv = pgd(Linear(w), x, norm=p, eps=eps, step_size=0.05 if p == "Linf" else 0.5, steps=400, optimizer=optimizer)
    best = optimum(w, x, p, eps)
    loss, least = ((x_adv.double() - x) * w).flatten(1).sum(1), ((best - x) * w).flatten(1).sum(1)
    torch.testing.assert_close(loss, least, atol=1e-4, rtol=0)
    torch.testing.assert_close(x_adv.double(), best, atol=1e-4 if p == "Linf" else 5e-3, rtol=0)


def test_with_the_box_active_the_l2_optimum_is_not_the_scaled_gradient() -> None:
    """Guards the case above: clipping x - eps w/||w|| would leave part of the budget unspent."""
    x, w = images(at_border=True), weights()
    naive = (x - 0.3 * w / w.norm()).clamp(0, 1)
    best = optimum(w, x, "L2", 0.3)
    assert (((best - x) * w).flatten(1).sum(1) < ((naive - x) * w).flatten(1).sum(1) - 1e-2).all()


def test_adam_on_the_l2_ball_rests_where_a_sign_step_is_normal_to_the_ball() -> None:
    """Adam's steps on a linear loss are -sign(w): its fixed point is eps sign(w)/sqrt(d), not the optimum eps w/||w||."""
    x, w, eps = images(at_border=False), weights(), 0.3
    x_adv = pgd(Linear(w), x, norm="L2", eps=eps, step_size=0.05, steps=300, optimizer="adam", keep="last")
    torch.testing.assert_close(x_adv, x - eps * w.sign() / w.numel() ** 0.5, atol=1e-4, rtol=0)


@NORM
@OPTIMIZER
@KEEP
@pytest.mark.parametrize("start", [False, True])
def test_an_attack_stays_in_ball_and_box_and_ends_no_worse_than_it_began(
    p: Norm, optimizer: Any, keep: Any, start: bool
) -> None:
    x = images(at_border=True, n=4)
    goal = Quadratic(torch.rand(x.shape, generator=torch.Generator().manual_seed(1)))
    settings: dict[str, Any] = {"norm": p, "eps": EPS[p], "step_size": 0.3, "steps": 5, "optimizer": optimizer, "keep": keep}
    x_adv = pgd(goal, x, **settings, random_start=start)
    assert (norm(x_adv - x, p) <= EPS[p] + 1e-5).all()
    assert (x_adv >= 0).all()
    assert (x_adv <= 1).all()
    assert not x_adv.requires_grad
    if keep == "best" and not start:
        assert (goal(x_adv)[0] <= goal(x)[0]).all()


@NORM
def test_eps_may_differ_by_sample(p: Norm) -> None:
    x, w = images(at_border=False), weights()
    eps = torch.tensor([0.0, 0.1, 0.3], dtype=torch.float64)
    x_adv = pgd(Linear(w), x, norm=p, eps=eps, step_size=0.1, steps=30, optimizer="steepest")
    assert x_adv.dtype == x.dtype
    torch.testing.assert_close(norm(x_adv - x, p), eps.float(), atol=1e-5, rtol=0)


@KEEP
def test_no_steps_return_the_images_themselves(keep: Any) -> None:
    x = images(at_border=True)
    x_adv = pgd(Linear(weights()), x, steps=0, keep=keep)
    assert torch.equal(x_adv, x)
    assert x_adv.data_ptr() != x.data_ptr()


def test_best_keeps_each_samples_own_iterate_and_last_the_last() -> None:
    """Steps of 0.2 jump over the goals 0.15 and 0.5 away at different times, and never come to rest there."""
    x = torch.zeros(2, 1, 1, 1)
    goal = Quadratic(torch.tensor([0.15, 0.5]).view(2, 1, 1, 1))
    settings: dict[str, Any] = {"eps": 1.0, "step_size": 0.2, "steps": 5, "optimizer": "steepest"}
    seen: list[Iterate] = []
    best = pgd(goal, x, **settings, keep="best", callback=seen.append)
    last = pgd(goal, x, **settings, keep="last")
    losses = torch.stack([it.loss for it in seen])
    first_best = losses.argmin(0)
    assert first_best[0] != first_best[1]
    for i in range(2):
        assert torch.equal(best[i], seen[int(first_best[i])].x_adv[i])
    assert torch.equal(last, seen[-1].x_adv)
    assert (goal(last)[0] > goal(best)[0]).any()


class TwoBasins:
    """Descends to 0 or to 1, whichever is nearer. Sample 0 is better off at 1, sample 1 at 0; each start decides."""

    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        up = x_adv > 0.5
        grad = torch.where(up, -1.0, 1.0)
        good_is_up = torch.tensor([True, False]).view(2, 1, 1, 1)
        depth = torch.where(up == good_is_up, 2.0, 1.0)
        return (-depth * (x_adv - 0.5).abs()).flatten(1).sum(1), grad


@KEEP
def test_the_best_restart_is_kept_for_each_sample_alone(keep: Any) -> None:
    x = torch.full((2, 1, 1, 1), 0.5)
    ends: dict[int, Tensor] = {}

    def watch(it: Iterate) -> None:
        ends[it.restart] = it.x_adv

    settings: dict[str, Any] = {
        "eps": 0.4,
        "step_size": 0.1,
        "steps": 10,
        "optimizer": "steepest",
        "random_start": True,
        "keep": keep,
    }
    seed = next(s for s in range(100) if _no_single_run_is_best(x, settings | {"seed": s}))
    x_adv = pgd(TwoBasins(), x, **settings, restarts=3, seed=seed, callback=watch)
    torch.testing.assert_close(x_adv.flatten(), torch.tensor([0.9, 0.1]))
    assert not any(torch.allclose(end, x_adv) for end in ends.values())


def _no_single_run_is_best(x: Tensor, settings: dict[str, Any]) -> bool:
    """Whether, with this seed, every sample finds its good basin in some restart, but never both in the same."""
    found: list[list[bool]] = []

    def watch(it: Iterate) -> None:
        if it.step == settings["steps"]:
            found.append([bool(it.x_adv[0] > 0.5), bool(it.x_adv[1] < 0.5)])

    pgd(TwoBasins(), x, **settings, restarts=3, callback=watch)
    return all(any(column) for column in zip(*found, strict=True)) and not any(all(row) for row in found)


def test_the_first_restart_begins_at_the_image_unless_a_random_start_is_asked_for() -> None:
    x = images(at_border=False)
    starts: list[Tensor] = []

    def watch(it: Iterate) -> None:
        if it.step == 0:
            starts.append(it.x_adv.clone())

    pgd(Linear(weights()), x, steps=2, restarts=3, callback=watch)
    assert torch.equal(starts[0], x)
    assert not torch.equal(starts[1], x)
    assert not torch.equal(starts[1], starts[2])


@NORM
def test_an_attack_goes_on_from_a_given_start_which_is_moved_into_ball_and_box(p: Norm) -> None:
    """Restarts after it are random; and two runs of five steepest steps, the second from where the first ended, are ten."""
    x = images(at_border=False)
    away, goal = torch.full_like(x, -3.0), Linear(weights())
    seen: list[Iterate] = []
    pgd(goal, x, norm=p, eps=EPS[p], steps=1, start=away, restarts=2, callback=seen.append)
    torch.testing.assert_close(seen[0].x_adv, project(away, x, p, EPS[p]))
    assert not torch.equal(seen[2].x_adv, seen[0].x_adv)
    settings: Any = {"norm": p, "eps": EPS[p], "step_size": EPS[p] / 20, "optimizer": "steepest", "keep": "last"}
    half = pgd(goal, x, steps=5, **settings)
    torch.testing.assert_close(pgd(goal, x, steps=5, start=half, **settings), pgd(goal, x, steps=10, **settings))
    with pytest.raises(ValueError, match="start must have the shape of the images"):
        pgd(goal, x, start=half[:1])


@KEEP
def test_a_callback_sees_the_start_and_every_step(keep: Any) -> None:
    x = images(at_border=False)
    seen: list[tuple[int, int]] = []
    pgd(Linear(weights()), x, steps=4, restarts=2, keep=keep, callback=lambda it: seen.append((it.restart, it.step)))
    assert seen == [(restart, step) for restart in range(2) for step in range(5)]


def test_no_callback_and_last_cost_no_evaluation_beyond_the_steps() -> None:
    goal = Linear(weights())
    pgd(goal, images(at_border=False), steps=4, keep="last")
    assert goal.calls == 4


@KEEP
@pytest.mark.parametrize("restarts", [1, 3])
def test_a_callback_that_returns_true_ends_the_attack_at_once_with_what_was_found(keep: Any, restarts: int) -> None:
    x, goal = images(at_border=False), Linear(weights())
    seen: list[Tensor] = []

    def stop(it: Iterate) -> bool:
        seen.append(it.x_adv)
        return it.step == 3

    x_adv = pgd(goal, x, steps=50, restarts=restarts, keep=keep, callback=stop)
    assert goal.calls == len(seen) == 4
    assert torch.equal(x_adv, seen[-1])


def test_the_same_seed_gives_the_same_attack_and_leaves_the_global_generator_alone() -> None:
    x, goal = images(at_border=True), Linear(weights())
    torch.manual_seed(5)
    untouched = torch.rand(3)
    torch.manual_seed(5)
    first, second, other = (pgd(goal, x, steps=1, random_start=True, keep="last", seed=s) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.rand(3), untouched)


def test_the_callers_images_are_not_touched() -> None:
    x = images(at_border=True).requires_grad_()
    before = x.detach().clone()
    pgd(Linear(weights()), x, steps=3, random_start=True)
    assert torch.equal(x.detach(), before)
    assert x.grad is None
    assert x.requires_grad
