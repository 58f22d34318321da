"""The networks: each takes images (N,C,H,W) in [0,1], normalises inside itself and returns logits (N,K).

Batch norm and dropout: attacks always run a network in evaluation mode (`evaluating`), during its training too. Then an
image gets the same logits alone and in a batch. AAT also updates the weights in evaluation mode, as the authors' code does:
the weight and bias of a batch norm learn, while its running statistics stay those of the network that is finetuned. Half of
an AAT batch is attacked images, and the statistics of such a mixture would fit neither half. Updates of classifiers are made
in training mode, unless the job sets `frozen_norm`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from aatviz.models.networks.lite import LiteNet
from aatviz.models.networks.lite import folded as folded_lite
from aatviz.models.networks.madry import MadryNet
from aatviz.models.networks.madry_by_hand import MadryPass
from aatviz.models.networks.mlp import MLP, MLPPass
from aatviz.models.networks.pooled import PooledNet
from aatviz.models.networks.preact import PreActNet, folded
from aatviz.models.networks.registry import ByHand, Network, Registry, Saved, Shape
from aatviz.models.networks.resnet50 import ResNet50
from aatviz.models.networks.wide import WideNet


def _madry(shape: Shape, outputs: int, **arch: Any) -> MadryNet:
    return MadryNet(outputs, shape=shape, **arch)


NETWORKS = Registry(
    {
        "madry": Network(build=_madry, kind=MadryNet, layout=MadryPass.if_it_fits),
        "preact": Network(build=PreActNet, kind=PreActNet, layout=folded),
        "wide": Network(build=WideNet, kind=WideNet),
        "pooled": Network(build=PooledNet, kind=PooledNet),
        "mlp": Network(build=MLP, kind=MLP, layout=MLPPass.if_it_fits, bf16_pays=False),  # too small to gain
        "lite0": Network(build=LiteNet, kind=LiteNet, layout=folded_lite, bf16_pays=False),  # depthwise ones do not gain
        "resnet50": Network(build=ResNet50, kind=ResNet50),
    }
)
"""A new network is one entry here."""


_LOCK = Lock()
_HELD: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""The modules that `evaluating` has put into eval mode, and how many of its blocks, in all threads, hold each."""


@contextmanager
def evaluating(modules: tuple[nn.Module, ...]) -> Iterator[None]:
    """Put the modules into eval mode inside this block. Afterwards the parts that were in train mode are put back into it;
    where several threads are in such a block, when the last one leaves it."""
    with _LOCK:
        mine = [part for module in modules for part in module.modules() if part.training or (_HELD and part in _HELD)]
        for part in mine:
            part.training = False
            _HELD[part] = _HELD.get(part, 0) + 1
    try:
        yield
    finally:
        with _LOCK:
            for part in mine:
                _HELD[part] -= 1
                if not _HELD[part]:
                    del _HELD[part]
                    part.training = True


__all__ = ["NETWORKS", "ByHand", "MadryNet", "Network", "Saved", "WideNet", "evaluating"]
