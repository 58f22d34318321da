"""What the rest of the library knows of a network: how it is built, the name of its last layer, and a layout for attacks.

An attack runs a network by autograd. Where that is not the fastest way, the entry has a `layout`: the fastest form of the
network in eval mode, with its weights as they are now. Its numbers are autograd's, apart from rounding.
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
"""What a forward pass of N images keeps for the backward pass: tensors (N, ...)."""


class ByHand(Protocol):
    """A network's weights, with its passes forward and backward without autograd."""

    @property
    def few_go_alone(self) -> bool:
        """Whether an image in a small batch gets the same numbers, to the bit, as alone."""

    @property
    def at_once(self) -> int:
        """Up to how many images go through in one piece, without measuring which size is the fastest; 0 for none."""

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        """Images (N,C,H,W) -> logits (N,K), and what `backward` needs of these images."""

    def backward(self, saved: Saved, grad: Tensor) -> Tensor:
        """The gradient (N,C,H,W) with respect to the images, from that with respect to their logits (N,K)."""


Layout = Callable[[Any, torch.dtype | None], ByHand | nn.Module | None]
"""A network and a precision (None: its own) -> its fastest form for attacks; None where that is the network itself."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """One entry. `build(shape, outputs, **arch)` makes a network with fresh weights."""

    build: Callable[..., nn.Module]
    kind: type[nn.Module]
    head: str = "out"
    """The name of the last layer; row k of its tensors belongs to output k."""
    layout: Layout | None = None
    bf16_pays: bool = True
    """Whether bfloat16 makes it faster on a processor that multiplies it in hardware."""


class Registry:
    """Networks by the name that recipes, cards and weight files use."""

    def __init__(self, entries: Mapping[str, Network]) -> None:
        self.entries = dict(entries)

    def get(self, name: str | None) -> Network:
        """The entry of that name. ValueError, with the known names, where there is none."""
        if name not in self.entries:
            raise ValueError(f"There is no network {name!r}; there are {', '.join(self.entries)}.")
        return self.entries[name]

    def laid_out(self, network: nn.Module, dtype: torch.dtype | None) -> ByHand | nn.Module:
        """The fastest form of this network for attacks, with its weights as they are now, in a precision (None: its own).

        In its own precision, a network without a layout is returned itself, not a copy.
        """
        for entry in self.entries.values():
            if type(network) is entry.kind and entry.layout and (found := entry.layout(network, dtype)) is not None:
                return found
        return network if dtype is None else copy.deepcopy(network).to(dtype).eval().requires_grad_(False)

    def bf16_pays(self, *networks: nn.Module | str) -> bool:
        """Whether bfloat16 makes all these networks, or those of these names, faster on a processor that multiplies it in
        hardware."""
        known = [entry for name, entry in self.entries.items() if {name, entry.kind} & {*map(_key, networks)}]
        return all(entry.bf16_pays for entry in known)

    def trunk(self, network: nn.Module) -> nn.Module:
        """A copy of a network without its last layer: images (N,C,H,W) -> features (N,d). ValueError for a network that the
        registry does not have."""
        for entry in self.entries.values():
            if type(network) is entry.kind:
                found = copy.deepcopy(network)
                found.set_submodule(entry.head, nn.Identity())
                return found
        raise ValueError(f"{type(network).__name__} is no network of the registry; there are {', '.join(self.entries)}.")


def _key(network: nn.Module | str) -> type[nn.Module] | str:
    return network if isinstance(network, str) else type(network)
