"""What the rest of the library knows of a network: how it is built, what its last layer is called, and a layout for attacks.

An attack runs a network by autograd. Where that is not the fastest way, the entry brings a `layout`: it says how the
network, in eval mode and with its weights as they are now, runs best; the numbers are autograd's but for rounding.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]
"""Channels, height and width of an image."""
Saved = tuple[Tensor, ...]
"""What a forward pass of N images leaves for the backward pass: tensors (N, ...)."""


class ByHand(Protocol):
    """A network's weights, and its two passes without autograd."""

    @property
    def few_go_alone(self) -> bool:
        """Whether each of few images in a batch gets, to the bit, what it gets alone."""

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        """Images (N,C,H,W) -> logits (N,K), and what `backward` needs of these images."""

    def backward(self, saved: Saved, grad: Tensor) -> Tensor:
        """The gradient (N,C,H,W) with respect to the images, from that with respect to their logits (N,K)."""


Layout = Callable[[Any, torch.dtype | None], ByHand | nn.Module | None]
"""A network and a precision (None: its own) -> how it runs best in attacks; None: as any other does."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """One entry. `build(shape, outputs, **arch)` makes a network with fresh weights."""

    build: Callable[..., nn.Module]
    kind: type[nn.Module]
    head: str = "out"
    """The name of the last layer; row k of its tensors belongs to output k."""
    layout: Layout | None = None


class Registry:
    """Networks by the name that recipes, cards and weight files use."""

    def __init__(self, entries: Mapping[str, Network]) -> None:
        self.entries = dict(entries)

    def get(self, name: str | None) -> Network:
        """The entry of that name; ValueError with the names there are."""
        if name not in self.entries:
            raise ValueError(f"There is no network {name!r}; there are {', '.join(self.entries)}.")
        return self.entries[name]

    def laid_out(self, network: nn.Module, dtype: torch.dtype | None) -> ByHand | nn.Module:
        """How this network runs best in attacks, with its weights as they are now, in a precision (None: its own).

        In its own precision a network without a layout is the answer itself, not a copy.
        """
        for entry in self.entries.values():
            if type(network) is entry.kind and entry.layout and (found := entry.layout(network, dtype)) is not None:
                return found
        return network if dtype is None else copy.deepcopy(network).to(dtype).eval().requires_grad_(False)

    def trunk(self, network: nn.Module) -> nn.Module:
        """A copy of a network without its last layer: images (N,C,H,W) -> features (N,d). ValueError for one that is not
        here."""
        for entry in self.entries.values():
            if type(network) is entry.kind:
                found = copy.deepcopy(network)
                found.set_submodule(entry.head, nn.Identity())
                return found
        raise ValueError(f"{type(network).__name__} is no network of the registry; there are {', '.join(self.entries)}.")
