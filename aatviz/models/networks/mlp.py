"""A small fully connected network, for points in the plane and for tests; and its passes for attacks, written by hand."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.models.networks.registry import Saved

ACTIVATIONS = {"relu": F.relu, "silu": F.silu}
AT_ONCE = 4096
"""The most samples whose activations are so few that passes by hand take them all at once."""
_Layer = tuple[Tensor, Tensor, Tensor]
"""A layer's weight for the way back, its weight for the way forward, and its bias."""
_aten = torch.ops.aten


class MLP(nn.Module):
    """Samples (N, *shape) in [0,1] -> logits (N, outputs), by hidden layers of `widths` units. ValueError for an unknown
    activation."""

    def __init__(
        self, shape: tuple[int, int, int], outputs: int, widths: Sequence[int] = (64, 64), activation: str = "relu"
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)}; got {activation!r}.")
        sizes = (prod(shape), *widths)
        self.activation = activation
        self.hidden = nn.ModuleList(nn.Linear(before, after) for before, after in itertools.pairwise(sizes))
        self.out = nn.Linear(sizes[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = 2 * x.flatten(1) - 1
        for layer in self.hidden:
            x = ACTIVATIONS[self.activation](layer(x))
        return self.out(x)


@dataclass(frozen=True, eq=False)
class MLPPass:
    """The weights of an `MLP` as they are now, in one precision: autograd's numbers, to the bit, without its bookkeeping,
    which for such small layers takes most of the time."""

    hidden: tuple[_Layer, ...]
    out: _Layer
    silu: bool
    minus_one: Tensor
    few_go_alone: bool = False

    @classmethod
    def if_it_fits(cls, network: MLP, dtype: torch.dtype | None) -> "MLPPass | None":
        """The passes by hand of a whole network; None where the last layer was cut off, as the attack unit test does."""
        layers = [layer for layer in (*network.hidden, network.out) if isinstance(layer, nn.Linear)]
        if len(layers) <= len(network.hidden):
            return None

        def cast(layer: nn.Linear) -> _Layer:
            weight, bias = layer.weight.detach(), layer.bias.detach()
            weight, bias = (weight, bias) if dtype is None else (weight.to(dtype), bias.to(dtype))
            return weight, weight.t(), bias

        found = [cast(layer) for layer in layers]
        back, weight, bias = found[0]
        found[0] = 2 * back, weight, bias  # samples enter as 2 x - 1; twice a number is exact, wherever it is taken
        minus_one = torch.full((), -1, dtype=bias.dtype, device=bias.device)
        return cls(tuple(found[:-1]), found[-1], network.activation == "silu", minus_one)

    @property
    def at_once(self) -> int:
        """See `ByHand`."""
        return AT_ONCE

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        """Samples (N,C,H,W) -> logits (N,K), and what `backward` needs of these samples."""
        at = torch.add(self.minus_one, x.flatten(1).to(self.out[0].dtype), alpha=2)
        saved = [x]
        for _, weight, bias in self.hidden:
            before = torch.addmm(bias, at, weight)
            at = F.silu(before) if self.silu else before.relu_()
            saved.append(before)  # of a rectifier, the sign of its output says as much
        return torch.addmm(self.out[2], at, self.out[1]), tuple(saved)

    def backward(self, saved: Saved, grad: Tensor) -> Tensor:
        """The gradient (N,C,H,W) with respect to the samples, from that with respect to their logits (N,K)."""
        x, *before = saved
        grad = grad.to(self.out[0].dtype).mm(self.out[0])
        for (weight, _, _), one in zip(reversed(self.hidden), reversed(before), strict=True):
            grad = _aten.silu_backward(grad, one) if self.silu else _aten.threshold_backward(grad, one, 0)
            grad = grad.mm(weight)
        return grad.view(x.shape)
