"""Square: inside ball and box, never worse than the image, no gradient, and near the optimum of a linear detector."""

import pytest
import torch
from torch import Tensor

from aatviz.attacks import Iterate, norm
from aatviz.attacks.geometry import Norm
from aatviz.attacks.square import _pyramid, square

X = torch.rand((6, 1, 12, 12), generator=torch.Generator().manual_seed(0))
WEIGHT = torch.randn((1, 12, 12), generator=torch.Generator().manual_seed(1))


def linear(x_adv: Tensor) -> Tensor:
    assert not x_adv.requires_grad
    assert not torch.is_grad_enabled()
    return -(x_adv * WEIGHT).flatten(1).sum(1)


@pytest.mark.parametrize(("p", "eps"), [("Linf", 0.2), ("L2", 1.0)])
def test_it_stays_in_ball_and_box_and_its_best_loss_never_rises(p: Norm, eps: float) -> None:
    losses: list[Tensor] = []

    def watch(it: Iterate) -> None:
        assert (norm(it.x_adv - X, p) <= eps + 1e-5).all()
        assert it.x_adv.min() >= 0
        assert it.x_adv.max() <= 1
        losses.append(it.loss)

    x_adv = square(linear, X, norm=p, eps=eps, queries=60, seed=3, callback=watch)
    path = torch.stack(losses)
    assert len(path) == 61
    assert (path[1:] <= path[:-1]).all()
    assert (path[-1] < path[0]).all()
    assert torch.equal(linear_of(x_adv), path[-1])
    assert torch.equal(x_adv, square(linear, X, norm=p, eps=eps, queries=60, seed=3))
    assert not torch.equal(x_adv, square(linear, X, norm=p, eps=eps, queries=60, seed=4))


@pytest.mark.slow
@pytest.mark.parametrize(("p", "eps", "least"), [("Linf", 0.1, 0.9), ("L2", 0.5, 0.6)])
def test_it_comes_near_the_optimum_of_a_linear_detector(p: Norm, eps: float, least: float) -> None:
    """The box is left out of play: the images lie well inside. In L2, blobs cannot follow a weight that is white noise."""
    x = 0.3 + 0.4 * X
    smooth = WEIGHT if p == "Linf" else torch.nn.functional.avg_pool2d(WEIGHT, 5, 1, 2)

    def loss(x_adv: Tensor) -> Tensor:
        return -(x_adv * smooth).flatten(1).sum(1)

    found = loss(x) - loss(square(loss, x, norm=p, eps=eps, queries=3000))
    possible = eps * (smooth.abs().sum() if p == "Linf" else smooth.norm())
    assert (found >= least * possible).all()
    assert (found <= possible + 1e-4).all()


@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 1, 8), (1, 8, 1)])
@pytest.mark.parametrize("p", ["Linf", "L2"])
def test_it_searches_images_of_one_row_too(p: Norm, shape: tuple[int, ...]) -> None:
    seen = set()

    def loss(x_adv: Tensor) -> Tensor:
        seen.add(tuple(x_adv.flatten().tolist()))
        return x_adv.flatten(1).sum(1)

    square(loss, torch.full((1, *shape), 0.5), norm=p, eps=0.2, queries=100)
    assert len(seen) > 3


@pytest.mark.parametrize(("height", "width"), [(1, 3), (2, 3), (2, 5), (3, 5), (4, 9), (5, 9)])
def test_the_bump_is_the_papers(height: int, width: int) -> None:
    """Section 3.2: the sum of squares around the middle, the one that reaches k pixels far weighing 1 / (k + 1)^2."""
    expected = torch.zeros(height, width)
    middle, beside = height // 2, width // 2
    for reach in range(max(height, width) // 2 + 1):
        rows = slice(max(middle - reach, 0), middle + reach + 1)
        columns = slice(max(beside - reach, 0), beside + reach + 1)
        expected[rows, columns] += 1 / (reach + 1) ** 2
    torch.testing.assert_close(_pyramid(height, width), expected / expected.norm())


def test_where_nothing_helps_the_image_itself_comes_back() -> None:
    x_adv = square(lambda x_adv: (x_adv - X).flatten(1).abs().sum(1), X, norm="Linf", eps=0.2, queries=20)
    assert torch.equal(x_adv, X)


@pytest.mark.parametrize(
    ("setting", "words"), [({"queries": -1}, "queries"), ({"p_init": 0.0}, "p_init"), ({"norm": "L1"}, "norm")]
)
def test_impossible_settings_are_named(setting: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        square(linear, X, **setting)  # type: ignore[arg-type]


@torch.no_grad()
def linear_of(x: Tensor) -> Tensor:
    return linear(x)
