"""A small pre-activation ResNet for colour images (He et al., 2016); for attacks, batch norm is folded into convolutions."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Activation = Literal["silu", "relu"]
ACTIVATIONS: dict[str, type[nn.Module]] = {"silu": nn.SiLU, "relu": nn.ReLU}
NORMS = ("batch", "none")
FEW_CHANNELS = 8
"""A CPU works on 8 channels at a time."""
CENTRE, SPREAD = 0.5, 0.25
"""About the mean and standard deviation of the pixels of photographs; the first batch norm corrects the rest."""


class PreActNet(nn.Module):
    """Images (N, *shape) in [0,1] -> logits (N, outputs).

    A 3x3 convolution to `widths[0]` channels, then one stage for each width: `blocks[i]` residual blocks of `widths[i]`
    channels, of which the first of every stage but the first halves the side. Global average pooling, one linear layer.
    The default has no block at full resolution, where a CPU spends more time on activations than on arithmetic: 45 million
    multiply-adds for 3 x 32 x 32 and 1.2 million weights. With `norm` "none" there is no batch norm; each block then begins
    training as its shortcut alone. ValueError for lists of different lengths, or an unknown activation or norm.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        outputs: int,
        widths: Sequence[int] = (32, 64, 128, 256),
        blocks: Sequence[int] = (0, 1, 1, 1),
        activation: str = "silu",
        norm: str = "batch",
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks) or not widths:
            raise ValueError(f"Each stage has one width and one number of blocks; got {list(widths)} and {list(blocks)}.")
        if activation not in ACTIVATIONS or norm not in NORMS:
            raise ValueError(f"activation is silu or relu, norm batch or none; got {activation!r} and {norm!r}.")
        self.stem = nn.Conv2d(shape[0], widths[0], 3, padding=1, bias=norm == "none")
        self.blocks = nn.ModuleList()
        channels = widths[0]
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for i in range(count):
                self.blocks.append(Block(channels, width, 2 if stage and not i else 1, activation, norm))
                channels = width
        self.norm = _norm(channels, norm)
        self.activation = ACTIVATIONS[activation]()
        self.out = nn.Linear(channels, outputs)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(centred(x))
        for block in self.blocks:
            x = block(x)
        return self.out(self.activation(self.norm(x)).mean((2, 3)))


class Block(nn.Module):
    """Norm, activation, convolution, twice; a 1x1 convolution as shortcut where the shape changes."""

    def __init__(self, channels: int, width: int, stride: int, activation: str, norm: str) -> None:
        super().__init__()
        bias = norm == "none"
        self.norm1, self.norm2 = _norm(channels, norm), _norm(width, norm)
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=bias)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        changes = stride != 1 or channels != width
        self.shortcut = _Shortcut(channels, width, 1, stride, bias=False) if changes else None
        self.activation = ACTIVATIONS[activation]()
        if norm == "none":
            nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.activation(self.norm1(x))
        beside = x if self.shortcut is None else self.shortcut(inner)
        return self.conv2(self.activation(self.norm2(self.conv1(inner)))) + beside


class _Shortcut(nn.Conv2d):
    """A 1x1 convolution that takes only the pixels it needs where there are few channels.

    On CPUs with AVX2 alone, PyTorch 2.14 ends with a segmentation fault in the gradient of a 1x1 convolution with a stride
    for fewer than 8 channels in this layout.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.in_channels >= FEW_CHANNELS:
            return super().forward(x)
        rows, columns = self.stride
        return F.conv2d(x[:, :, ::rows, ::columns], self.weight)


def centred(x: Tensor) -> Tensor:
    """Pixels in [0,1] -> about zero mean and unit spread, in the layout in which a CPU convolves fastest."""
    return ((x - CENTRE) / SPREAD).contiguous(memory_format=torch.channels_last)


def folded(network: PreActNet, dtype: torch.dtype | None) -> "FoldedPreActNet | None":
    """The network's layout for attacks; None where the last layer was cut off, as the attack unit test does."""
    return FoldedPreActNet(network, dtype) if isinstance(network.out, nn.Linear) else None


class FoldedPreActNet(nn.Module):
    """Computes what a frozen `PreActNet` computes in eval mode, with as few passes over the activations as possible.

    A batch norm scales and shifts each channel. Where only the batch norm reads the output of the convolutions before it,
    their weights do that instead. So the second norm of every block is folded into the block's first convolution. The first
    norm of a block is folded where the block and the one before it both have a convolution as shortcut; the stem counts as a
    block with one, and so does what follows the last block.
    """

    def __init__(self, network: PreActNet, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.activation = network.activation
        self.dtype = dtype or network.stem.weight.dtype
        blocks = [block for block in network.blocks if isinstance(block, Block)]
        readers = [*((block.norm1, block.shortcut is not None) for block in blocks), (network.norm, True)]
        writers = [True, *(block.shortcut is not None for block in blocks)]  # of the sum that reader i reads
        folds = [alone and linear for (_, alone), linear in zip(readers, writers, strict=True)]
        affine = [_affine(norm) for norm, _ in readers]
        self.stem = _folded(network.stem, affine[0] if folds[0] else None, self.dtype)
        self.before = [None if fold else _channelwise(one, self.dtype) for fold, one in zip(folds, affine, strict=True)]
        self.layers = [
            _FoldedBlock(block, affine[i + 1] if folds[i + 1] else None, self.dtype) for i, block in enumerate(blocks)
        ]
        self.head = tuple(part.detach().to(self.dtype) for part in (network.out.weight, network.out.bias))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(centred(x.to(self.dtype)))
        for layer, before in zip(self.layers, self.before, strict=False):
            x = layer(x, self.activation(_apply(before, x)), self.activation)
        return F.linear(self.activation(_apply(self.before[-1], x)).mean((2, 3)), *self.head)


_Affine = tuple[Tensor, Tensor]
"""A factor and a summand for each channel (C,)."""


class _Conv:
    def __init__(self, weight: Tensor, bias: Tensor | None, stride: tuple[int, ...], padding: tuple[int, ...]) -> None:
        self.weight = weight.contiguous(memory_format=torch.channels_last)
        self.bias, self.stride, self.padding = bias, stride, padding

    def __call__(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)


class _FoldedBlock:
    def __init__(self, block: Block, after: _Affine | None, dtype: torch.dtype) -> None:
        self.conv1 = _folded(block.conv1, _affine(block.norm2), dtype)
        self.conv2 = _folded(block.conv2, after, dtype)
        scale_only = None if after is None else (after[0], torch.zeros_like(after[1]))  # the shift is conv2's
        self.shortcut = None if block.shortcut is None else _folded(block.shortcut, scale_only, dtype)

    def __call__(self, x: Tensor, inner: Tensor, activation: nn.Module) -> Tensor:
        beside = x if self.shortcut is None else self.shortcut(inner)
        return self.conv2(activation(self.conv1(inner))) + beside


def _norm(channels: int, kind: str) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.Identity()


def _affine(norm: nn.Module) -> _Affine | None:
    """What the norm does to each channel in eval mode; None where it does nothing."""
    if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None or norm.running_var is None:
        return None
    factor = norm.weight.detach() * (norm.running_var + norm.eps).rsqrt()
    return factor, norm.bias.detach() - norm.running_mean * factor


def _folded(conv: nn.Conv2d, after: _Affine | None, dtype: torch.dtype) -> _Conv:
    """The convolution with the factor and summand of each channel, applied after it, folded into its weights."""
    weight, bias = conv.weight.detach(), None if conv.bias is None else conv.bias.detach()
    if after is not None:
        factor, summand = after
        weight = weight * factor.view(-1, 1, 1, 1)
        bias = summand if bias is None else bias * factor + summand
        bias = bias if bool(bias.any()) else None
    padding = conv.padding if isinstance(conv.padding, tuple) else (0, 0)
    return _Conv(weight.to(dtype), None if bias is None else bias.to(dtype), conv.stride, padding)


def _channelwise(affine: _Affine | None, dtype: torch.dtype) -> _Affine | None:
    return None if affine is None else (affine[0].to(dtype).view(-1, 1, 1), affine[1].to(dtype).view(-1, 1, 1))


def _apply(affine: _Affine | None, x: Tensor) -> Tensor:
    return x if affine is None else torch.addcmul(affine[1], x, affine[0])
