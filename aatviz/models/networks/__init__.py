"""The networks: each takes images (N,C,H,W) in [0,1], normalises inside itself and returns logits (N,K).

Batch norm and dropout: an attack meets every network in evaluation mode, while it is trained as well as afterwards
(`evaluating`); what is attacked is then one function, the same for an image alone as in a batch. Updates of the weights by
AAT are made in evaluation mode too, as in the authors' code: the factors and summands of a batch norm learn, its running
statistics stay as they were in the network that is finetuned. A batch of AAT is half attacked images; statistics of such a
mixture would be nobody's. Updates of classifiers are made in training mode, unless the job sets `frozen_norm`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from aatviz.models.networks.madry import MadryNet
from aatviz.models.networks.madry_by_hand import MadryPass
from aatviz.models.networks.mlp import MLP
from aatviz.models.networks.pooled import PooledNet
from aatviz.models.networks.preact import PreActNet, folded
from aatviz.models.networks.registry import ByHand, Network, Registry, Saved, Shape
from aatviz.models.networks.wide import WideNet


def _madry(shape: Shape, outputs: int, **arch: Any) -> MadryNet:
    return MadryNet(outputs, shape=shape, **arch)


NETWORKS = Registry(
    {
        "madry": Network(build=_madry, kind=MadryNet, layout=MadryPass.if_it_fits),
        "preact": Network(build=PreActNet, kind=PreActNet, layout=folded),
        "wide": Network(build=WideNet, kind=WideNet),
        "pooled": Network(build=PooledNet, kind=PooledNet),
        "mlp": Network(build=MLP, kind=MLP),
    }
)
"""A new network is one entry here."""


_LOCK = Lock()
_HELD: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""The parts in train mode that are held in eval mode, and how many blocks of `evaluating`, in any thread, hold each."""


@contextmanager
def evaluating(modules: tuple[nn.Module, ...]) -> Iterator[None]:
    """Eval mode for the modules, and afterwards train mode again for those parts that were in it: after the last such block,
    where several threads are in one."""
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
