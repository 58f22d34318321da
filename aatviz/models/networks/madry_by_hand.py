"""Madry's network with its passes forward, and backward to the image, written by hand: what an attack needs, nothing else.

Autograd's passes give the same numbers. These keep the activations in between, so that any of the images can be sent
backward alone. With few images, reading the hidden layer's weights takes longer than all arithmetic: then only the weights
of features that are not 0 are read. In float32, each of up to `FEW` images gets, to the bit, the same numbers as alone: its
sums are its own, and a convolution sums in the same order for any number of images.

Tried and not kept: minimal filtering (Winograd) of the second convolution in float32, which makes a pass of 64 images 1.2 to
1.4 times as fast. On flat background the maxima of a pooling are ties, and its rounding breaks them in different ways: an
image in a batch no longer got the same numbers as alone, and pages that show the same attack disagreed.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.models.networks.first_conv import GreyConv5x5, block_kernel, image_gradient
from aatviz.models.networks.madry import MadryNet
from aatviz.models.networks.registry import Saved

_Layer = tuple[Tensor, Tensor]
"""A layer's weight and bias."""
FEW = 32
"""The most float32 images whose hidden layers are summed one by one. Up to this number that is not slower than a product of
matrices, which would sum in another order for another number of images."""
_aten = torch.ops.aten
_POOL = ([2, 2], [2, 2], [0, 0], [1, 1], False)  # kernel, stride, padding, dilation, ceil_mode
_CONV = (None, [1, 1], [2, 2], [1, 1], False, [0, 0], 1, [True, False, False])
"""No bias; stride, padding, dilation; not transposed; output padding, groups; of the three gradients that of the image."""


@dataclass(frozen=True, eq=False)
class MadryPass:
    """The weights of a `MadryNet` as they are now, in one precision."""

    conv1: _Layer
    conv2: _Layer
    hidden: _Layer
    out: _Layer

    @classmethod
    def if_it_fits(cls, network: MadryNet, dtype: torch.dtype | None) -> "MadryPass | None":
        """The passes by hand for a whole network for grey images; None for others. (The attack unit test, for one, cuts the
        last layer off.)"""
        fits = isinstance(network.conv1, GreyConv5x5) and isinstance(network.out, nn.Linear)
        return cls.of(network, dtype) if fits else None

    @classmethod
    def of(cls, network: MadryNet, dtype: torch.dtype | None) -> "MadryPass":
        """The network's weights, in their own precision or cast to another."""

        def cast(layer: nn.Module) -> _Layer:
            weight, bias = (parameter.detach().to(dtype or parameter.dtype) for parameter in layer.parameters())
            return weight, bias

        return cls(cast(network.conv1), cast(network.conv2), cast(network.hidden), cast(network.out))

    @property
    def few_go_alone(self) -> bool:
        """True in float32, for up to `FEW` images: see `_few`."""
        return self.out[0].dtype == torch.float32

    @property
    def at_once(self) -> int:
        """See `ByHand`."""
        return 0

    @cached_property
    def _kernel(self) -> Tensor:
        return block_kernel(self.conv1[0])

    @cached_property
    def _by_feature(self) -> Tensor:
        """The hidden layer's weights (features, width), a row for each feature."""
        return self.hidden[0].T.contiguous()

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        """Images (N,1,H,W) -> logits (N,K), and what `backward` needs of these images."""
        conv1 = F.conv2d(x.to(self.conv1[0].dtype), *self.conv1, padding=2)
        pool1, index1 = F.max_pool2d(conv1, 2, return_indices=True)
        conv2 = F.conv2d(pool1.relu_(), *self.conv2, padding=2)
        pool2, index2 = F.max_pool2d(conv2, 2, return_indices=True)
        features = pool2.relu_().flatten(1)
        if not _few(features):
            hidden = F.linear(features, *self.hidden).relu_()
            logits = F.linear(hidden, *self.out)
        else:
            hidden = (_sums_of_rows(self._by_feature, features) + self.hidden[1]).relu_()
            logits = (hidden[:, None] * self.out[0]).sum(2) + self.out[1]
        return logits, (conv1, index1, pool1, conv2, index2, pool2, hidden)

    def backward(self, saved: Saved, grad: Tensor) -> Tensor:
        """The gradient (N,1,H,W) with respect to the images, from that with respect to their logits (N,K)."""
        conv1, index1, pool1, conv2, index2, pool2, hidden = saved
        grad = grad.to(hidden.dtype)
        if not _few(grad):
            grad = _through_relu(grad @ self.out[0], hidden) @ self.hidden[0]
        else:
            grad = _sums_of_rows(self.hidden[0], _through_relu((grad[:, :, None] * self.out[0]).sum(1), hidden))
        grad = _through_relu(grad.view_as(pool2).contiguous(memory_format=torch.channels_last), pool2)
        grad = _aten.max_pool2d_with_indices_backward(grad, conv2, *_POOL, index2)
        grad = _aten.convolution_backward(grad, pool1, self.conv2[0], *_CONV)[0]
        grad = _aten.max_pool2d_with_indices_backward(_through_relu(grad, pool1), conv1, *_POOL, index1)
        return image_gradient(grad, self._kernel)


def _through_relu(grad: Tensor, output: Tensor) -> Tensor:
    """The gradient before a rectifier, from that after it and its output."""
    before: Tensor = _aten.threshold_backward(grad, output, 0)
    return before


def _few(images: Tensor) -> bool:
    """Whether the rows (N, ...) are summed one by one. In bfloat16, with its fast products of matrices, only where N is
    1."""
    return len(images) <= (FEW if images.dtype == torch.float32 else 1)


def _sums_of_rows(table: Tensor, factors: Tensor) -> Tensor:
    """factors @ table (N,M) for a table (L,M) and factors (N,L), most of which are 0: the table's rows for these are not
    read."""
    bag, rows = factors.nonzero(as_tuple=True)
    starts = torch.searchsorted(bag, torch.arange(len(factors), device=bag.device))
    return F.embedding_bag(rows, table, starts, per_sample_weights=factors[bag, rows], mode="sum")
