"""Objectives and callbacks of a caller's own: what they do to the tensors that they are shown stays with them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aatviz.attacks import Iterate, Objective, apgd, min_distortion, objective, pgd, pgd_until_success, square
from aatviz.attacks.geometry import Norm
from aatviz.attacks.until_success import _OpenOnly


def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 1)).requires_grad_(False)


NETWORK = network()


def images() -> Tensor:
    return torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(1))


@torch.enable_grad()
def own_leaf(x_adv: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x_adv.detach().clone().requires_grad_()
    loss = NETWORK(leaf)[:, 0]
    return loss.detach(), torch.autograd.grad(loss.sum(), leaf)[0]


@torch.enable_grad()
def flagged(x_adv: Tensor) -> tuple[Tensor, Tensor]:
    """As many write it: the gradient is asked of the tensor that was given."""
    x_adv.requires_grad_()
    loss = NETWORK(x_adv)[:, 0]
    return loss.detach(), torch.autograd.grad(loss.sum(), x_adv)[0]


@torch.enable_grad()
def backward(x_adv: Tensor) -> tuple[Tensor, Tensor]:
    x_adv.requires_grad_()
    loss = NETWORK(x_adv)[:, 0]
    loss.sum().backward()
    assert x_adv.grad is not None
    return loss, x_adv.grad


@torch.enable_grad()
def watching(it: Iterate) -> None:
    """A callback that follows a logit of its own and its gradient."""
    assert not it.x_adv.requires_grad
    NETWORK(it.x_adv.requires_grad_()).sum().backward()


def _distortion(goal: Objective, x: Tensor) -> Tensor:
    def success(x_adv: Tensor, rows: Tensor) -> Tensor:
        return goal(x_adv)[0].detach() < 0.1

    return min_distortion(goal, success, x, depth=3, steps=4, callback=watching).last


RUNS: dict[str, Callable[[Objective, Tensor], Tensor]] = {
    "pgd": lambda goal, x: pgd(goal, x, steps=4, callback=watching),
    "pgd, last": lambda goal, x: pgd(goal, x, steps=4, keep="last"),
    "pgd, restarts": lambda goal, x: pgd(goal, x, steps=4, restarts=2, callback=watching),
    "apgd": lambda goal, x: apgd(goal, x, steps=4, restarts=2, callback=watching),
    "apgd, from x": lambda goal, x: apgd(goal, x, steps=4, random_start=False),
    "until success": lambda goal, x: pgd_until_success(lambda rows: goal, x, below=-9e9, steps=4, callback=watching),
    "square": lambda goal, x: square(lambda x_adv: goal(x_adv)[0], x, queries=4, callback=watching),
    "min distortion": _distortion,
}


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
@pytest.mark.parametrize("goal", [flagged, backward])
def test_an_objective_may_ask_for_the_gradient_of_what_it_is_given(
    goal: Objective, run: Callable[[Objective, Tensor], Tensor]
) -> None:
    """Else every iterate would carry the graph of all steps before it, and so would the result."""
    found = run(goal, images())
    assert not found.requires_grad
    assert torch.equal(found, run(own_leaf, images()))


def test_what_is_done_keeps_no_graph_of_the_steps_before() -> None:
    def with_graph(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        leaf = x_adv.detach().requires_grad_()
        loss = NETWORK(leaf)[:, 0]
        return loss, torch.autograd.grad(loss.sum(), leaf, create_graph=True)[0]

    loss, grad = _OpenOnly(lambda rows: with_graph, -9e9)(images())
    assert not loss.requires_grad
    assert not grad.requires_grad


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(
    ("optimizer", "p"), [("adam", "Linf"), ("adam", "L2"), ("steepest", "L2"), ("momentum", "Linf"), ("momentum", "L2")]
)
def test_an_infinite_gradient_of_which_no_step_can_be_made_is_an_error(optimizer: Any, p: Norm, last: bool) -> None:
    """In the last step too: where the last iterate is kept in any case, the objective is not asked about it."""
    asked: list[int] = []

    def goal(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(len(x_adv))
        grad = torch.ones_like(x_adv)
        grad[1, 0, 2, 2] = torch.inf if len(asked) == (3 if last else 1) else 1.0
        return x_adv.flatten(1).sum(1), grad

    with pytest.raises(ValueError, match="no direction for 1 of 3 images"):
        pgd(goal, images(), norm=p, steps=3, keep="last", optimizer=optimizer)


IN_PRECISIONS: dict[str, Callable[[Objective, Tensor], Tensor]] = {
    "adam": lambda goal, x: pgd(goal, x, steps=4),
    "steepest, L2": lambda goal, x: pgd(goal, x, norm="L2", steps=4, optimizer="steepest"),
    "momentum, L2": lambda goal, x: pgd(goal, x, norm="L2", steps=4, optimizer="momentum"),
    "apgd, L2": lambda goal, x: apgd(goal, x, norm="L2", steps=4),
    "until success": lambda goal, x: pgd_until_success(lambda rows: goal, x, below=-9e9, steps=4),
}


@pytest.mark.parametrize("run", IN_PRECISIONS.values(), ids=list(IN_PRECISIONS))
@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("size", [2.0**-20, 1.0, 2.0**14])
def test_a_gradient_in_another_precision_is_followed_in_that_of_the_images(
    size: float, precision: torch.dtype, run: Callable[[Objective, Tensor], Tensor]
) -> None:
    """The squares and sums of one in float16 would be 0 or infinite: steps of any length, or none."""

    def goal(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        return x_adv.flatten(1).sum(1), torch.full_like(x_adv, size, dtype=precision)

    def plain(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        return x_adv.flatten(1).sum(1), torch.full_like(x_adv, size)

    found = run(goal, images())
    assert found.dtype == torch.float32
    assert torch.equal(found, run(plain, images()))


def test_what_is_no_objective_is_told_so() -> None:
    x = images()
    for attack in (pgd, apgd):
        for wrong in (NETWORK, lambda x_adv: x_adv.flatten(1).sum(1), lambda x_adv: (x_adv.flatten(1).sum(1),)):
            with pytest.raises(ValueError, match="An objective gives two tensors"):
                attack(wrong, x, steps=1)
    with pytest.raises(ValueError, match=r"got tuple.*objective\(x\)\[0\]"):
        square(own_leaf, x, queries=1)  # type: ignore[arg-type]


def over_one_place(goal: Objective) -> Objective:
    """As an objective on fixed buffers does: every answer is written over the one before."""
    kept: list[Tensor] = []

    def answers(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        found = goal(x_adv)
        if not kept:
            kept.extend(torch.empty_like(part) for part in found)
        for place, part in zip(kept, found, strict=True):
            place.copy_(part)
        return kept[0], kept[1]

    return answers


LONG: dict[str, Callable[[Objective, Tensor], Tensor]] = {
    "pgd": lambda goal, x: pgd(goal, x, steps=20),
    "apgd": lambda goal, x: apgd(goal, x, steps=40, random_start=False),
    "square": lambda goal, x: square(lambda x_adv: goal(x_adv)[0], x, queries=20),
}


@pytest.mark.parametrize("run", LONG.values(), ids=list(LONG))
def test_an_objective_may_write_all_its_answers_into_one_place(run: Callable[[Objective, Tensor], Tensor]) -> None:
    """Else a loss would be compared with itself: no step of APGD would count as a descent."""
    assert torch.equal(run(over_one_place(own_leaf), images()), run(own_leaf, images()))
    seen: list[Tensor] = []
    pgd(over_one_place(own_leaf), images(), steps=3, callback=lambda it: seen.append(it.loss))
    assert not torch.equal(seen[0], seen[-1])


def writing(x_adv: Tensor) -> tuple[Tensor, Tensor]:
    found = own_leaf(x_adv)
    x_adv.mul_(2).sub_(1)
    return found


@pytest.mark.parametrize("name", ["pgd", "apgd", "square", "pgd_until_success", "min_distortion"])
def test_what_writes_into_the_images_is_told_so(name: str) -> None:
    """The result would lie outside of the ball."""

    def everything(x_adv: Tensor, rows: Tensor) -> Tensor:
        return torch.ones(len(rows), dtype=torch.bool)

    def spoils(x_adv: Tensor, rows: Tensor) -> Tensor:
        x_adv.zero_()
        return everything(x_adv, rows)

    def run(goal: Objective, success: Any = everything, **settings: Any) -> Tensor:
        if name == "square":
            return square(lambda x_adv: goal(x_adv)[0], images(), queries=2, **settings)
        if name == "min_distortion":
            return min_distortion(goal, success, images(), steps=2, depth=2, **settings).best
        if name == "pgd_until_success":
            return pgd_until_success(lambda rows: goal, images(), steps=2, below=-9e9, **settings)
        return {"pgd": pgd, "apgd": apgd}[name](goal, images(), steps=2, **settings)

    with pytest.raises(ValueError, match="has changed the images"):
        run(writing)
    with pytest.raises(ValueError, match="callback has changed the images"):
        run(own_leaf, callback=lambda it: it.x_adv.zero_() is None)
    if name == "min_distortion":
        with pytest.raises(ValueError, match="test of success has changed the images"):
            run(own_leaf, success=spoils)


@pytest.mark.parametrize("name", ["cross_entropy", "classifier_margin", "target_logit"])
def test_an_objective_keeps_the_classes_that_it_was_made_with(name: Any) -> None:
    """A caller may fill the same tensor with the next batch's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        classifier = nn.Sequential(nn.Flatten(), nn.Linear(16, 4)).requires_grad_(False)
    for classes in (torch.tensor([0, 1, 2]), torch.tensor([0, 1, 2]).numpy()):
        goal = objective(name, classifier, **{"target" if name == "target_logit" else "y": classes})
        before = goal(images())
        classes[:] = 3
        assert all(torch.equal(one, other) for one, other in zip(goal(images()), before, strict=True))
