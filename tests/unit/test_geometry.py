"""The balls, their projections and the random starts, against an independent solution in float64."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from aatviz.attacks.geometry import NORMS, Norm, distances, norm, project, random_start, to_levels
from aatviz.evaluate.real_images import SLACK

FEW = settings(max_examples=25, deadline=None)
NORM = pytest.mark.parametrize("p", NORMS)


def case(seed: int, spread: float, n: int = 4) -> tuple[Tensor, Tensor]:
    """Images with many pixels at the border of the box, as digits have them, and points around them."""
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(n, 1, 5, 5, generator=generator) * 2 - 0.5).clamp(0, 1)
    return x, x + spread * torch.randn(x.shape, generator=generator)


def nearest_by_bisection(v: NDArray[np.float64], x: NDArray[np.float64], eps: float) -> NDArray[np.float64]:
    """The KKT point of min ||z - v||^2, ||z - x||_2 <= eps, 0 <= z <= 1: z = clip(x + s (v - x)), by bisection on s."""

    def point(s: float) -> NDArray[np.float64]:
        return np.clip(x + s * (v - x), 0, 1)

    low, high = 0.0, 1.0
    if np.linalg.norm(point(1.0) - x) <= eps:
        return point(1.0)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.linalg.norm(point(middle) - x) <= eps else (low, middle)
    return point(low)


@NORM
@FEW
@given(seed=st.integers(0, 10_000), spread=st.floats(0.001, 20), eps=st.floats(0, 3))
def test_a_projection_lies_in_ball_and_box_and_is_idempotent(p: Norm, seed: int, spread: float, eps: float) -> None:
    x, v = case(seed, spread)
    z = project(v, x, p, eps)
    assert (z >= 0).all()
    assert (z <= 1).all()
    assert (norm(z - x, p) <= eps + 1e-6).all()
    torch.testing.assert_close(project(z, x, p, eps), z, atol=1e-6, rtol=0)


@NORM
def test_a_point_of_ball_and_box_stays_where_it_is(p: Norm) -> None:
    x, v = case(0, 0.01)
    v = v.clamp(0, 1)
    torch.testing.assert_close(project(v, x, p, 0.9), v)


@FEW
@given(seed=st.integers(0, 10_000), spread=st.floats(0.01, 20), eps=st.floats(0.01, 3))
def test_the_l2_projection_is_the_nearest_point_of_ball_and_box(seed: int, spread: float, eps: float) -> None:
    x, v = case(seed, spread, n=2)
    z = project(v, x, "L2", eps)
    for one_z, one_v, one_x in zip(z, v, x, strict=True):
        oracle = nearest_by_bisection(one_v.double().numpy(), one_x.double().numpy(), eps)
        np.testing.assert_allclose(one_z.numpy(), oracle, atol=2e-5)


def test_the_l2_projection_is_exact_where_the_pixels_reach_the_border_one_after_the_other() -> None:
    """The hard case for an active-set method: every pixel has another ratio of room to step."""
    pixels = 784
    x = 1 - torch.linspace(0.001, 1, pixels).view(1, 1, 28, 28)
    v = x + 40 * torch.linspace(1, 0.01, pixels).view(1, 1, 28, 28)
    for eps in (0.5, 3.0, 10.0, 15.0):
        oracle = nearest_by_bisection(v[0].double().numpy(), x[0].double().numpy(), eps)
        np.testing.assert_allclose(project(v, x, "L2", eps)[0].numpy(), oracle, atol=2e-5)


def test_the_linf_projection_is_the_nearest_point_pixel_by_pixel() -> None:
    x, v = case(3, 2.0)
    low, high = np.maximum(x.numpy() - 0.3, 0), np.minimum(x.numpy() + 0.3, 1)
    np.testing.assert_allclose(project(v, x, "Linf", 0.3).numpy(), np.minimum(np.maximum(v.numpy(), low), high), atol=1e-7)


@NORM
def test_every_sample_has_its_own_eps(p: Norm) -> None:
    x, v = case(1, 5.0)
    eps = torch.tensor([0.0, 0.1, 0.4, 0.8])
    together = project(v, x, p, eps)
    alone = [project(v[i : i + 1], x[i : i + 1], p, float(eps[i])) for i in range(4)]
    torch.testing.assert_close(together, torch.cat(alone))
    assert torch.equal(together[0], x[0])


@pytest.mark.parametrize(("p", "expected"), [("Linf", [4.0, 1.0]), ("L2", [5.0, 1.0])])
def test_the_norm_is_taken_of_every_sample_alone(p: Norm, expected: list[float]) -> None:
    delta = torch.tensor([[3.0, 4.0], [0.0, -1.0]]).view(2, 1, 1, 2)
    torch.testing.assert_close(norm(delta, p), torch.tensor(expected))


@NORM
def test_random_starts_lie_inside_and_differ_by_seed_only(p: Norm) -> None:
    x, _ = case(5, 1.0, n=50)

    def draw(seed: int) -> Tensor:
        return random_start(x, p, 0.3, torch.Generator().manual_seed(seed))

    start = draw(0)
    assert (norm(start - x, p) <= 0.3 + 1e-6).all()
    assert (start >= 0).all()
    assert (start <= 1).all()
    assert torch.equal(start, draw(0))
    assert not torch.equal(start, draw(1))


@NORM
def test_random_starts_fill_the_ball_uniformly(p: Norm) -> None:
    """Far from the box, the share within r eps of the centre is r^d: here of d = 4 pixels and 4,000 samples."""
    x = torch.full((4000, 1, 2, 2), 0.5)
    size = norm(random_start(x, p, 0.3, torch.Generator().manual_seed(0)) - x, p) / 0.3
    for r in (0.5, 0.8, 0.95):
        assert float((size <= r).float().mean()) == pytest.approx(r**4, abs=0.03)


@NORM
def test_distances_of_the_size_of_a_ball_are_exact_to_less_than_what_counts_as_inside(p: Norm) -> None:
    """Also of images that are equal, or nearly so."""
    x = torch.rand((40, 3, 32, 32), generator=torch.Generator().manual_seed(0)).clamp(0.1, 0.9)
    others = torch.cat([x, x + 0.31 / math.sqrt(x[0].numel()), x.flip(0)])
    found = distances(x, others, p)
    wide = (x.double()[:, None] - others.double()).flatten(2)
    exact = wide.abs().amax(2) if p == "Linf" else wide.norm(dim=2)
    assert float((found - exact)[exact < 5].abs().max()) < SLACK / 2
    assert float(found.diagonal().max()) == 0


@pytest.mark.parametrize("p", ["linf", "l2", "inf", math.inf, 2, "L1", None])
def test_a_norm_by_another_name_is_refused_and_not_taken_for_l2(p: Any) -> None:
    delta = torch.rand(2, 1, 2, 2)
    generator = torch.Generator().manual_seed(0)
    for run in (
        lambda: norm(delta, p),
        lambda: distances(delta, delta, p),
        lambda: project(delta, delta, p, 0.1),
        lambda: to_levels(delta, delta, p, 0.1),
        lambda: random_start(delta, p, 0.1, generator),
    ):
        with pytest.raises(ValueError, match="norm is one of Linf, L2; got"):
            run()
