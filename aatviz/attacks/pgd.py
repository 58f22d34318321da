"""Projected gradient descent in a norm ball: the attack behind every picture and every number of this project."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from aatviz.attacks.checks import (
    Array,
    Eps,
    Soundness,
    check_choice,
    check_eps,
    check_images,
    check_number,
    check_seed,
    check_start,
    check_whole,
    only_read,
)
from aatviz.attacks.geometry import NORMS, Norm, per_sample, projection
from aatviz.attacks.geometry import random_start as draw_start
from aatviz.attacks.objectives import Objective, asked, begin_run, fixed
from aatviz.attacks.optimizers import OPTIMIZERS, OptimizerName, make_optimizer

Keep = Literal["best", "last"]


@dataclass(frozen=True, kw_only=True)
class Iterate:
    """What a callback sees: the iterate x' (N,C,H,W) after `step` steps (0 is the start), with its loss per sample (N,)."""

    restart: int
    step: int
    x_adv: Tensor
    loss: Tensor


Callback = Callable[[Iterate], bool | None]
"""Called once a step. Returning True ends the attack there; what has been found so far is returned."""


def told(callback: Callback | None, restart: int, step: int, x_adv: Tensor, loss: Tensor) -> bool:
    """Call an attack's callback, where there is one: whether it ends the attack."""
    if callback is None:
        return False
    with only_read(x_adv, "The callback") as shown:
        return bool(callback(Iterate(restart=restart, step=step, x_adv=shown, loss=loss)))


@torch.inference_mode(False)
def pgd(
    objective: Objective,
    x: Array,
    *,
    norm: Norm = "Linf",
    eps: Eps = 0.3,
    step_size: float = 0.01,
    steps: int = 100,
    optimizer: OptimizerName = "adam",
    random_start: bool = False,
    start: Array | None = None,
    restarts: int = 1,
    keep: Keep = "best",
    seed: int = 0,
    callback: Callback | None = None,
) -> Tensor:
    """Minimise `objective` over the intersection of the eps-ball around each sample and [0,1] (Madry et al., 2018).

    Args:
        objective: x' (N,C,H,W) -> (loss (N,), gradient (N,C,H,W)); see `aatviz.objective`.
        x: natural images (N,C,H,W), floating point, in [0,1] within 1e-6, a tensor or a NumPy array.
        norm, eps: the ball, "Linf" or "L2"; eps on the [0,1] scale, a number, "8/255", or one per sample (N,).
        step_size, steps, optimizer: `steps` updates by "adam" (the paper's), "steepest" or "momentum".
        random_start: begin at a uniformly drawn point of the ball rather than at x.
        start: where the first run begins instead, (N,C,H,W); moved into ball and box first.
        restarts: how many runs from different starts; every run but the first starts at random in any case. The best of
            them is kept for each sample.
        keep: "best" keeps each sample's iterate of least loss over all steps and restarts; "last" keeps the last
            iterate (the paper's), of the restart that ended with the least loss.
        seed: of the random starts.
        callback: called at the start and after every step with an `Iterate`; returning True ends the attack.

    Returns:
        x' (N,C,H,W), inside ball and box, without gradient; in the images' precision, float32 for half precision.

    Raises:
        ValueError: for images outside [0,1] or an impossible setting; the message says what was expected. Also, after the
            last step, where a loss was not finite, a gradient NaN, or so large that no step could be made of it.
    """
    x = check_images(x)
    check_choice("norm", norm, NORMS)
    check_choice("optimizer", optimizer, OPTIMIZERS)
    check_choice("keep", keep, get_args(Keep))
    steps = check_whole("steps", steps, least=0)
    restarts = check_whole("restarts", restarts, least=1)
    step_size = check_number("step_size", step_size, least=0)
    size = check_eps(eps, norm, x)
    begin = None if start is None else check_start(start, x)
    generator = torch.Generator().manual_seed(check_seed(seed))
    at, sound, project = fixed(objective), Soundness(x), projection(x, norm, size)
    must_score = keep == "best" or restarts > 1
    best_x, best_loss = x.clone(), x.new_full((len(x),), torch.inf)

    for restart in range(restarts):
        if begin is not None and not restart:
            x_adv = project(begin)
        else:
            x_adv = draw_start(x, norm, size, generator) if random_start or restart else x.clone()
        inner = make_optimizer(optimizer, step_size, norm)
        begin_run(at)
        stop = False
        for step in range(steps + 1):
            is_last = step == steps
            if is_last and not must_score and callback is None:
                break
            loss, grad = asked(at, x_adv)
            sound.see(loss, grad)
            stop = told(callback, restart, step, x_adv, loss)
            if keep == "best" or ((is_last or stop) and must_score):
                better = loss < best_loss
                best_x = torch.where(per_sample(better, x), x_adv, best_x)
                best_loss = torch.where(better, loss, best_loss)
            if is_last or stop:
                break
            x_adv = project(x_adv + inner.step(grad))
        if stop:
            break
    found = best_x if must_score else x_adv
    sound.arrive(found)
    sound.check()
    return found
