"""APGD: projected gradient descent that chooses its step sizes itself (Croce and Hein, 2020, algorithm 1)."""

import math

import torch
from torch import Tensor

from aatviz.attacks.checks import Array, Eps, Soundness, check_choice, check_eps, check_images, check_seed, check_whole
from aatviz.attacks.geometry import NORMS, Norm, per_sample, projection
from aatviz.attacks.geometry import random_start as draw_start
from aatviz.attacks.objectives import Objective, asked, fixed
from aatviz.attacks.optimizers import unit_step
from aatviz.attacks.pgd import Callback, told

MOMENTUM, FEWEST_DESCENTS = 0.75, 0.75
"""alpha and rho of the paper."""


@torch.inference_mode(False)
def apgd(
    objective: Objective,
    x: Array,
    *,
    norm: Norm = "Linf",
    eps: Eps = 0.3,
    steps: int = 100,
    random_start: bool = True,
    restarts: int = 1,
    seed: int = 0,
    callback: Callback | None = None,
) -> Tensor:
    """Minimise `objective` over the eps-ball intersected with [0,1], without a step size to choose.

    The first steps are 2 eps long. At every checkpoint, a sample whose loss fell in fewer than three quarters of the
    steps since the last one, or whose best loss and step size have not changed, halves its step and goes back to its
    best point.

    Args:
        objective: x' (N,C,H,W) -> (loss (N,), gradient (N,C,H,W)); see `aatviz.objective`.
        x: natural images (N,C,H,W), in [0,1] within 1e-6, a tensor or a NumPy array.
        norm, eps: the ball, eps on the [0,1] scale, a number, "8/255", or one per sample (N,).
        steps, restarts: the updates of each run, and the number of runs. A step costs one gradient; the best iterate of each
            sample over all runs is returned.
        random_start: begin at a uniformly drawn point of the ball rather than at x; later runs always do.
        seed: of the random starts.
        callback: called at the start and after every step with an `Iterate`; returning True ends the attack.

    Returns:
        Each sample's iterate of least loss (N,C,H,W), inside ball and box.

    Raises:
        ValueError: for images outside [0,1], an impossible setting, or where a loss or a gradient was no number.
    """
    x = check_images(x)
    check_choice("norm", norm, NORMS)
    steps = check_whole("steps", steps, least=1)
    restarts = check_whole("restarts", restarts, least=1)
    size = check_eps(eps, norm, x)
    generator = torch.Generator().manual_seed(check_seed(seed))
    sound = Soundness(x)
    found, found_loss = x.clone(), x.new_full((len(x),), torch.inf)
    for restart in range(restarts):
        start = draw_start(x, norm, size, generator) if random_start or restart else x
        best, best_loss, stopped = _run(fixed(objective), sound, x, start, norm, size, steps, restart, callback)
        better = best_loss < found_loss
        found = torch.where(per_sample(better, x), best, found)
        found_loss = torch.where(better, best_loss, found_loss)
        if stopped:
            break
    sound.check()
    return found


def checkpoints(steps: int) -> list[int]:
    """The steps at which the step size may be halved: ceil(p_j N), with N = `steps`, p_0 = 0, p_1 = 0.22 and
    p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06)."""
    before, now = 0.0, 0.22
    places = []
    while now <= 1:
        places.append(math.ceil(now * steps - 1e-9))
        before, now = now, now + max(now - before - 0.03, 0.06)
    return places


def _run(
    objective: Objective,
    sound: Soundness,
    x: Tensor,
    x_adv: Tensor,
    norm: Norm,
    eps: float | Tensor,
    steps: int,
    restart: int,
    callback: Callback | None,
) -> tuple[Tensor, Tensor, bool]:
    """One run of all samples: best iterates, their losses (N,), and whether the callback ended it."""

    def ask(point: Tensor, step: int) -> tuple[Tensor, Tensor, bool]:
        loss, grad = asked(objective, point)
        sound.see(loss, grad)
        return loss, grad, told(callback, restart, step, point, loss)

    ends, project = set(checkpoints(steps)), projection(x, norm, eps)
    loss, grad, stopped = ask(x_adv, 0)
    best, best_loss, best_grad = x_adv, loss, grad.clone()
    size = 2 * torch.as_tensor(eps, dtype=x.dtype, device=x.device).expand(len(x)).clone()
    descents = torch.zeros(len(x), dtype=torch.long, device=x.device)
    halved, loss_then, last_end = torch.zeros_like(descents, dtype=torch.bool), best_loss, 0
    x_before = x_adv
    for step in range(1, steps + 1):
        if stopped:
            break
        momentum = MOMENTUM if step > 1 else 1.0
        aim = project(x_adv + per_sample(size, x) * unit_step(grad, norm))
        moved = x_adv + momentum * (aim - x_adv) + (1 - momentum) * (x_adv - x_before)
        x_before, x_adv, loss_before = x_adv, project(moved), loss
        loss, grad, stopped = ask(x_adv, step)
        descents += loss < loss_before
        better = loss < best_loss
        best = torch.where(per_sample(better, x), x_adv, best)
        best_grad = torch.where(per_sample(better, x), grad, best_grad)
        best_loss = torch.where(better, loss, best_loss)
        if step in ends:
            stuck = ~halved & (best_loss >= loss_then)
            halved = (descents < FEWEST_DESCENTS * (step - last_end)) | stuck
            size = torch.where(halved, size / 2, size)
            back = per_sample(halved, x)
            x_adv, grad = torch.where(back, best, x_adv), torch.where(back, best_grad, grad)
            loss = torch.where(halved, best_loss, loss)
            x_before = torch.where(back, best, x_before)
            descents, loss_then, last_end = torch.zeros_like(descents), best_loss, step
    return best, best_loss, stopped
