"""Madry's network, forward and backward to the image by hand: what an attack needs, and nothing else.

Autograd's passes give the same numbers. These keep what lies between forward and backward, so that any of the images can be
sent backward alone; a single image, for which the hidden layer's weights take longer to read than everything else to
compute, asks only for the weights of features that fire.

Tried and not kept: minimal filtering (Winograd) of the second convolution in float32, with which a pass of 64 images is 1.2
to 1.4 times as fast. On flat background the maxima of a pooling are ties, which its rounding breaks now this way, now that:
an image in a batch no longer got what it gets alone, and pages that show the same attack disagreed.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.nets.first_conv import GreyConv5x5, block_kernel, image_gradient
from aatviz.nets.madry import MadryNet
from aatviz.nets.registry import Saved

_Layer = tuple[Tensor, Tensor]
"""A layer's weight and bias."""
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
        """None unless it is a whole network for grey images; the attack unit test, for one, cuts the last layer off."""
        fits = isinstance(network.conv1, GreyConv5x5) and isinstance(network.out, nn.Linear)
        return cls.of(network, dtype) if fits else None

    @classmethod
    def of(cls, network: MadryNet, dtype: torch.dtype | None) -> "MadryPass":
        """The network's weights, in their own precision or cast to another."""

        def cast(layer: nn.Module) -> _Layer:
            weight, bias = (parameter.detach().to(dtype or parameter.dtype) for parameter in layer.parameters())
            return weight, bias

        return cls(cast(network.conv1), cast(network.conv2), cast(network.hidden), cast(network.out))

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
        one = len(x) == 1
        hidden = _sum_of_rows(self._by_feature, features[0]) + self.hidden[1] if one else F.linear(features, *self.hidden)
        return F.linear(hidden.relu_(), *self.out), (conv1, index1, pool1, conv2, index2, pool2, hidden)

    def backward(self, saved: Saved, grad: Tensor) -> Tensor:
        """The gradient (N,1,H,W) with respect to the images, from that with respect to their logits (N,K)."""
        conv1, index1, pool1, conv2, index2, pool2, hidden = saved
        grad = _through_relu(grad.to(hidden.dtype) @ self.out[0], hidden)
        grad = _sum_of_rows(self.hidden[0], grad[0]) if len(grad) == 1 else grad @ self.hidden[0]
        grad = _through_relu(grad.view_as(pool2).contiguous(memory_format=torch.channels_last), pool2)
        grad = _aten.max_pool2d_with_indices_backward(grad, conv2, *_POOL, index2)
        grad = _aten.convolution_backward(grad, pool1, self.conv2[0], *_CONV)[0]
        grad = _aten.max_pool2d_with_indices_backward(_through_relu(grad, pool1), conv1, *_POOL, index1)
        return image_gradient(grad, self._kernel)


def _through_relu(grad: Tensor, output: Tensor) -> Tensor:
    """The gradient before a rectifier, from that after it and its output."""
    before: Tensor = _aten.threshold_backward(grad, output, 0)
    return before


def _sum_of_rows(table: Tensor, factors: Tensor) -> Tensor:
    """factors @ table (1,M) for a table (N,M) and factors (N,), most of which are 0: only the others' rows are read."""
    rows = factors.nonzero().squeeze(1)
    return F.embedding_bag(rows, table, rows.new_zeros(1), per_sample_weights=factors[rows], mode="sum")
