"""How much arithmetic an attack needs, counted from the layers, and how much the machine can do at best."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.attacks.objectives import LossName
from aatviz.models.detectors import DetectorBank

SIZE, REPEATS = 2048, 5
"""Rows and columns of the matrices, large enough that nothing but the multiplication counts, and how often in one call."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def forward_flops(network: nn.Module, image_shape: tuple[int, ...]) -> int:
    """Floating point operations of one image's forward pass: two for each multiply-add of a convolution or linear layer.

    The gradient with respect to the image takes as many again: each layer's transposed one. What pads an image counts
    like the image, as is usual; pooling, rectifiers and biases are left out.
    """
    total = 0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += 2 * output[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += 2 * layer.weight.numel()

    hooks = [layer.register_forward_hook(count) for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    try:
        with torch.no_grad():
            network(torch.zeros(1, *image_shape))
    finally:
        for hook in hooks:
            hook.remove()
    return total


def attack_flops(bank: DetectorBank, loss: LossName, image_shape: tuple[int, ...], steps: int) -> int:
    """What one image's attack of that many steps needs at least, with its last iterate scored.

    A step is a forward pass of each network that the loss depends on, and a gradient through one network: of a maximum
    only the strongest detector's counts. What an engine computes beyond that does not raise its share of the peak.
    """
    one = forward_flops(bank.networks[0], image_shape)
    networks = len(bank.networks) if loss == "detectors_max" else 1
    return steps * (networks + 1) * one + networks * one


def matmul(precision: str) -> tuple[Callable[[int], Tensor], int]:
    """A call that multiplies large matrices a few times, as a linear layer does, and its floating point operations."""
    a, b = (_random(SIZE, SIZE, precision=precision) for _ in range(2))
    return _repeated(lambda: torch.mm(a, b.T), REPEATS), REPEATS * 2 * SIZE**3


def convolution(precision: str) -> tuple[Callable[[int], Tensor], int]:
    """The same for a convolution that fills the processor.

    Not every library multiplies matrices with the widest instructions of every processor. Where float32 convolutions are
    faster than float32 matrix products, a share of the latter's peak says too little, and this one is beside it.
    """
    x = _random(64, 64, 14, 14, precision=precision).contiguous(memory_format=torch.channels_last)
    kernel = _random(64, 64, 3, 3, precision=precision).contiguous(memory_format=torch.channels_last)
    times = 20 * REPEATS
    return _repeated(lambda: F.conv2d(x, kernel, padding=1), times), times * 2 * 64 * 64 * 14 * 14 * 64 * 9


def _repeated(call: Callable[[], Tensor], times: int) -> Callable[[int], Tensor]:
    def repeated(_: int) -> Tensor:
        for _ in range(times):
            result = call()
        return result

    return repeated


def _random(*shape: int, precision: str) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).to(DTYPES[precision])


PEAKS = {"matmul": matmul, "convolution": convolution}
"""By the names that cases use."""
