"""Counts what an evaluation costs, in images that went forward through a network, and backward to their pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from aatviz.attacks.passes import watched
from aatviz.store.systems import System


@dataclass
class Passes:
    """Images that a network has seen, each pass of each network on its own."""

    forward: int = 0
    backward: int = 0


@contextmanager
def counted(system: System) -> Iterator[Passes]:
    """Counts the passes of all networks of the system, and of copies made of them meanwhile: those that attacks make, and,
    forward alone, those that score images."""
    passes = Passes()

    def attacked(forward: int, backward: int) -> None:
        passes.forward += forward
        passes.backward += backward

    def scored(_: nn.Module, inputs: tuple[Any, ...], __: Any) -> None:
        if not inputs[0].requires_grad:  # else an attack's own pass, by autograd
            passes.forward += len(inputs[0])

    networks = [*system.detectors.networks, system.classifier, *([system.robust] if system.robust else [])]
    hooks = [network.register_forward_hook(scored) for network in networks]
    try:
        with watched(attacked):
            yield passes
    finally:
        for hook in hooks:
            hook.remove()
