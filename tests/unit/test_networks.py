"""The registry of networks: every entry for every shape, its layout for attacks, and the wide network against its source."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.attacks.passes import prepared
from aatviz.models.networks import NETWORKS, MadryNet, Network, lite
from aatviz.models.networks.preact import FoldedPreActNet, PreActNet
from aatviz.models.networks.registry import Registry, Shape
from aatviz.models.networks.wide import WideNet, standardised

SHAPES: list[tuple[Shape, int]] = [((1, 28, 28), 10), ((3, 32, 32), 10), ((3, 16, 24), 3)]
SMALL = {
    "madry": {"width": 16},
    "wide": {"widths": (4, 8, 12, 16), "units": 2},
    "resnet50": {"blocks": (1, 1, 1, 1), "width": 8},
    "lite0": {"blocks": (1, 2, 1, 0, 0, 0, 0)},
}
"""Networks of the registry's kinds that take no time."""
ENTRIES = [pytest.param(name, marks=pytest.mark.slow if name == "resnet50" else ()) for name in NETWORKS.entries]
"""torchvision takes a second to load."""


def small(name: str, shape: Shape, outputs: int) -> nn.Module:
    torch.manual_seed(0)
    return unlike_new(NETWORKS.get(name).build(shape, outputs, **SMALL.get(name, {})))


def unlike_new(network: nn.Module) -> nn.Module:
    """In eval mode, with statistics, factors and summands that do something."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_(std=0.5)
            part.running_var.uniform_(0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.5)
    return network.eval()


def by_autograd(network: nn.Module, x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    logits = network(x)
    return logits.detach(), torch.autograd.grad(logits, x, grad)[0]


@pytest.mark.parametrize(("shape", "outputs"), SHAPES, ids=str)
@pytest.mark.parametrize("name", ENTRIES)
def test_every_network_for_every_shape_gives_logits_and_the_passes_give_autograds_gradient(
    name: str, shape: Shape, outputs: int
) -> None:
    network = small(name, shape, outputs).double()
    x, grad = torch.rand(5, *shape).double(), torch.randn(5, outputs).double()
    logits, expected = by_autograd(network, x, grad)
    assert logits.shape == (5, outputs)
    through = prepared(network)(x)
    torch.testing.assert_close(through.logits, logits, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(through.gradient(grad), expected, atol=1e-9, rtol=1e-9)
    assert expected.abs().max() > 1e-5
    grad[[0, 2, 3, 4]] = 0  # so few rows that they go forward again
    torch.testing.assert_close(
        prepared(network)(x).gradient(grad, sparse=True), by_autograd(network, x, grad)[1], atol=1e-9, rtol=1e-9
    )


@pytest.mark.parametrize(("shape", "outputs"), SHAPES, ids=str)
@pytest.mark.parametrize("name", ENTRIES)
def test_every_networks_head_is_where_the_registry_says(name: str, shape: Shape, outputs: int) -> None:
    """Row k of it is output k alone: what a detector that starts from a bank takes over."""
    network, x = small(name, shape, outputs), torch.rand(2, *shape)
    head = network.get_submodule(NETWORKS.get(name).head)
    before = network(x)
    with torch.no_grad():
        for parameter in head.parameters():
            assert len(parameter) == outputs
            parameter[1] += 0.5
    after = network(x)
    others = [k for k in range(outputs) if k != 1]
    assert torch.equal(before[:, others], after[:, others])
    assert (before[:, 1] != after[:, 1]).all()


@pytest.mark.parametrize(("shape", "outputs"), SHAPES, ids=str)
@pytest.mark.parametrize("name", ENTRIES)
def test_passes_in_bfloat16_point_the_same_way(name: str, shape: Shape, outputs: int) -> None:
    network = small(name, shape, outputs)
    x, grad = torch.rand(4, *shape), torch.randn(4, outputs)
    logits, expected = by_autograd(network, x, grad)
    through = prepared(network, bf16=True)(x)
    torch.testing.assert_close(through.logits.float(), logits, atol=0.05, rtol=0.05)
    alike = F.cosine_similarity(through.gradient(grad).float().flatten(), expected.flatten(), dim=0)
    assert alike > (0.98 if name in ("preact", "wide", "mlp") else 0.8)  # rounding picks other maxima, and ends of a clip


FOLDED = {
    "default": {},
    "a block at full resolution": {"blocks": (1, 1, 1, 1)},
    "shortcuts in a row": {"widths": (8, 16), "blocks": (3, 2)},
    "relu": {"activation": "relu"},
    "without norm": {"norm": "none"},
    "no block at all": {"widths": (8,), "blocks": (0,)},
}


@pytest.mark.parametrize("arch", FOLDED.values(), ids=FOLDED)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 15, 9)], ids=str)
def test_folded_batch_norm_changes_no_logit_and_no_gradient(arch: dict[str, object], shape: Shape) -> None:
    torch.manual_seed(1)
    network = unlike_new(PreActNet(shape, 4, **arch))  # type: ignore[arg-type]
    if arch.get("norm") == "none":
        for parameter in network.parameters():  # some begin at 0
            nn.init.normal_(parameter, std=0.1)
    x, grad = torch.rand(3, *shape), torch.randn(3, 4)
    logits, expected = by_autograd(network, x, grad)
    found, gradient = by_autograd(FoldedPreActNet(network, None), x, grad)  # type: ignore[arg-type]
    torch.testing.assert_close(found, logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(gradient, expected, atol=1e-4, rtol=1e-4)
    assert logits.std() > 1e-3


def test_of_the_default_network_no_batch_norm_is_left() -> None:
    network = FoldedPreActNet(small("preact", (3, 32, 32), 10), torch.bfloat16)  # type: ignore[arg-type]
    assert network.before == [None] * 4
    assert not [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]


def test_the_small_network_has_the_size_that_its_docstring_says() -> None:
    network = PreActNet((3, 32, 32), 10)
    assert round(multiply_adds(network, 32) / 1e6) == 45
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_209_514


def multiply_adds(network: nn.Module, side: int) -> int:
    """Of one coloured image."""
    adds: list[int] = []

    def count(layer: nn.Module, _: object, out: Tensor) -> None:
        weight = layer.weight
        assert isinstance(weight, Tensor)
        adds.append(weight.numel() * (out.shape[2] * out.shape[3] if out.dim() == 4 else 1))

    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.register_forward_hook(count)
    with torch.no_grad():
        network(torch.rand(1, 3, side, side))
    return sum(adds)


# Madry's wide network


def test_the_wide_network_has_the_sources_layers_and_size() -> None:
    """w32-10: 31 convolutions and a dense layer; 45.9 million weights."""
    with torch.device("meta"):
        network = WideNet((3, 32, 32), 10)
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    assert len(convolutions) == 31
    assert [unit.norm1.num_features for unit in network.units[::5]] == [16, 160, 320]  # type: ignore[union-attr]
    kernels = 9 * (3 * 16 + 16 * 160 + 9 * 160**2 + 160 * 320 + 9 * 320**2 + 320 * 640 + 9 * 640**2)
    norms = 2 * (16 + 160 * 10 + 320 * 9 + 160 + 640 * 9 + 320 + 640 - 160)
    assert sum(part.weight.numel() for part in convolutions) == kernels
    assert sum(parameter.numel() for parameter in network.parameters()) == kernels + norms + 6410
    assert all(part.eps == 1e-3 for part in network.modules() if isinstance(part, nn.BatchNorm2d))


def test_an_image_is_standardised_as_tensorflow_does_it() -> None:
    x = torch.rand(3, 3, 8, 8, dtype=torch.float64)
    x[2] = 0.25
    bytes_ = 255 * x
    spread = bytes_.flatten(1).std(1, correction=0).clamp_min(1 / math.sqrt(192))
    expected = (bytes_ - bytes_.mean((1, 2, 3), keepdim=True)) / spread[:, None, None, None]
    torch.testing.assert_close(standardised(x), expected)
    flat = x[2:].clone().requires_grad_()
    (grad,) = torch.autograd.grad(standardised(flat)[0, 0, 0, 0], flat)
    assert grad.isfinite().all()


def test_a_unit_of_the_wide_network_is_the_sources() -> None:
    """Written once more, in TensorFlow's order: zeros at the end of an even side, averaged and padded shortcut."""
    network = small("wide", (3, 8, 8), 2)
    unit = network.units[2]  # type: ignore[index]
    assert unit.stride == 2
    assert not unit.first
    x = torch.randn(2, 8, 8, 8)
    inner = F.leaky_relu(unit.norm1(x), 0.1)
    inner = F.conv2d(F.pad(inner, (0, 1, 0, 1)), unit.conv1.weight, stride=2)
    inner = F.conv2d(F.leaky_relu(unit.norm2(inner), 0.1), unit.conv2.weight, padding=1)
    beside = F.pad(F.avg_pool2d(x, 2), (0, 0, 0, 0, 2, 2))
    torch.testing.assert_close(unit(x), inner + beside)


# EfficientNet-Lite0


def test_lite0_has_the_published_size_and_takes_the_multiply_adds_of_its_docstring() -> None:
    network = NETWORKS.get("lite0").build((3, 64, 64), 1000).eval()
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_652_008
    assert round(multiply_adds(network, 224) / 1e6) == 385


def test_a_strided_convolution_of_lite0_pads_as_tensorflow_does() -> None:
    """An even side at its end alone for a kernel of 3, once before and twice behind for one of 5; an odd side evenly."""
    for kernel, side, zeros in ((3, 8, (0, 1)), (5, 8, (1, 2)), (3, 7, (1, 1)), (5, 7, (2, 2))):
        conv = lite._Conv(2, 3, kernel, stride=2).eval()
        x = torch.rand(1, 2, side, side)
        expected = F.conv2d(F.pad(x, zeros * 2), conv.conv.weight, stride=2) / math.sqrt(1 + 1e-3)
        torch.testing.assert_close(conv(x), expected.clamp(0, 6))


def test_a_kernel_of_lite0_that_is_larger_than_the_image_loses_nothing_but_what_sees_zeros() -> None:
    for kernel, size, seen in ((5, (2, 2), 3), (5, (2, 1), 3), (5, (1, 1), 1), (3, (1, 1), 1), (5, (3, 2), 5)):
        conv = lite._Conv(4, 4, kernel, groups=4).eval()
        x = torch.rand(3, 4, *size)
        expected = F.conv2d(x, conv.conv.weight, padding=kernel // 2, groups=4) / math.sqrt(1 + 1e-3)
        torch.testing.assert_close(conv(x), expected.clamp(0, 6))
        found = (conv._convolved(x), conv.conv(x))
        mine, plain = (torch.autograd.grad(one.square().sum(), conv.conv.weight)[0] for one in found)
        torch.testing.assert_close(mine, plain)
        assert int(mine[0, 0].count_nonzero()) <= seen**2


# The registry itself


def test_an_unknown_network_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no network 'vgg'; there are madry, preact, wide, pooled, mlp, lite0, resnet50"):
        NETWORKS.get("vgg")


def test_a_new_network_with_a_layout_is_one_entry() -> None:
    class Doubled(nn.Linear):
        pass

    registry = Registry({"doubled": Network(build=Doubled, kind=Doubled, layout=lambda network, dtype: nn.Identity())})
    assert isinstance(registry.laid_out(Doubled(2, 2), None), nn.Identity)
    plain = nn.Linear(2, 2)
    assert registry.laid_out(plain, None) is plain
    half = registry.laid_out(plain, torch.bfloat16)
    assert isinstance(half, nn.Linear)
    assert half.weight.dtype == torch.bfloat16
    assert plain.weight.dtype == torch.float32


@pytest.mark.parametrize("network", [MadryNet(3, width=8), PreActNet((1, 28, 28), 3)], ids=lambda one: type(one).__name__)
def test_a_network_without_its_last_layer_runs_all_the_same(network: nn.Module) -> None:
    """The attack unit test cuts it off."""
    network.eval().out = nn.Identity()
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(prepared(network)(x).logits, network(x))


@pytest.mark.parametrize("activation", ["relu", "silu"])
@pytest.mark.parametrize("n", [1, 64, 128])
def test_the_small_networks_passes_are_autograds_to_the_bit(n: int, activation: str) -> None:
    """Else a training would end with other weights than before it had them."""
    torch.manual_seed(0)
    network = NETWORKS.get("mlp").build((2, 1, 1), 3, activation=activation)
    x, grad = torch.rand(n, 2, 1, 1), torch.randn(n, 3)
    logits, expected = by_autograd(network, x, grad)
    through = prepared(network)(x)
    assert torch.equal(through.logits, logits)
    assert torch.equal(through.gradient(grad), expected)
    assert torch.equal(through.gradient(grad), expected)  # nothing is overwritten on the way


def test_an_unknown_activation_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="one of relu, silu; got 'tanh'"):
        NETWORKS.get("mlp").build((2, 1, 1), 3, activation="tanh")


@pytest.mark.parametrize("width", [1, 3, 4, 7, 8, 12])
def test_preact_of_any_width_has_the_gradients_of_double_precision(width: int) -> None:
    """Shortcuts of fewer than 8 channels go another way: with AVX2 alone, PyTorch would end with a segmentation fault."""
    torch.manual_seed(width)
    network = NETWORKS.get("preact").build((3, 16, 12), 3, widths=(width, 8), blocks=(0, 1)).eval()
    exact = copy.deepcopy(network).double()
    x = torch.rand(8, 3, 16, 12)
    network(x).square().sum().backward()
    exact(x.double()).square().sum().backward()
    for (name, one), other in zip(network.named_parameters(), exact.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(one.grad.double(), other.grad, rtol=1e-4, atol=1e-5, msg=name)


def test_networks_of_depthwise_convolutions_stay_in_float32_on_a_processor() -> None:
    lite = NETWORKS.get("lite0").build((3, 32, 32), 2)
    assert not NETWORKS.bf16_pays("lite0")
    assert not NETWORKS.bf16_pays(nn.Linear(2, 2), lite)
    assert NETWORKS.bf16_pays("preact", "pooled", nn.Linear(2, 2))
