"""Several processes that train one network together, on one GPU each: `torchrun --nproc-per-node 8 -m aatviz.train RECIPE`.

They divide the attacks, which are nearly all of the work, and make the same updates: every process draws the same batch,
attacks its own share of the images, gets the others' shares, and computes the update on the whole batch. So batch norm, in
training mode, sees the whole batch, as with one process; in evaluation mode it is as it always is. The first process's
gradients and statistics count for all, so that the networks stay equal to the bit. It alone writes, and it alone reports.

Without torchrun a process is a team of one, and all of this changes nothing.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn

from aatviz.attacks import Objective
from aatviz.attacks.objectives import fixed
from aatviz.runtime.hardware import resolve

GoalOf = Callable[[slice], Objective]
"""An objective of some rows of a batch."""


def invited() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


@contextmanager
def joined(device: str) -> Iterator[str]:
    """The team of all processes that torchrun started, inside this block. Yields this process's device: for "cuda" a GPU of
    its own. ValueError for a device that a team cannot use."""
    device = resolve(device)
    if device not in ("cpu", "cuda"):
        raise ValueError(
            f"With torchrun the device is cpu, cuda or auto: each process takes a GPU of its own; got {device!r}."
        )
    if device == "cuda":
        device = resolve(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def first() -> bool:
    """Whether this process is the one that writes."""
    return size() == 1 or dist.get_rank() == 0


def wait() -> None:
    """Wait until every process is here: what the first one wrote before can be read by all."""
    if size() > 1:
        dist.barrier()


def divided(goal_of: GoalOf, count: int) -> Objective:
    """The objective of an attack on `count` images, of which this process attacks its share: the others stay as they are.
    `whole` puts the shares together."""
    if size() == 1:
        return goal_of(slice(None))
    rows = _share(count)
    goal = fixed(goal_of(rows)) if rows.start < rows.stop else None

    def mine(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        loss, grad = x_adv.new_zeros(len(x_adv)), torch.zeros_like(x_adv)
        if goal:
            loss[rows], grad[rows] = goal(x_adv[rows])
        return loss, grad

    return mine


def whole(x_adv: Tensor) -> Tensor:
    """The attacked images (N,C,H,W) of all shares, the same for every process."""
    if size() == 1:
        return x_adv
    rows = _share(len(x_adv))
    shares = torch.zeros_like(x_adv)
    shares[rows] = x_adv[rows]
    dist.all_reduce(shares)
    return shares


def agree(tensors: Iterable[Tensor | None]) -> None:
    """Give these tensors the first process's values."""
    if size() > 1:
        for tensor in tensors:
            if tensor is not None:
                dist.broadcast(tensor, 0)


def agree_on_gradients(network: nn.Module) -> None:
    """Give the gradients, and the statistics of batch norms, the first process's values."""
    agree(parameter.grad for parameter in network.parameters())
    agree(network.buffers())


def _share(count: int) -> slice:
    """This process's rows of `count`: in order, and as even as can be."""
    rank, every = dist.get_rank(), size()
    return slice(count * rank // every, count * (rank + 1) // every)
