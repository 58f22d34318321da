"""The smallest L2 perturbation that makes a false positive: loss 16, with c found by a binary search (paper, appendix B)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from aatviz.attacks.checks import Array, check_images, check_limit, check_number, check_whole, only_read
from aatviz.attacks.geometry import per_sample
from aatviz.attacks.objectives import Objective, begin_run, fixed
from aatviz.attacks.optimizers import OptimizerName
from aatviz.attacks.pgd import Callback, Iterate, pgd, told


@dataclass(frozen=True, kw_only=True, eq=False)
class Distorted:
    """What `min_distortion` finds for each image."""

    last: Tensor
    """x' (N,C,H,W), the last iterate of the run with the largest c that succeeded: the paper's procedure."""
    last_found: Tensor
    """Whether there is one, bool (N,); elsewhere `last` is the image itself."""
    best: Tensor
    """x' (N,C,H,W), of all successful iterates of all runs the one nearest to the image in L2: never farther than `last`.
    The image itself where there is none."""
    best_found: Tensor
    """Whether there is one, bool (N,)."""
    c: Tensor
    """The largest c (N,) that succeeded; 0 where none did."""


@torch.inference_mode(False)
def min_distortion(
    objective: Objective,
    success: Callable[[Tensor, Tensor], Tensor],
    x: Array,
    *,
    promising: float = math.inf,
    most_c: float = 8.0,
    depth: int = 20,
    steps: int = 500,
    step_size: float = 0.1,
    optimizer: OptimizerName = "adam",
    callback: Callback | None = None,
) -> Distorted:
    """Minimise objective(x') + c ||x' - x||_2^2 over [0,1], for `depth` values of c, each sample with its own.

    The first c is 0. Where x' succeeds, the search goes on with a larger c, elsewhere with a smaller one (table 7). No c
    lies below 0, so that the search ends early where no image succeeds with the first.

    Args:
        objective: x' (N,C,H,W) -> (loss (N,), gradient); the paper's is minus max_{i != y} z_H(x')_i, loss 10.
        success: x' (M,C,H,W) and the rows (M,) of x that they come from -> which of them are false positives, bool (M,).
        x: natural images (N,C,H,W), in [0,1] within 1e-6, a tensor or a NumPy array.
        promising: iterates are shown to `success` only where their loss is below this, which saves passes.
        most_c, depth: the largest c, and how many values are tried.
        steps, step_size, optimizer: of each run, which starts at the image itself; table 7 has Adam on MNIST, and steepest
            descent on CIFAR-10.
        callback: as that of `aatviz.pgd`, called `depth` x (`steps` + 1) times at the most; returning True ends the search.

    Raises:
        ValueError: for images outside [0,1], an impossible setting, or where a loss or a gradient was no number.
    """
    x = check_images(x)
    depth = check_whole("depth", depth, least=1)
    most_c = check_number("most_c", most_c, least=0)
    promising = check_limit("promising", promising)
    at = fixed(objective)
    least, most, c = x.new_zeros(len(x)), x.new_full((len(x),), most_c), x.new_zeros(len(x))
    best, best_size = x.clone(), x.new_full((len(x),), torch.inf)
    last, last_found, last_c = x.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device), x.new_zeros(len(x))
    everyone = torch.arange(len(x), device=x.device)
    whole_box = math.sqrt(x[0].numel()) if len(x) else 1.0
    for attempt in range(depth):
        ended, stop = x, False
        begin_run(at)

        def penalised(x_adv: Tensor, c: Tensor = c) -> tuple[Tensor, Tensor]:
            loss, grad = at(x_adv)
            return loss, grad + 2 * per_sample(c, x) * (x_adv - x)

        def watch(it: Iterate, attempt: int = attempt) -> bool:
            nonlocal ended, stop
            size = _distance(it.x_adv, x)
            rows = ((size < best_size) & (it.loss < promising)).nonzero().flatten()
            if len(rows):
                rows = rows[success(it.x_adv[rows], rows)]
                best[rows], best_size[rows] = it.x_adv[rows], size[rows]
            ended = it.x_adv
            stop = told(callback, attempt, it.step, it.x_adv, it.loss)
            return stop

        pgd(
            penalised,
            x,
            norm="L2",
            eps=whole_box,
            step_size=step_size,
            steps=steps,
            optimizer=optimizer,
            keep="last",
            callback=watch,
        )
        if stop:
            break
        with only_read(ended, "The test of success") as shown:
            won = success(shown, everyone)
        size = _distance(ended, x)
        nearer = (won & (size < best_size)).nonzero().flatten()  # whatever their loss promised
        best[nearer], best_size[nearer] = ended[nearer], size[nearer]
        keep = won & (~last_found | (c >= last_c))
        last = torch.where(per_sample(keep, x), ended, last)
        last_c = torch.where(keep, c, last_c)
        last_found = last_found | won
        least, most = torch.where(won, c, least), torch.where(won, most, c)
        c = (least + most) / 2
        if not bool((most > 0).any()):  # all failed at 0, and would at every 0 to come
            break
    return Distorted(last=last, last_found=last_found, best=best, best_found=best_size.isfinite(), c=last_c)


def _distance(x_adv: Tensor, x: Tensor) -> Tensor:
    """||x' - x||_2 of every image, (N,)."""
    return (x_adv - x).flatten(1).norm(dim=1)
