"""Counts the cost of an evaluation: images that went forward through a network, and backward to their pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from aatviz.attacks.passes import watched
from aatviz.store.systems import System


@dataclass
class Passes:
    """The numbers of images in all passes; an image counts once for every pass of every network."""

    forward: int = 0
    backward: int = 0


@contextmanager
def counted(system: System) -> Iterator[Passes]:
    """Count the passes of all networks of the system, and of copies of them, made inside this block: forward and backward in
    attacks, and forward where images are scored."""
    passes = Passes()

    def attacked(forward: int, backward: int) -> None:
        passes.forward += forward
        passes.backward += backward

    def scored(_: nn.Module, inputs: tuple[Any, ...], __: Any) -> None:
        if not inputs[0].requires_grad:  # with a gradient, it is an attack's pass, which `attacked` counts
            passes.forward += len(inputs[0])

    networks = [*system.detectors.networks, system.classifier, *([system.robust] if system.robust else [])]
    hooks = [network.register_forward_hook(scored) for network in networks]
    try:
        with watched(attacked):
            yield passes
    finally:
        for hook in hooks:
            hook.remove()
