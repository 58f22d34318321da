"""PGD where only success counts: samples that are done leave the batch, and cost nothing from then on."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from aatviz.attacks.checks import Array, check_limit
from aatviz.attacks.objectives import Objective, asked, begin_run, fixed
from aatviz.attacks.pgd import Callback, Iterate, pgd


def pgd_until_success(
    subset: Callable[[Tensor], Objective],
    x: Array,
    *,
    below: float = 0.0,
    callback: Callback | None = None,
    **settings: Any,
) -> Tensor:
    """As `aatviz.pgd`, but a sample is done once its loss has fallen below `below`: no later step or restart computes it.

    Args:
        subset: the rows (M,) of x that are still open -> their objective, as in
            `lambda rows: aatviz.objective("combined", system, y=y[rows])`.
        x: natural images (N,C,H,W), in [0,1] within 1e-6, a tensor or a NumPy array.
        below: what counts as success: 0 for loss 9 and the combined losses (misclassified), -T for loss 10 (accepted). The
            objective alone decides: where it runs in bfloat16, leave room for its rounding, or check the result.
        callback, settings: as those of `aatviz.pgd`; `keep` is always "best". For a done sample, the callback goes on
            seeing the loss that it had when it was done.

    Returns:
        x' (N,C,H,W): the first iterate below `below`, or, where there is none, the best one.

    Raises:
        ValueError: as `aatviz.pgd`, and for a `below` that is no number.
    """
    goal = _OpenOnly(subset, check_limit("below", below))

    def watch(it: Iterate) -> bool:
        return bool(callback and callback(it)) or not len(goal.open)

    return pgd(goal, x, **settings | {"keep": "best"}, callback=watch)


class _OpenOnly:
    """An objective that keeps the loss of samples that are done, and asks about the others only."""

    def __init__(self, subset: Callable[[Tensor], Objective], below: float) -> None:
        self.subset, self.below = subset, below
        self.open = torch.empty(0, dtype=torch.long)
        self._objective: Objective | None = None
        self._loss: Tensor | None = None

    def begin(self) -> None:
        """A run begins, from another start; see `begin_run`."""
        if self._objective is not None:
            begin_run(self._objective)

    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        if self._loss is None:
            self._loss = x_adv.new_full((len(x_adv),), torch.inf)
            self.open = torch.arange(len(x_adv), device=x_adv.device)
        grad = torch.zeros_like(x_adv)
        if not len(self.open):
            return self._loss, grad
        if self._objective is None:
            self._objective = fixed(self.subset(self.open))
        loss, grad[self.open] = asked(self._objective, x_adv[self.open])
        self._loss = self._loss.index_put((self.open,), loss.to(self._loss))
        if (still := loss >= self.below).logical_not().any():
            self.open, self._objective = self.open[still], None
        return self._loss, grad
