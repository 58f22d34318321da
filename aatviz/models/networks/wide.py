"""Madry's wide ResNet for CIFAR-10 (w32-10 of the CIFAR-10 adversarial challenge), as in its public code.

The paper calls it a ResNet50; the authors' code builds this one: 46 million weights, 6.7 billion multiply-adds an image.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAK = 0.1


class WideNet(nn.Module):
    """Images (N, *shape) in [0,1] -> logits (N, outputs); every image is standardised by its own mean and spread.

    A 3x3 convolution to `widths[0]` channels, then a stage of `units` residual units for each other width; every stage but
    the first halves the side.
    """

    def __init__(
        self, shape: tuple[int, int, int], outputs: int, widths: Sequence[int] = (16, 160, 320, 640), units: int = 5
    ) -> None:
        super().__init__()
        self.stem = _conv(shape[0], widths[0])
        self.units = nn.ModuleList()
        channels = widths[0]
        for stage, width in enumerate(widths[1:]):
            for i in range(units):
                self.units.append(_Unit(channels, width, 2 if stage and not i else 1, first=not stage and not i))
                channels = width
        self.norm = _norm(channels)
        self.out = nn.Linear(channels, outputs)
        bound = math.sqrt(3 / channels)  # TensorFlow's uniform unit scaling
        nn.init.uniform_(self.out.weight, -bound, bound)
        nn.init.zeros_(self.out.bias)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(standardised(x).contiguous(memory_format=torch.channels_last))
        for unit in self.units:
            x = unit(x)
        return self.out(_activated(self.norm(x)).mean((2, 3)))


class _Unit(nn.Module):
    """Norm, leaky ReLU, convolution, twice. The shortcut has no weights: it averages where the side is halved, and adds
    empty channels on both sides. In the `first` unit of the network it begins after the first leaky ReLU."""

    def __init__(self, channels: int, width: int, stride: int, first: bool) -> None:
        super().__init__()
        self.first, self.stride, self.more = first, stride, width - channels
        self.norm1, self.norm2 = _norm(channels), _norm(width)
        self.conv1, self.conv2 = _conv(channels, width, stride, padding=0), _conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        inner = _activated(self.norm1(x))
        beside = inner if self.first else x
        if self.stride > 1:
            beside = F.avg_pool2d(beside, self.stride, self.stride, ceil_mode=True)  # the last row of an odd side as well
        if self.more:
            beside = F.pad(beside, (0, 0, 0, 0, self.more // 2, self.more - self.more // 2))
        return self.conv2(_activated(self.norm2(self.conv1(self._padded(inner))))) + beside

    def _padded(self, x: Tensor) -> Tensor:
        """TensorFlow's "same" padding: with a stride of 2 an even side gets its zeros at the end alone."""
        height, width = ((1, 1) if self.stride == 1 or side % 2 else (0, 1) for side in x.shape[2:])
        return F.pad(x, (*width, *height))


def standardised(x: Tensor) -> Tensor:
    """Images (N,C,H,W), each with zero mean and unit spread. As in TensorFlow, the spread, of pixels in 0..255, counts as at
    least 1 / sqrt(C H W)."""
    pixels = x[0].numel()
    mean = x.mean((1, 2, 3), keepdim=True)
    spread = (x - mean).square().mean((1, 2, 3), keepdim=True)
    least = 1 / (255 * math.sqrt(pixels))
    return (x - mean) / spread.clamp_min(least**2).sqrt()  # the root after the bound: no NaN in the gradient of a flat image


def _activated(x: Tensor) -> Tensor:
    return F.leaky_relu(x, LEAK)


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _conv(channels: int, width: int, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(channels, width, 3, stride, padding, bias=False)
    nn.init.normal_(conv.weight, std=math.sqrt(2 / (9 * width)))
    return conv
