"""Passes through networks for attacks: from images forward to logits, and back to the gradient of all or some images.

The registry of networks says how each network runs best; most run by autograd.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Protocol

import torch
from torch import Tensor, nn

from aatviz.attacks.batching import pieces, seconds
from aatviz.attacks.layouts import Ready, laid_out
from aatviz.models.checks import in_precision_of
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import ByHand, Saved
from aatviz.runtime.memory import halving, out_of_memory

Watch = Callable[[int, int], None]
"""Called with the numbers of images that went forward and backward through one network."""
_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)
_LOCK = Lock()
_FITTING: dict[str, int] = {}
"""For networks that have run out of memory on a device: how many images still fit at once. Written by `_fits`."""


class Pass(Protocol):
    """One forward pass of N images."""

    @property
    def logits(self) -> Tensor:
        """(N,K), without gradient."""

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        """The gradient (N,C,H,W) with respect to the images, from that with respect to the logits (N,K). `sparse` says that
        many rows of `grad` are 0; their images do not go backward."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """Images (N,C,H,W) -> their pass forward through one network or bank."""

    run: Callable[[Tensor], Pass]
    has_mode: bool
    """Whether a module runs, whose training or evaluation mode counts."""

    def __call__(self, x: Tensor) -> Pass:
        return self.run(x)


def prepared(module: nn.Module, bf16: bool = False, several: bool = False) -> Prepared:
    """A function that sends images (N,C,H,W) forward through a network or bank, in bfloat16 or in its own precision.

    It works with the weights as they are now; a frozen network is laid out only once. Parameters get no gradient. A network
    without a layout of its own runs in the mode that it is in at the time of the pass, others in eval mode. `several` says
    that this is one of several networks, so that most images will not go backward through it. Where memory runs out, half
    as many images go through at once, then a quarter and so on; RuntimeError where even one is too much.
    """
    if isinstance(module, DetectorBank):
        through = [prepared(network, bf16, len(module.networks) > 1) for network in module.networks]
        return Prepared(lambda x: _BankPass([one(x) for one in through]), any(one.has_mode for one in through))
    ready = laid_out(module, torch.bfloat16 if bf16 else None)

    at_once = 0 if isinstance(ready, nn.Module) else ready.at_once

    def passing(x: Tensor) -> Pass:
        if len(x) <= at_once:
            return _through(ready, x, bf16)
        description = _description(module, x, bf16)
        place = f"{x.device}; {description}"
        if place not in _FITTING:
            sizes = pieces(len(x), x.device.type, description, partial(_timed, ready, x, bf16))
            try:
                parts = [_through(ready, part, bf16, several) for part in x.split(sizes)]
                return _Whole(parts[0] if len(parts) == 1 else _InPieces(parts), ready, x, bf16, place, max(sizes))
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
            _fits(place, max(sizes) // 2)
        return _Frugal(ready, x, bf16, place)

    return Prepared(passing, isinstance(ready, nn.Module))


def few_go_alone(module: nn.Module) -> bool:
    """Whether this network or bank gives a float32 image in a small batch the same logits, to the bit, as alone."""
    networks = module.networks if isinstance(module, DetectorBank) else [module]
    found = [laid_out(network, None) for network in networks]
    return all(not isinstance(ready, nn.Module) and ready.few_go_alone for ready in found)


@contextmanager
def watched(watch: Watch | None) -> Iterator[None]:
    """Inside this context, call `watch` for every pass that is made; with None, nothing is called."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def _through(ready: Ready, x: Tensor, bf16: bool, several: bool = False) -> Pass:
    _tell(len(x), 0)
    with _no_autocast(x.device.type):
        if not isinstance(ready, nn.Module):
            with torch.no_grad():
                return _ByHand(ready, x, *ready.forward(x))
        if several:
            with torch.no_grad():
                return _Again(ready, x, bf16, ready(in_precision_of(ready, x)))
        leaf = x.detach().requires_grad_()
        with torch.enable_grad():
            return _ByAutograd(ready, leaf, bf16, ready(in_precision_of(ready, leaf)))


def _no_autocast(device: str) -> AbstractContextManager[object]:
    """A context without autocast; entering one costs more than a small layer, so only where autocast is on."""
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()


def _rows(grad: Tensor) -> Tensor:
    """The indices of the rows of (N,K) that are not all 0."""
    return grad.ne(0).any(1).nonzero().squeeze(1)


def _spread(found: Tensor, rows: Tensor, count: int) -> Tensor:
    """A tensor of `count` rows: those of `found` at the places `rows`, and 0 elsewhere."""
    return found.new_zeros(count, *found.shape[1:]).index_copy_(0, rows, found)


@dataclass(frozen=True, eq=False)
class _ByHand:
    weights: ByHand
    x: Tensor
    logits: Tensor
    saved: Saved

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        with torch.no_grad(), _no_autocast(grad.device.type):
            rows = _rows(grad) if sparse else None
            if rows is None or len(rows) == len(grad):
                _tell(0, len(grad))
                return self.weights.backward(self.saved, grad)
            _tell(0, len(rows))
            if not len(rows):
                return torch.zeros_like(self.x, dtype=self.logits.dtype)
            found = self.weights.backward(tuple(part[rows] for part in self.saved), grad[rows])
            return _spread(found, rows, len(grad))


@dataclass(frozen=True, eq=False)
class _ByAutograd:
    network: nn.Module
    leaf: Tensor
    bf16: bool
    output: Tensor

    @property
    def logits(self) -> Tensor:
        return self.output.detach()

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        # A second pass forward and back with few rows costs less than one back with all of them.
        if sparse and 2 * len(_rows(grad)) < len(grad):
            return _Again(self.network, self.leaf.detach(), self.bf16, self.logits).gradient(grad)
        _tell(0, len(grad))
        with torch.autocast(grad.device.type, enabled=False):
            (found,) = torch.autograd.grad(self.output, self.leaf, grad.to(self.output.dtype))
        return found


@dataclass(frozen=True, eq=False)
class _Again:
    """A pass forward without a graph. The rows that must go backward go forward once more, with one: so only one of several
    networks holds a graph at a time."""

    network: nn.Module
    x: Tensor
    bf16: bool
    logits: Tensor

    def gradient(self, grad: Tensor, sparse: bool = True) -> Tensor:
        rows = _rows(grad)
        if not len(rows):
            return torch.zeros_like(self.x)
        found = _through(self.network, self.x[rows], self.bf16).gradient(grad[rows])
        return _spread(found, rows, len(grad))


class _InPieces:
    """A pass of many images, one batch after the other."""

    def __init__(self, parts: list[Pass]) -> None:
        self.parts = parts
        self.logits = torch.cat([part.logits for part in parts])

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        pieces_of_grad = grad.split([len(part.logits) for part in self.parts])
        return torch.cat([part.gradient(piece, sparse) for part, piece in zip(self.parts, pieces_of_grad, strict=True)])


class _Whole:
    """A pass forward that fitted into memory. Where the pass back does not, both are made again by `_Frugal`."""

    def __init__(self, inner: Pass, ready: Ready, x: Tensor, bf16: bool, place: str, size: int) -> None:
        self.inner: Pass | None = inner
        self.logits = inner.logits
        self.ready, self.x, self.bf16, self.place, self.size = ready, x, bf16, place, size

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        try:
            if self.inner is not None:
                return self.inner.gradient(grad, sparse)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        self.inner = None  # frees the activations that the pass forward has kept
        _fits(self.place, self.size // 2)
        return _Frugal(self.ready, self.x, self.bf16, self.place, self.logits).gradient(grad, sparse)


class _Frugal:
    """A pass of few images at a time that keeps no activations: to go backward, images go forward once more."""

    def __init__(self, ready: Ready, x: Tensor, bf16: bool, place: str, logits: Tensor | None = None) -> None:
        self.ready, self.x, self.bf16, self.place = ready, x, bf16, place
        self.logits = self._fitting(self._forward) if logits is None else logits

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        rows = _rows(grad) if sparse else torch.arange(len(grad), device=grad.device)
        if not len(rows):
            return torch.zeros_like(self.x)
        return _spread(self._fitting(partial(self._backward, grad, rows)), rows, len(grad))

    def _forward(self, most: int) -> Tensor:
        return torch.cat([_through(self.ready, part, self.bf16, several=True).logits for part in self.x.split(most)])

    def _backward(self, grad: Tensor, rows: Tensor, most: int) -> Tensor:
        return torch.cat([_through(self.ready, self.x[part], self.bf16).gradient(grad[part]) for part in rows.split(most)])

    def _fitting(self, run: Callable[[int], Tensor]) -> Tensor:
        found, size = halving(run, _FITTING[self.place])
        _fits(self.place, size)
        return found


class _BankPass:
    def __init__(self, passes: list[Pass]) -> None:
        self.passes = passes
        self.logits = passes[0].logits if len(passes) == 1 else torch.cat([one.logits for one in passes], dim=1)

    def gradient(self, grad: Tensor, sparse: bool = False) -> Tensor:
        """The gradient (N,C,H,W). Each image goes backward only through the networks that its loss depends on."""
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


def _fits(place: str, size: int) -> None:
    """Note that `size` images, and no more, fit at `place`. Where several threads note a size, the smallest counts."""
    with _LOCK:
        _FITTING[place] = max(min(size, _FITTING.get(place, size)), 1)


def _description(network: nn.Module, x: Tensor, bf16: bool) -> str:
    """What the best batch size depends on, apart from the machine."""
    size = sum(parameter.numel() for parameter in network.parameters())
    return f"{type(network).__name__} of {size} parameters, images {tuple(x.shape[1:])}, {'bf16' if bf16 else x.dtype}"


def _timed(ready: Ready, x: Tensor, bf16: bool, count: int) -> float:
    """The seconds that `count` images take forward and backward; these passes are not counted by `watched`."""
    images = x[torch.arange(count, device=x.device) % len(x)]

    def run() -> None:
        through = _through(ready, images, bf16)
        through.gradient(torch.ones_like(through.logits))

    with watched(None):
        return seconds(run, x.device.type)


def _tell(forward: int, backward: int) -> None:
    if watch := _watch.get():
        watch(forward, backward)
