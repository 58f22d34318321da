"""Whether a network still holds the numbers that it held: cheap enough to be asked before every attack.

torch counts the changes of a tensor, but neither those through `.data` nor those that a fused optimizer makes.
"""

from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

COLUMNS = 1021
"""A prime: so two rows of a weight that change places change the column sums as well."""
Fingerprint = tuple[tuple[int, torch.dtype, tuple[int, ...], int], ...]


def fingerprint(network: nn.Module) -> Fingerprint:
    """For every parameter and buffer of the network: its identity, its type, its strides and a hash of its content."""
    tensors = chain(network.parameters(), network.buffers())
    return tuple((id(one), one.dtype, one.stride(), _content(one.detach())) for one in tensors)


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
    return tensor.permute(order).reshape(-1)
