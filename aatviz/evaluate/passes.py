"""Counts what an evaluation costs, in images that went forward through a network, and backward to their pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from aatviz.store.systems import System


@dataclass
class Passes:
    """Images that a network has seen, each pass of each network on its own."""

    forward: int = 0
    backward: int = 0


@contextmanager
def counted(system: System) -> Iterator[Passes]:
    """Counts the passes of all networks of the system, and of copies made of them meanwhile.

    A forward pass whose input wants a gradient is followed by a backward pass: that is what an objective is.
    """
    passes = Passes()

    def watch(_: nn.Module, inputs: tuple[Any, ...], __: Any) -> None:
        passes.forward += len(inputs[0])
        passes.backward += len(inputs[0]) * inputs[0].requires_grad

    networks = [*system.detectors.networks, system.classifier, system.robust_classifier]
    hooks = [network.register_forward_hook(watch) for network in networks]
    try:
        yield passes
    finally:
        for hook in hooks:
            hook.remove()
