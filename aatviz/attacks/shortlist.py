"""Loss 10 on a separate bank without a pass of every network at every step: an attack follows each image's closest rivals.

Which other detectors come close to accepting an image changes seldom during an attack. So only the `size` strongest of them
run, and every `every`-th step all of them, which choose anew. The loss is then the largest logit among those that ran: never
more than what loss 10 would say, so that an image never counts as fooled where it is not.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.attacks.checks import ClassIndices, check_whole
from aatviz.attacks.passes import Prepared
from aatviz.models.checks import check_fits, image_shape
from aatviz.models.networks import evaluating


@dataclass(frozen=True, kw_only=True)
class Shortlist:
    """How many rivals of an image are followed, and how many steps long. ValueError for less than 1 of either.

    With ten networks and the defaults, a step takes on average 3.8 passes of a network instead of 11.
    """

    size: int = 2
    every: int = 10

    def __post_init__(self) -> None:
        check_whole("The shortlist's size", self.size, least=1)
        check_whole("every", self.every, least=1)


class Shortlisted:
    """The objective of one attack: x' (N,C,H,W) -> (loss (N,), gradient (N,C,H,W)).

    The first call of a run runs all networks but that of each image's own class `y`, and so does every later one that is
    due, or that has another number of images.
    """

    def __init__(
        self, networks: list[Prepared], modules: tuple[nn.Module, ...], y: ClassIndices, settings: Shortlist
    ) -> None:
        self.networks, self.modules, self.y, self.settings = networks, modules, y, settings
        self.calls = 0
        self.followed = torch.zeros(0, len(networks), dtype=torch.bool)

    def begin(self) -> None:
        """A run begins, from another start: the next call runs all networks."""
        self.calls = 0

    def __call__(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        check_fits(x_adv, image_shape(*self.modules))
        k = len(self.networks)
        due = self.calls % self.settings.every == 0 or len(self.followed) != len(x_adv)
        own = F.one_hot(self.y.for_images(x_adv), k).bool()
        runs = ~own if due else self.followed
        self.calls += 1
        with evaluating(self.modules):
            passes = {j: (rows, self.networks[j](x_adv[rows])) for j, rows in _rows(runs)}
            logits = torch.full(
                own.shape, -torch.inf, device=x_adv.device, dtype=torch.promote_types(x_adv.dtype, torch.float32)
            )
            for j, (rows, one) in passes.items():
                logits[rows, j] = one.logits[:, 0].to(logits.dtype)
            highest, strongest = logits.max(1)
            if due:
                best = logits.topk(min(self.settings.size, k - 1), 1).indices
                self.followed = torch.zeros_like(own).scatter_(1, best, True)
            grad = torch.zeros_like(x_adv)
            for j, (rows, one) in passes.items():
                mine = strongest[rows] == j
                if mine.any():
                    grad[rows] += one.gradient(-mine[:, None].to(one.logits.dtype), sparse=True).to(grad.dtype)
        return -highest, grad


def _rows(runs: Tensor) -> list[tuple[int, Tensor]]:
    """For each network that is to run, its column and the rows (M,) of its images."""
    return [(j, rows) for j, column in enumerate(runs.T) if len(rows := column.nonzero().flatten())]
