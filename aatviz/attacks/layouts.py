"""Networks made ready ("laid out") for the passes of attacks, as they are now. A frozen network is laid out once, and again
only where its weights, or what else it holds, have changed."""

import copy
from itertools import chain
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torch import nn

from aatviz.attacks.fingerprint import Fingerprint, fingerprint
from aatviz.models.networks import NETWORKS, ByHand

Ready = ByHand | nn.Module
_READY: WeakKeyDictionary[nn.Module, dict[torch.dtype | None, tuple[Fingerprint, Ready]]] = WeakKeyDictionary()
_LOCK = Lock()
"""The app's threads attack the same networks at the same time."""


@torch.inference_mode(False)
def laid_out(network: nn.Module, dtype: torch.dtype | None) -> Ready:
    """The network laid out for passes in that precision (None: its own), as its weights are now.

    Autograd cannot use weights that were made in inference mode, so that such a network is copied every time.
    """
    if any(tensor.is_inference() for tensor in chain(network.parameters(), network.buffers())):
        network = copy.deepcopy(network).eval().requires_grad_(False)
    if any(parameter.requires_grad for parameter in network.parameters()):
        return NETWORKS.laid_out(network, dtype)  # in training, where they change with every step
    now = fingerprint(network)
    with _LOCK:
        kept = _READY.setdefault(network, {})
        if dtype not in kept or kept[dtype][0] != now:
            found = NETWORKS.laid_out(network, dtype)
            if found is network:
                return network  # not kept: as a value, the network would keep its own weak key alive
            kept[dtype] = now, found
        return kept[dtype][1]
