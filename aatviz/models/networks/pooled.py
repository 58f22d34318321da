"""A plain convolutional network with max pooling. As a judge, it has another architecture than the networks it judges."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.models.networks.preact import centred


class PooledNet(nn.Module):
    """Images (N, *shape) in [0,1] -> logits (N, outputs).

    First a 3x3 convolution to `stem` channels; then for each of `widths` two 3x3 convolutions with batch norm and GELU, the
    first of them max-pooled. The shape of Jordan's airbench (2024), which learns CIFAR-10 in few epochs.
    """

    def __init__(
        self, shape: tuple[int, int, int], outputs: int, widths: Sequence[int] = (64, 128, 128), stem: int = 24
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(shape[0], stem, 3, padding=1)
        self.first, self.second, self.norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        channels = stem
        for width in widths:
            self.first.append(nn.Conv2d(channels, width, 3, padding=1, bias=False))
            self.second.append(nn.Conv2d(width, width, 3, padding=1, bias=False))
            self.norms.extend((nn.BatchNorm2d(width), nn.BatchNorm2d(width)))
            channels = width
        self.out = nn.Linear(channels, outputs)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.stem(centred(x)))
        for i, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            x = F.gelu(self.norms[2 * i](F.max_pool2d(first(x), 2)))
            x = F.gelu(self.norms[2 * i + 1](second(x)))
        return self.out(x.amax((2, 3)))
