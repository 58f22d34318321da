"""The threat model's geometry: the norm ball around x, its intersection with the box [0,1], and random starts in it.

All functions take batches (N, ...) and treat every sample for itself; eps is on the [0,1] scale.
"""

from collections.abc import Callable
from typing import Literal, get_args, overload

import torch
from torch import Tensor

from aatviz.attacks.checks import check_choice

Norm = Literal["Linf", "L2"]
NORMS: tuple[str, ...] = get_args(Norm)


def norm(delta: Tensor, p: Norm) -> Tensor:
    """The norm of each sample's perturbation: (N, ...) -> (N,). Here and below, ValueError for a p not in `NORMS`."""
    check_choice("norm", p, NORMS)
    flat = delta.flatten(1)
    return flat.abs().amax(1) if p == "Linf" else flat.norm(dim=1)


def distances(x: Tensor, others: Tensor, p: Norm) -> Tensor:
    """The distances (N,M) of the samples (N, ...) from the others (M, ...), to about 0.00001."""
    check_choice("norm", p, NORMS)
    # Not by a matrix product, which is torch's way with L2: equal images would be 0.008 apart.
    order, exact = (torch.inf if p == "Linf" else 2.0), "donot_use_mm_for_euclid_dist"
    return torch.cdist(x.flatten(1), others.flatten(1), p=order, compute_mode=exact)


@overload
def per_sample(value: Tensor, like: Tensor) -> Tensor: ...
@overload
def per_sample(value: Tensor | float, like: Tensor) -> Tensor | float: ...
def per_sample(value: Tensor | float, like: Tensor) -> Tensor | float:
    """A value per sample (N,) shaped so that it broadcasts over (N, ...); a number stays as it is."""
    return value.view(-1, *[1] * (like.dim() - 1)) if isinstance(value, Tensor) else value


def project(x_adv: Tensor, x: Tensor, p: Norm, eps: Tensor | float) -> Tensor:
    """The point of {||x' - x||_p <= eps} intersected with [0,1] that is nearest to `x_adv` in L2.

    `eps` is a number or one value per sample (N,). For L2 the projection onto ball and box together is
    clip(x + s (x_adv - x)) with the largest s in [0,1] that stays inside the ball; see `_scale_into_ball`.
    """
    return projection(x, p, eps)(x_adv)


def projection(x: Tensor, p: Norm, eps: Tensor | float) -> Callable[[Tensor], Tensor]:
    """`project` for one attack on the images x: what all its steps share is computed once."""
    check_choice("norm", p, NORMS)
    if p == "Linf":
        radius = per_sample(eps, x)
        low, high = (x - radius).clamp_min(0), (x + radius).clamp_max(1)
        return lambda x_adv: torch.clamp(x_adv, low, high)

    def into_ball(x_adv: Tensor) -> Tensor:
        delta = x_adv - x
        room = torch.where(delta > 0, 1 - x, x)  # how far each pixel may go before it leaves the box
        scale = _scale_into_ball(delta.abs(), room, eps)
        return (x + scale * delta).clamp(0, 1)

    return into_ball


def _scale_into_ball(size: Tensor, room: Tensor, eps: Tensor | float) -> Tensor:
    """The largest s in [0,1] with ||min(s * size, room)||_2 <= eps, per sample, broadcastable over `size`.

    Newton's method on the squared norm, which grows with s: it climbs from below, so that every iterate is feasible,
    and it ends exactly once the set of pixels at the border of the box no longer changes.
    """
    dims = tuple(range(1, size.dim()))
    eps_sq = torch.as_tensor(eps, dtype=size.dtype, device=size.device).square()
    budget = per_sample(eps_sq, size) if eps_sq.dim() else eps_sq
    tiny = torch.finfo(size.dtype).tiny
    scale = (budget / size.square().sum(dims, keepdim=True).clamp_min(tiny)).sqrt()
    for _ in range(8):
        at_border = scale * size >= room
        spent = torch.where(at_border, room, 0).square().sum(dims, keepdim=True)
        free = torch.where(at_border, 0, size).square().sum(dims, keepdim=True)
        scale = torch.maximum(scale, ((budget - spent).clamp_min(0) / free.clamp_min(tiny)).sqrt())
    return scale.clamp_max(1)


def to_levels(x_adv: Tensor, x: Tensor, p: Norm, eps: Tensor | float) -> Tensor:
    """x' (N,C,H,W) as the 256 levels of a picture, uint8: the nearest ones that stay in the ball around x and in [0,1].

    Plain rounding may leave the ball: Linf where eps is no multiple of 1/255, L2 at any size. For Linf the nearest level
    inside is taken; for L2 a sample that rounding brings outside is rounded towards x instead. The result is sure to lie in
    the ball where x itself is made of such levels, as all images of a data set are.
    """
    check_choice("norm", p, NORMS)
    slack = 1e-4  # of a level: the rounding error of k / 255 in float32
    aim, centre = x_adv.double() * 255, x.double() * 255
    nearest = aim.round()
    if p == "Linf":
        radius = 255 * per_sample(torch.as_tensor(eps, dtype=torch.float64, device=x.device).reshape(-1), x)
        lowest, highest = (centre - radius - slack).ceil(), (centre + radius + slack).floor()
        levels = torch.where(lowest <= highest, nearest.clamp(lowest, highest), nearest)
    else:
        towards = torch.where(aim > centre, (aim + slack).floor(), (aim - slack).ceil())
        outside = norm(nearest / 255 - x, p) > torch.as_tensor(eps, device=x.device)
        levels = torch.where(per_sample(outside, x), towards, nearest)
    return levels.clamp(0, 255).byte()


def random_start(x: Tensor, p: Norm, eps: Tensor | float, generator: torch.Generator) -> Tensor:
    """A uniformly drawn point (N, ...) of the ball around each sample, projected into [0,1]. The generator lives on the CPU
    and draws float32, whatever torch's default type is."""
    if p == "Linf":
        unit = torch.rand(x.shape, generator=generator, dtype=torch.float32) * 2 - 1
    else:
        direction = torch.randn(x.shape, generator=generator, dtype=torch.float32)
        radius = torch.rand(len(x), generator=generator, dtype=torch.float32) ** (1 / x[0].numel())
        unit = direction * per_sample(radius / norm(direction, "L2"), direction)
    return project(x + per_sample(eps, x) * unit.to(x), x, p, eps)
