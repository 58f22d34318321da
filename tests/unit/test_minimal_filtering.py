"""Minimal filtering is the convolution: exact in double precision, a digit less in single, forward and backward."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from aatviz.nets.minimal_filtering import MANY, MinimalFiltering, transforms


def random(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=dtype)


def by_autograd(x: Tensor, weight: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    x = x.double().requires_grad_()
    output = F.conv2d(x, weight.double(), padding=weight.shape[-1] // 2)
    return output.detach(), torch.autograd.grad(output, x, grad.double())[0]


def test_f_2_3_is_winograds() -> None:
    """Lavin and Gray, section 4.1, but for signs and scales of single products."""
    data, weights, output = transforms((0.0, 1.0, -1.0), rows=2, size=3)
    d, g = random(4), random(3)
    products = (weights @ g) * (data @ d)
    d0, d1, d2, d3 = d
    g0, g1, g2 = g
    m1, m2 = (d0 - d2) * g0, (d1 + d2) * (g0 + g1 + g2) / 2
    m3, m4 = (d2 - d1) * (g0 - g1 + g2) / 2, (d1 - d3) * g2
    torch.testing.assert_close(products.abs(), torch.stack([m1, m2, m3, m4]).abs())
    torch.testing.assert_close(output @ products, torch.stack([m1 + m2 + m3, m2 - m3 - m4]))


@pytest.mark.parametrize(("rows", "size"), [(1, 3), (2, 2), (4, 5), (3, 7)])
def test_the_transforms_give_the_correlation(rows: int, size: int) -> None:
    points = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0)[: rows + size - 2]
    data, weights, output = transforms(points, rows, size)
    d, g = random(rows + size - 1), random(size)
    torch.testing.assert_close(output @ ((weights @ g) * (data @ d)), d.unfold(0, size, 1) @ g)


@pytest.mark.parametrize("shape", [(3, 4, 7, 5), (MANY - 1, 3, 14, 14), (MANY, 3, 14, 14), (1, 1, 21, 9)])
def test_in_double_precision_it_is_the_convolution(shape: tuple[int, ...]) -> None:
    x, weight, grad = random(*shape), random(6, shape[1], 5, 5), random(shape[0], 6, *shape[2:])
    filtering = MinimalFiltering(weight, shape[2])
    output, back = by_autograd(x, weight, grad)
    torch.testing.assert_close(filtering.forward(x), output, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(filtering.backward(grad), back, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("n", [1, MANY])
def test_in_single_precision_a_digit_is_lost(n: int) -> None:
    x, weight, grad = (random(*shape, dtype=torch.float32) for shape in ((n, 32, 14, 14), (64, 32, 5, 5), (n, 64, 14, 14)))
    filtering = MinimalFiltering(weight, 14)
    output, back = by_autograd(x, weight, grad)
    for found, expected in ((filtering.forward(x), output), (filtering.backward(grad), back)):
        assert found.dtype == torch.float32
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert (found - expected).abs().max() < 2e-4 * expected.std()


def test_a_height_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 7, for a kernel of 5; it is 12"):
        MinimalFiltering(random(2, 2, 5, 5), 12)
