"""Passes through networks for attacks: images to logits, and any of the images back to their gradient.

Madry's network runs by `MadryPass`, any other by autograd.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeGuard
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from aatviz.attacks.batching import pieces, seconds
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import MadryNet
from aatviz.models.networks.madry_by_hand import MadryPass, Saved

Watch = Callable[[int, int], None]
"""Called with the numbers of images that went forward and backward through one network."""
_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)
_Version = tuple[tuple[int, int, int, torch.dtype], ...]
_Ready = MadryPass | nn.Module
_READY: WeakKeyDictionary[nn.Module, dict[torch.dtype | None, tuple[_Version, _Ready]]] = WeakKeyDictionary()


class Pass(Protocol):
    """One forward pass of N images."""

    @property
    def logits(self) -> Tensor:
        """(N,K), without gradient."""

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        """The gradient (N,C,H,W) with respect to the images, from that with respect to the logits (N,K). `sparse` says that
        many rows are 0, which need not go backward."""


def prepared(module: nn.Module, bf16: bool = False) -> Callable[[Tensor], Pass]:
    """What sends images (N,C,H,W) forward through a network or a `DetectorBank`, in bfloat16 or in its own precision.

    It works with the weights as they are now; of a frozen network they are laid out only once. Parameters get no gradient.
    Modules are used in the mode that they are in at the time of the pass, copies of them in eval mode.
    """
    if isinstance(module, DetectorBank):
        through = [prepared(network, bf16) for network in module.networks]
        return lambda x: _BankPass([one(x) for one in through])
    ready = _ready(module, torch.bfloat16 if bf16 else None)

    def passing(x: Tensor) -> Pass:
        sizes = pieces(len(x), x.device.type, _description(module, x, bf16), partial(_timed, ready, x, bf16))
        parts = [_through(ready, part, bf16) for part in x.split(sizes)]
        return parts[0] if len(parts) == 1 else _InPieces(parts)

    return passing


def few_go_alone(module: nn.Module) -> bool:
    """Whether each of few float32 images in a batch gets, to the bit, what it gets alone from this network or bank."""
    networks = module.networks if isinstance(module, DetectorBank) else [module]
    return all(_by_hand(network) and network.out.weight.dtype == torch.float32 for network in networks)


@contextmanager
def watched(watch: Watch | None) -> Iterator[None]:
    """Have `watch` told of every pass that is made meanwhile; None: nobody."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def _through(ready: _Ready, x: Tensor, bf16: bool) -> Pass:
    _tell(len(x), 0)
    with torch.autocast(x.device.type, enabled=False):
        if isinstance(ready, MadryPass):
            with torch.no_grad():
                return _ByHand(ready, *ready.forward(x))
        leaf = x.detach().requires_grad_()
        with torch.enable_grad():
            return _ByAutograd(leaf, ready(leaf.bfloat16() if bf16 else leaf))


@dataclass(frozen=True, eq=False)
class _ByHand:
    weights: MadryPass
    logits: Tensor
    saved: Saved

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        with torch.no_grad(), torch.autocast(grad.device.type, enabled=False):
            rows = grad.ne(0).any(1).nonzero().squeeze(1) if sparse else None
            if rows is None or len(rows) == len(grad):
                _tell(0, len(grad))
                return self.weights.backward(self.saved, grad)
            _tell(0, len(rows))
            whole = self.saved[0].new_zeros(len(grad), *MadryNet.image_shape)
            if len(rows):
                whole[rows] = self.weights.backward(tuple(part[rows] for part in self.saved), grad[rows])
            return whole


@dataclass(frozen=True, eq=False)
class _ByAutograd:
    leaf: Tensor
    output: Tensor

    @property
    def logits(self) -> Tensor:
        return self.output.detach()

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        _tell(0, len(grad))
        with torch.autocast(grad.device.type, enabled=False):
            (found,) = torch.autograd.grad(self.output, self.leaf, grad.to(self.output.dtype))
        return found


class _InPieces:
    """Many images, a batch after the other."""

    def __init__(self, parts: list[Pass]) -> None:
        self.parts = parts
        self.logits = torch.cat([part.logits for part in parts])

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        pieces_of_grad = grad.split([len(part.logits) for part in self.parts])
        return torch.cat([part.gradient(piece, sparse) for part, piece in zip(self.parts, pieces_of_grad, strict=True)])


class _BankPass:
    def __init__(self, passes: list[Pass]) -> None:
        self.passes = passes
        self.logits = torch.cat([one.logits for one in passes], dim=1)

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        """Of K networks, each image goes backward only through those that its loss depends on."""
        if len(self.passes) == 1:
            return self.passes[0].gradient(grad, sparse)
        columns = grad.split([one.logits.shape[1] for one in self.passes], dim=1)
        needed = grad.ne(0).any(0).tolist()
        parts = [
            one.gradient(column, sparse=True)
            for one, column, wanted in zip(self.passes, columns, needed, strict=True)
            if wanted
        ]
        return torch.stack(parts).sum(0) if parts else self.passes[0].gradient(columns[0])


def _description(network: nn.Module, x: Tensor, bf16: bool) -> str:
    """What a batch size depends on beside the machine."""
    size = sum(parameter.numel() for parameter in network.parameters())
    return f"{type(network).__name__} of {size} parameters, images {tuple(x.shape[1:])}, {'bf16' if bf16 else x.dtype}"


def _timed(ready: _Ready, x: Tensor, bf16: bool, count: int) -> float:
    """The seconds that `count` images take forward and backward; nobody is told of them."""
    images = x[torch.arange(count, device=x.device) % len(x)]

    def run() -> None:
        through = _through(ready, images, bf16)
        through.gradient(torch.ones_like(through.logits))

    with watched(None):
        return seconds(run, x.device.type)


def _tell(forward: int, backward: int) -> None:
    if watch := _watch.get():
        watch(forward, backward)


def _ready(network: nn.Module, dtype: torch.dtype | None) -> _Ready:
    """The network laid out for passes in that precision (None: its own), as its weights are now."""
    if dtype is None and not _by_hand(network):
        return network
    if any(parameter.requires_grad for parameter in network.parameters()):
        return _lay_out(network, dtype)  # in training; not every optimizer marks a weight as changed
    version = tuple((id(one), one._version, one.data_ptr(), one.dtype) for one in network.parameters())
    kept = _READY.setdefault(network, {})
    if dtype not in kept or kept[dtype][0] != version:
        kept[dtype] = version, _lay_out(network, dtype)
    return kept[dtype][1]


def _lay_out(network: nn.Module, dtype: torch.dtype | None) -> _Ready:
    return MadryPass.of(network, dtype) if _by_hand(network) else copy.deepcopy(network).to(dtype).eval()


def _by_hand(network: nn.Module) -> TypeGuard[MadryNet]:
    """Whether it is a whole MadryNet; the attack unit test, for one, cuts the last layer off."""
    return isinstance(network, MadryNet) and isinstance(network.out, nn.Linear)
