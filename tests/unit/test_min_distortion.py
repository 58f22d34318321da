"""Min-distortion: the least perturbation of a linear detector is known; the search keeps what it promises."""

import pytest
import torch
from oracles import Linear, images, weights
from torch import Tensor

from aatviz.attacks import Distorted, Iterate, min_distortion

W = weights()
TARGET = -1.0
"""A linear detector counts as fooled where <w, x'> - <w, x> is below this."""


def search(x: Tensor, target: float = TARGET, **settings: object) -> Distorted:
    start = (x * W).flatten(1).sum(1)

    def success(x_adv: Tensor, rows: Tensor) -> Tensor:
        return (x_adv * W).flatten(1).sum(1) - start[rows] < target

    return min_distortion(Linear(W), success, x, **{"depth": 12, "steps": 150, "step_size": 0.01} | settings)  # type: ignore[arg-type]


@pytest.mark.slow
def test_it_comes_close_to_the_least_perturbation_of_a_linear_detector() -> None:
    """In the middle of the box the nearest point with <w, d> = t is d = t w / ||w||^2, at the distance |t| / ||w||."""
    x = images(at_border=False)
    found = search(x)
    least = abs(TARGET) / W.norm().item()
    assert found.last_found.all()
    assert found.best_found.all()
    distance = (found.last - x).flatten(1).norm(dim=1)
    nearest = (found.best - x).flatten(1).norm(dim=1)
    assert (nearest >= least * (1 - 1e-5)).all()
    assert (nearest <= distance + 1e-6).all()
    assert (distance <= least * 1.1).all()


@pytest.mark.slow
def test_the_first_c_is_zero_and_each_sample_has_its_own() -> None:
    """At c the minimum of <w, d> + c ||d||^2 is d = -w / 2c, which reaches t for c up to ||w||^2 / 2|t|."""
    x = images(at_border=False)
    found = search(x, depth=1)
    assert torch.equal(found.c, torch.zeros(len(x)))
    c = search(x).c
    assert (c <= W.norm().item() ** 2 / (2 * abs(TARGET)) + 0.01).all()
    assert (c > 0.5).all()


def test_the_nearest_is_never_farther_than_the_last_even_where_no_loss_promised_it() -> None:
    x = images(at_border=False)
    found = search(x, depth=3, steps=20, promising=-torch.inf)
    assert found.last_found.any()
    assert torch.equal(found.best_found, found.last_found)
    near, away = ((one - x).flatten(1).norm(dim=1) for one in (found.best, found.last))
    assert (near <= away + 1e-6).all()


def test_what_cannot_be_fooled_is_said_to_be_so() -> None:
    x = images(at_border=False)
    found = search(x, target=-1e6, depth=3)
    assert not found.last_found.any()
    assert not found.best_found.any()
    assert torch.equal(found.last, x)
    assert torch.equal(found.best, x)


def test_samples_that_are_false_positives_from_the_start_need_no_perturbation() -> None:
    x = images(at_border=False)
    assert torch.equal(search(x, target=1.0, depth=2).best, x)


def test_it_stays_in_the_box_and_ends_when_told() -> None:
    x = images(at_border=True)
    seen: list[Iterate] = []
    found = search(x, target=1.0, depth=4, steps=5, callback=lambda it: seen.append(it) or len(seen) == 8)
    assert len(seen) == 8
    assert [it.restart for it in seen] == [0] * 6 + [1] * 2
    for x_adv in (found.last, found.best, *(it.x_adv for it in seen)):
        assert x_adv.min() >= 0
        assert x_adv.max() <= 1


def test_unpromising_iterates_are_not_scored() -> None:
    x, scored = images(at_border=False), []

    def success(x_adv: Tensor, rows: Tensor) -> Tensor:
        scored.append(len(rows))
        return torch.ones(len(rows), dtype=torch.bool)

    min_distortion(Linear(W), success, x, promising=-torch.inf, depth=2, steps=5)
    assert scored == [len(x)] * 2  # only the end of each run


def test_where_nothing_succeeds_with_c_0_it_is_not_repeated() -> None:
    x, linear = images(at_border=False), Linear(W)
    found = min_distortion(linear, lambda x_adv, rows: torch.zeros(len(rows), dtype=torch.bool), x, depth=20, steps=5)
    assert linear.calls == 6
    assert not found.last_found.any()
    assert torch.equal(found.c, torch.zeros(len(x)))


def test_an_image_that_fails_at_0_ends_as_it_would_alone_and_leaves_the_others_as_they_are() -> None:
    x = images(at_border=False)
    start, within_reach = (x * W).flatten(1).sum(1), torch.tensor([TARGET, -1e6, TARGET])

    def of(rows: Tensor) -> Distorted:
        def success(x_adv: Tensor, which: Tensor) -> Tensor:
            return (x_adv * W).flatten(1).sum(1) - start[rows][which] < within_reach[rows][which]

        return min_distortion(Linear(W), success, x[rows], depth=8, steps=60, step_size=0.02)

    together = of(torch.arange(3))
    assert together.last_found.tolist() == [True, False, True]
    for row in range(3):
        alone = of(torch.tensor([row]))
        for name in ("last", "last_found", "best", "best_found", "c"):
            assert torch.equal(getattr(together, name)[row], getattr(alone, name)[0])


@pytest.mark.parametrize(("name", "value"), [("depth", 0), ("most_c", -1.0), ("steps", -1)])
def test_an_impossible_setting_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        search(images(at_border=False), **{name: value})
