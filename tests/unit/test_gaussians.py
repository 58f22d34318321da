"""Class Gaussians: what they estimate, what is drawn from them, their file, and the grain of large images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from aatviz.data import Split
from aatviz.explore.generation.result import GenerateSettings
from aatviz.models.gaussians import ClassGaussians, estimate, reduced
from aatviz.store import gaussians as store
from aatviz.store.gaussians import load_gaussians, save_gaussians
from aatviz.store.weights import read_note

pytestmark = pytest.mark.slow

SHARED, SEPARATE = "mnist-linf-0.3-shared", "mnist-linf-0.3"
QUICK = GenerateSettings(steps=3, count=2, eps=1.0, step_size=0.5, seed=7)


def test_the_gaussian_finds_the_covariance_that_the_images_were_drawn_from() -> None:
    generator = torch.Generator().manual_seed(0)
    factors = torch.tensor([[0.2, 0.2, 0.0, 0.0], [0.0, 0.0, 0.1, -0.1]])
    wanted = factors.T @ factors + 0.05**2 * torch.eye(4)
    noise = torch.randn(20_000, 2, generator=generator) @ factors + 0.05 * torch.randn(20_000, 4, generator=generator)
    x, y = (0.5 + noise).view(-1, 1, 2, 2), torch.zeros(20_000, dtype=torch.long)
    found, (share,) = estimate(x, y, rank=2)
    torch.testing.assert_close(found.mean[0].flatten(), torch.full((4,), 0.5), atol=0.01, rtol=0)
    assert float(found.sigma) == pytest.approx(0.05, rel=0.03)
    torch.testing.assert_close(
        found.factors[0].T @ found.factors[0] + found.sigma**2 * torch.eye(4), wanted, atol=2e-3, rtol=0
    )
    assert share == pytest.approx(1 - 2 * 0.05**2 / float(wanted.trace()), rel=0.01)


def test_draws_have_the_mean_and_covariance_of_their_gaussian() -> None:
    factors = torch.tensor([[[0.05, 0.0, 0.0, 0.05]]])
    gaussian = ClassGaussians(mean=torch.full((1, 1, 2, 2), 0.5), factors=factors, sigma=torch.tensor([0.03]))
    generator = torch.Generator().manual_seed(1)
    draws = torch.stack([gaussian.draw(0, generator) for _ in range(8000)]).flatten(1)
    torch.testing.assert_close(draws.mean(0), torch.full((4,), 0.5), atol=0.003, rtol=0)
    torch.testing.assert_close(draws.T.cov(), factors[0].T @ factors[0] + 0.03**2 * torch.eye(4), atol=2e-4, rtol=0)


def test_draws_stay_in_the_box() -> None:
    wild = ClassGaussians(mean=torch.rand(1, 1, 2, 2), factors=torch.zeros(1, 0, 4), sigma=torch.tensor([9.0]))
    drawn = wild.draw(0, torch.Generator().manual_seed(0))
    assert drawn.min() >= 0
    assert drawn.max() <= 1


@pytest.mark.parametrize(("rank", "message"), [(4, "rank lies in 0..3"), (-1, "rank lies in"), (2, "needs at least 4")])
def test_a_rank_that_does_not_fit_is_explained(rank: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimate(torch.rand(3, 1, 2, 2), torch.zeros(3, dtype=torch.long), rank)


def test_gaussians_survive_their_file(tmp_path: Path) -> None:
    gaussian, _ = estimate(torch.rand(40, 1, 4, 4), torch.arange(40) % 2, rank=3)
    save_gaussians(tmp_path / "g.safetensors", gaussian, {"n": [20, 20]})
    again = load_gaussians(tmp_path / "g.safetensors")
    assert (again.classes, again.rank) == (2, 3)
    for name in ("mean", "factors", "sigma"):
        torch.testing.assert_close(getattr(again, name), getattr(gaussian, name), atol=1e-3, rtol=1e-3)


def test_large_images_are_estimated_at_a_grain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Squares of one colour go in and come out, with the moments of the small images; the file says so."""
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(60, 3, 16, 12, generator=generator)
    pixels = (small.repeat_interleave(4, 2).repeat_interleave(4, 3) * 255).round().byte()
    split = Split(pixels.numpy(), np.zeros(60, np.uint8))
    monkeypatch.setattr(store, "open_split", lambda *_: split)
    monkeypatch.setattr(store, "_AT_ONCE", 7)
    path, _ = store.build_gaussians("large", tmp_path)
    found = load_gaussians(path)
    assert (found.grain, found.rank, read_note(path)["grain"]) == (4, 58, 4)  # of 60 images
    wanted, _ = estimate((small * 255).round() / 255, torch.zeros(60, dtype=torch.long), 58)
    torch.testing.assert_close(found.mean, wanted.mean, atol=1e-3, rtol=1e-3)
    drawn = found.draw(0, torch.Generator().manual_seed(3))
    assert drawn.shape == (3, 64, 48)
    squares = reduced(drawn[None], 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(squares, drawn[None])


@pytest.mark.parametrize(("shape", "grain"), [((1, 28, 28), 1), ((3, 32, 32), 1), ((3, 47, 47), 1), ((3, 64, 64), 4)])
def test_only_large_images_have_a_grain(shape: tuple[int, ...], grain: int) -> None:
    assert store.grain_of(shape) == grain


def test_a_grain_divides_the_image() -> None:
    assert [store.grain_of((3, 50, side)) for side in (70, 51, 75)] == [2, 1, 1]
    with pytest.raises(ValueError, match="50 x 50 pixels cannot be divided into squares of 4"):
        reduced(torch.zeros(1, 3, 50, 50), 4)
