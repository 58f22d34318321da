"""Whether a network is still what it was: cheap enough to be asked before every attack.

torch counts the changes of a tensor, but neither those through `.data` nor those that a fused optimizer makes. And a network
is more than its tensors: a temperature, the name of an activation or a part without weights may change too.
"""

from collections.abc import Hashable
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

COLUMNS = 1021
"""A prime: so two rows of a weight that change places change the column sums as well."""
DEEPEST = 6
"""How deep lists in lists are looked into: one may hold itself."""
Fingerprint = tuple[tuple[Hashable, ...], ...]
_OF_ANY_MODULE = frozenset(vars(nn.Module())) - {"_forward_hooks", "_forward_pre_hooks"}
"""What torch keeps in every module: its mode, which attacks set themselves, and its parts, looked at one by one."""


def fingerprint(network: nn.Module) -> Fingerprint:
    """For every parameter and buffer of the network: its identity, its type, its strides and a hash of its content. For
    every module: its identity, its type, and whatever else was set on it."""
    tensors = chain(network.parameters(), network.buffers())
    parts = ((id(part), id(type(part)), *_set_on(part)) for part in network.modules())
    return (*((id(one), one.dtype, one.stride(), _content(one.detach())) for one in tensors), *parts)


def _set_on(module: nn.Module) -> list[Hashable]:
    """The names and the values of what was set on a module, and its hooks."""
    return [(name, _value(value)) for name, value in vars(module).items() if name not in _OF_ANY_MODULE]


def _value(value: Any, deep: int = 0) -> Hashable:
    """Something that changes when the value does: for numbers, texts, dense tensors and arrays, alone or in lists, tuples,
    sets and dictionaries, what they hold; for all other objects, and what lies `DEEPEST` or deeper, their identity."""
    if deep == DEEPEST:
        return id(value)
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return type(value), value if value == value else "nan"
    if isinstance(value, Tensor) and value.layout == torch.strided and value.device.type != "meta":
        return id(value), value.dtype, value.shape, _content(value.detach().resolve_conj().resolve_neg())
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, hash(value.tobytes())
    if isinstance(value, list | tuple):
        return tuple(_value(one, deep + 1) for one in value)
    if isinstance(value, dict):
        return tuple((_value(key, deep + 1), _value(one, deep + 1)) for key, one in value.items())
    if isinstance(value, set | frozenset):
        return frozenset(_value(one, deep + 1) for one in value)
    return id(value)


def _content(tensor: Tensor) -> int:
    """A hash of the content, in one pass over the memory: the bytes are read as a table of unsigned 64-bit numbers, each of
    its `COLUMNS` columns is summed modulo 2^64, and the sums are hashed, with what is left below a full row. An accelerator
    sums 16-bit numbers instead; only the sums and that rest leave it."""
    flat = _flat(tensor)
    if flat.device.type != "cpu":
        words = flat.view(torch.uint8) if flat.element_size() == 1 else flat.view(torch.int16)
        whole = len(words) // COLUMNS * COLUMNS
        sums = words[:whole].view(-1, COLUMNS).sum(0, dtype=torch.int64)
        return hash((sums.cpu().numpy().tobytes(), words[whole:].cpu().numpy().tobytes()))
    octets = flat.view(torch.uint8).numpy()
    numbers = octets[: octets.size // 8 * 8].view(np.uint64)
    whole = numbers.size // COLUMNS * COLUMNS
    sums = np.add.reduce(numbers[:whole].reshape(-1, COLUMNS), axis=0)
    return hash((sums.tobytes(), octets[8 * whole :].tobytes()))


def _flat(tensor: Tensor) -> Tensor:
    """All elements (M,) in the order in which they lie in memory."""
    order = sorted(range(tensor.dim()), key=lambda axis: tensor.stride(axis), reverse=True)
    return tensor.permute(order).reshape(-1).contiguous()
