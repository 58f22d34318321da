"""A small fully connected network: for points in the plane, and for tests."""

import itertools
from collections.abc import Sequence
from math import prod

import torch.nn.functional as F
from torch import Tensor, nn


class MLP(nn.Module):
    """Samples (N, *shape) in [0,1] -> logits (N, outputs), by hidden layers of `widths` units with ReLU."""

    def __init__(self, shape: tuple[int, int, int], outputs: int, widths: Sequence[int] = (64, 64)) -> None:
        super().__init__()
        sizes = (prod(shape), *widths)
        self.hidden = nn.ModuleList(nn.Linear(before, after) for before, after in itertools.pairwise(sizes))
        self.out = nn.Linear(sizes[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = 2 * x.flatten(1) - 1
        for layer in self.hidden:
            x = F.relu(layer(x))
        return self.out(x)
