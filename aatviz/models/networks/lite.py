"""EfficientNet-Lite0 (Google, 2020), which knows ImageNet; for attacks, batch norm is folded into the convolutions.

Written here, on PyTorch alone: timm has it too, and would bring six more packages into every installation.
"""

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

STAGES = ((1, 16, 1, 3), (6, 24, 2, 3), (6, 40, 2, 5), (6, 80, 2, 3), (6, 112, 1, 5), (6, 192, 2, 5), (6, 320, 1, 3))
"""How many times as many channels a block has inside, channels, stride of the first block, side of the kernel."""
FIRST, LAST = 32, 1280
"""Channels of the first convolution, and of the last."""
ZERO, UNIT = 127 / 255, 128 / 255
"""The pixel that counts as 0, and how far from it 1 is."""


class LiteNet(nn.Module):
    """Images (N, *shape) in [0,1] -> logits (N, outputs): 3.4 million weights and a last layer.

    A convolution that halves the side, seven stages of inverted residual blocks, four of which halve it again, a 1x1
    convolution, global average pooling, one linear layer. At 3 x 64 x 64 an image takes 33 million multiply-adds, at
    3 x 224 x 224 it takes 385 million. `blocks` has the number of blocks of each stage; weights for ImageNet have the usual
    ones.
    """

    def __init__(self, shape: tuple[int, int, int], outputs: int, blocks: Sequence[int] = (1, 2, 2, 3, 3, 4, 1)) -> None:
        super().__init__()
        self.stem = _Conv(shape[0], FIRST, 3, stride=2)
        self.blocks, channels = nn.Sequential(), FIRST
        for (times, width, stride, kernel), count in zip(STAGES, blocks, strict=True):
            for i in range(count):
                self.blocks.append(_Block(channels, width, times, 1 if i else stride, kernel))
                channels = width
        self.last = _Conv(channels, LAST, 1)
        self.out = nn.Linear(LAST, outputs)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        x = ((x - ZERO) / UNIT).contiguous(memory_format=torch.channels_last)
        return self.out(self.last(self.blocks(self.stem(x))).mean((2, 3)))


class _Block(nn.Module):
    """A 1x1 convolution to more channels, one of each channel alone, a 1x1 convolution back without an activation."""

    def __init__(self, channels: int, width: int, times: int, stride: int, kernel: int) -> None:
        super().__init__()
        inside = channels * times
        self.expand = _Conv(channels, inside, 1) if times > 1 else nn.Identity()
        self.each = _Conv(inside, inside, kernel, stride, groups=inside)
        self.project = _Conv(inside, width, 1, active=False)
        self.residual = stride == 1 and channels == width

    def forward(self, x: Tensor) -> Tensor:
        inner = self.project(self.each(self.expand(x)))
        return x + inner if self.residual else inner


class _Conv(nn.Module):
    """Convolution, batch norm and, where it is `active`, ReLU6. TensorFlow's padding: with a stride, an even side gets more
    zeros at its end than at its beginning."""

    def __init__(
        self, channels: int, width: int, kernel: int, stride: int = 1, groups: int = 1, active: bool = True
    ) -> None:
        super().__init__()
        padding = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding, groups=groups, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out")
        self.norm: nn.Module = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)
        self.kernel, self.stride, self.active = kernel, stride, active

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            rows, columns = (self._zeros(side) for side in x.shape[2:])
            x = F.pad(x, (*columns, *rows))
        x = self.norm(self._convolved(x))
        return F.relu6(x, inplace=True) if self.active else x

    def _convolved(self, x: Tensor) -> Tensor:
        """The convolution, without the rings of the kernel that always lie outside a small image: on a CPU the gradient of
        5 x 5 weights on 2 x 2 pixels takes fifty times as long as that of 3 x 3."""
        conv, rings = self.conv, self.kernel // 2 + 1 - max(x.shape[2:])
        if self.stride > 1 or rings < 1:
            return conv(x)
        inner = conv.weight[:, :, rings:-rings, rings:-rings]
        return F.conv2d(x, inner, conv.bias, padding=self.kernel // 2 - rings, groups=conv.groups)

    def _zeros(self, side: int) -> tuple[int, int]:
        both = max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
        return both // 2, both - both // 2


def folded(network: LiteNet, dtype: torch.dtype | None) -> LiteNet:
    """The network's layout for attacks: a frozen copy in eval mode, whose convolutions do what its batch norms do."""
    found = copy.deepcopy(network).eval().requires_grad_(False)
    for part in found.modules():
        if isinstance(part, _Conv) and isinstance(part.norm, nn.BatchNorm2d):
            part.conv, part.norm = fuse_conv_bn_eval(part.conv, part.norm), nn.Identity()
    return found.requires_grad_(False).to(dtype or network.out.weight.dtype)
