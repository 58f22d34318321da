"""Madry's network, and its first convolution against torch's own."""

import copy

import pytest
import torch
from torch import Tensor, nn

from aatviz.models.networks import MadryNet
from aatviz.models.networks.first_conv import GreyConv5x5

SIZES = pytest.mark.parametrize("size", [(28, 28), (2, 2), (4, 10), (32, 6)], ids=str)


def gradients(conv: nn.Conv2d, x: Tensor, weighting: Tensor) -> tuple[Tensor, ...]:
    """The output, and the gradients for image, weight and bias."""
    assert conv.bias is not None
    x = x.clone().requires_grad_()
    out = conv(x)
    return (out.detach(), *torch.autograd.grad((out * weighting).sum(), (x, conv.weight, conv.bias)))


def pair(dtype: torch.dtype) -> tuple[GreyConv5x5, nn.Conv2d]:
    torch.manual_seed(0)
    ours = GreyConv5x5(7).to(dtype)
    plain = nn.Conv2d(1, 7, 5, padding=2).to(dtype)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


@SIZES
def test_the_grey_convolution_and_its_three_gradients_equal_torchs(size: tuple[int, int]) -> None:
    ours, plain = pair(torch.float64)
    x, weighting = torch.rand(3, 1, *size, dtype=torch.float64), torch.randn(3, 7, *size, dtype=torch.float64)
    for one, other in zip(gradients(ours, x, weighting), gradients(plain, x, weighting), strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_the_grey_convolution_works_under_autocast(layout: torch.memory_format) -> None:
    ours, plain = (conv.to(memory_format=layout) for conv in pair(torch.float32))
    x, weighting = torch.rand(3, 1, 28, 28), torch.randn(3, 7, 28, 28)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gradients(ours, x, weighting)
    assert found[0].dtype == torch.bfloat16
    assert all(gradient.dtype == torch.float32 for gradient in found[1:])
    for one, other in zip(found, gradients(plain, x, weighting), strict=True):
        assert float((one.float() - other).norm() / other.norm()) < 0.02


def test_only_the_gradients_that_are_asked_for_are_computed() -> None:
    ours, _ = pair(torch.float32)
    ours.requires_grad_(False)
    x = torch.rand(1, 1, 4, 4, requires_grad=True)
    ours(x).sum().backward()
    assert x.grad is not None
    assert ours.weight.grad is None


def test_madrys_network_has_the_papers_size() -> None:
    """(25 + 1) 32 + (25 * 32 + 1) 64 + (3136 + 1) 1024 + (1024 + 1) 10."""
    assert sum(parameter.numel() for parameter in MadryNet(10).parameters()) == 3_274_634


def test_madrys_network_is_conv_relu_pool_twice_and_two_dense_layers() -> None:
    torch.manual_seed(0)
    net = MadryNet(3, width=8).double()
    twin = copy.deepcopy(net)
    reference = nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), twin.conv2, nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), twin.hidden, nn.ReLU(), twin.out,
    ).double()  # fmt: skip
    reference[0].load_state_dict(net.conv1.state_dict())
    x = torch.rand(2, 1, 28, 28, dtype=torch.float64)
    torch.testing.assert_close(net(x), reference(x))
