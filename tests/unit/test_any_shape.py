"""Every attack on images of every shape, against optima that are known exactly: linear networks."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from oracles import Linear, optimum
from torch import Tensor, nn

from aatviz.attacks import apgd, min_distortion, multi_targeted, norm, objective, pgd, pgd_until_success, square
from aatviz.attacks.geometry import NORMS, Norm
from aatviz.attacks.victims import Victim
from aatviz.models.detectors import DetectorBank, GenerativeClassifier

pytestmark = pytest.mark.slow

SHAPES = {"1x28x28": ((1, 28, 28), 10), "3x32x32": ((3, 32, 32), 10), "3x16x24": ((3, 16, 24), 3), "3x8x8": ((3, 8, 8), 200)}
"""Shapes and class counts."""
EPS = {"Linf": 0.1, "L2": 1.0}
N = 4
Shape = tuple[int, int, int]
SHAPE = pytest.mark.parametrize(("shape", "classes"), SHAPES.values(), ids=list(SHAPES))
NORM = pytest.mark.parametrize("p", NORMS)


def images(shape: Shape, *, at_border: bool) -> Tensor:
    drawn = torch.rand(N, *shape, generator=torch.Generator().manual_seed(0))
    return (drawn * 3 - 1).clamp(0, 1) if at_border else 0.4 + 0.2 * drawn


def weight(shape: Shape, seed: int = 7) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def linear(w: Tensor, x: Tensor) -> Tensor:
    return (x * w).flatten(1).sum(1)


def check_inside(x_adv: Tensor, x: Tensor, p: Norm) -> None:
    assert x_adv.shape == x.shape
    assert norm(x_adv - x, p).max() <= EPS[p] + 1e-5
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1


def gained(x_adv: Tensor, x: Tensor, w: Tensor, p: Norm) -> Tensor:
    """The share of the greatest possible fall of the loss (N,)."""
    possible = linear(w, x) - linear(w, optimum(w, x, p, EPS[p]).float())
    return (linear(w, x) - linear(w, x_adv)) / possible


PGD: list[tuple[str, Norm, dict[str, Any], float]] = [
    ("steepest", "Linf", {"step_size": 0.02, "steps": 20}, 0.999),
    ("momentum", "Linf", {"step_size": 0.02, "steps": 20}, 0.999),
    ("adam", "Linf", {"step_size": 0.02, "steps": 20}, 0.999),
    ("steepest", "L2", {"step_size": 0.5, "steps": 60}, 0.999),
    ("momentum", "L2", {"step_size": 0.5, "steps": 60}, 0.999),
    ("adam", "L2", {"step_size": 0.02, "steps": 60}, 0.7),  # its steps are signs: the best is the unit vector of signs
]


@SHAPE
@pytest.mark.parametrize("at_border", [False, True])
@pytest.mark.parametrize(("optimizer", "p", "settings", "least"), PGD, ids=[f"{name}-{p}" for name, p, *_ in PGD])
def test_pgd(
    shape: Shape, classes: int, at_border: bool, optimizer: Any, p: Norm, settings: dict[str, Any], least: float
) -> None:
    x, w = images(shape, at_border=at_border), weight(shape)
    x_adv = pgd(Linear(w), x, norm=p, eps=EPS[p], optimizer=optimizer, **settings)
    check_inside(x_adv, x, p)
    share = gained(x_adv, x, w, p)
    assert (share >= least).all()
    assert (share <= 1 + 1e-4).all()


@SHAPE
@NORM
@pytest.mark.parametrize("at_border", [False, True])
def test_apgd(shape: Shape, classes: int, p: Norm, at_border: bool) -> None:
    x, w = images(shape, at_border=at_border), weight(shape)
    x_adv = apgd(Linear(w), x, norm=p, eps=EPS[p], steps=60)
    check_inside(x_adv, x, p)
    assert (gained(x_adv, x, w, p) >= 0.999).all()


@SHAPE
@pytest.mark.parametrize(("p", "least"), [("Linf", 0.4), ("L2", 0.1)])
def test_square(shape: Shape, classes: int, p: Norm, least: float) -> None:
    """On a smooth weight: a black box of few queries cannot follow white noise pixel by pixel."""
    x = images(shape, at_border=False)
    w = nn.functional.avg_pool2d(weight(shape)[None], 5, 1, 2)[0]
    x_adv = square(lambda x_adv: linear(w, x_adv), x, norm=p, eps=EPS[p], queries=400)
    check_inside(x_adv, x, p)
    assert (gained(x_adv, x, w, p) >= least).all()


class LinearNet(nn.Module):
    """Logits w_k x + b_k."""

    def __init__(self, shape: Shape, rows: list[int]) -> None:
        super().__init__()
        self.out = nn.Linear(int(torch.tensor(shape).prod()), len(rows))
        with torch.no_grad():
            self.out.weight.copy_(torch.stack([weight(shape, 100 + k).flatten() for k in rows]))
            self.out.bias.copy_(-self.out.weight.sum(1) / 2 + torch.tensor([0.1 * (k % 7) for k in rows]))
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x.flatten(1))


def system(shape: Shape, classes: int, separate: bool) -> Any:
    every = list(range(classes))
    networks = [LinearNet(shape, [k]) for k in every] if separate else [LinearNet(shape, every)]
    bank = DetectorBank(networks, classes).eval()
    one = LinearNet(shape, every)
    generative = GenerativeClassifier(bank, torch.full((classes,), 1 / classes))
    return SimpleNamespace(detectors=bank, classifier=one, robust_classifier=one, generative=generative)


def greatest_logit(network: LinearNet, k: int, x: Tensor, p: Norm) -> Tensor:
    """The greatest logit k in ball and box, (N,)."""
    w = -network.out.weight[k].view(x.shape[1:])
    return -linear(w, optimum(w, x, p, EPS[p]).float()) + network.out.bias[k]


@SHAPE
@NORM
@pytest.mark.parametrize("separate", [False, True])
def test_a_detector_of_a_bank_and_success_at_a_threshold(shape: Shape, classes: int, p: Norm, separate: bool) -> None:
    victim, x, k = system(shape, classes, separate and classes <= 10), images(shape, at_border=True), classes - 1
    best = greatest_logit(victim.robust_classifier, k, x, p)
    settings: dict[str, Any] = {"norm": p, "eps": EPS[p], "step_size": EPS[p] / 2, "steps": 60, "optimizer": "steepest"}
    goal = objective("detector_logit", victim, target=k)
    found = victim.detectors.logit(pgd(goal, x, **settings), k)
    torch.testing.assert_close(found, best, atol=2e-3, rtol=1e-3)
    threshold = float(best.median())
    reached = pgd_until_success(
        lambda rows: objective("detector_logit", victim, target=k), x, below=-threshold + 1e-2, **settings
    )
    check_inside(reached, x, p)
    assert torch.equal(victim.detectors.logit(reached, k) > threshold - 1e-2, best > threshold - 1e-2)


@SHAPE
@NORM
def test_multi_targeted_fools_what_can_be_fooled(shape: Shape, classes: int, p: Norm) -> None:
    """A linear classifier is fooled in the ball where for some class t the margin w_y - w_t falls below zero in it."""
    net = LinearNet(shape, list(range(classes)))
    x = images(shape, at_border=False)
    y = net(x).argmax(1)
    x = (x + 0.03 * net.out.weight[y].view_as(x).sign()).clamp(0, 1) if p == "Linf" else x
    victim = Victim(name="robust", system=system(shape, classes, False))
    least = []
    for i in range(N):
        others = torch.arange(classes) != y[i]
        w = (net.out.weight[y[i]] - net.out.weight[others]).view(-1, *shape)
        nearest = optimum(w, x[i : i + 1].expand_as(w), p, EPS[p]).float()
        margins = linear(w, nearest) + net.out.bias[y[i]] - net.out.bias[others]
        least.append(float(margins.min()))
    settings: dict[str, Any] = {"norm": p, "eps": EPS[p], "step_size": EPS[p] / 4, "steps": 25, "optimizer": "steepest"}
    x_adv = multi_targeted(victim, x, y, **settings)
    check_inside(x_adv, x, p)
    assert (net(x_adv).argmax(1) != y).tolist() == [margin < 0 for margin in least]


@SHAPE
def test_min_distortion(shape: Shape, classes: int) -> None:
    """The nearest point with <w, d> = -1 is -w / ||w||^2, 1 / ||w|| away, inside the box."""
    x, w = images(shape, at_border=False)[:2], weight(shape)
    start = linear(w, x)

    def success(x_adv: Tensor, rows: Tensor) -> Tensor:
        return linear(w, x_adv) - start[rows] < -1

    found = min_distortion(Linear(w), success, x, most_c=1e4, depth=10, steps=30, step_size=0.01)
    least = 1 / float(w.norm())
    assert found.best_found.all()
    distance = norm(found.best - x, "L2")
    assert (distance >= least * (1 - 1e-3)).all()
    assert (distance <= least * 1.3).all()
