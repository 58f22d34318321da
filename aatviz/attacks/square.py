"""Square: a black-box attack that only asks for scores (Andriushchenko, Croce, Flammarion and Hein, 2020)."""

import math
from collections.abc import Callable

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
    check_whole,
    only_read,
)
from aatviz.attacks.geometry import NORMS, Norm, norm, per_sample, projection
from aatviz.attacks.pgd import Callback, told

P_INIT = {"Linf": 0.8, "L2": 0.1}
"""The share of pixels that the first squares cover: the paper's choices for MNIST."""
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Where that share is halved, of 10,000 queries."""
TILES = 5
"""The first L2 perturbation is a grid of this many tiles a side."""


@torch.inference_mode(False)
@torch.no_grad()
def square(
    loss: Callable[[Tensor], Tensor],
    x: Array,
    *,
    norm: Norm = "Linf",
    eps: Eps = 0.3,
    queries: int = 5000,
    p_init: float | None = None,
    seed: int = 0,
    callback: Callback | None = None,
) -> Tensor:
    """Minimise `loss` over the eps-ball intersected with [0,1] by random squares; no gradient is ever taken.

    Each query changes one square of every image and keeps the change where the loss falls (algorithms 1 to 3).

    Args:
        loss: x' (N,C,H,W) -> (N,). Asked `queries` + 1 times about every image.
        x: natural images (N,C,H,W), in [0,1] within 1e-6, a tensor or a NumPy array; they are the first candidate.
        norm, eps: the ball; eps on the [0,1] scale, a number, "8/255", or one per sample (N,).
        queries: changes that are tried on each image.
        p_init: the share of the pixels that the first squares cover; the paper's for MNIST where it is None.
        seed: of all squares.
        callback: called at the start and after every query with an `Iterate`; returning True ends the attack.

    Returns:
        Each image's best x' (N,C,H,W), inside ball and box; never worse than x.

    Raises:
        ValueError: for images outside [0,1], an impossible setting, or where a loss was no number.
    """
    x = check_images(x)
    check_choice("norm", norm, NORMS)
    queries = check_whole("queries", queries, least=0)
    size = check_eps(eps, norm, x)
    share = P_INIT[norm] if p_init is None else check_number("p_init", p_init, least=0)
    if not 0 < share <= 1:
        raise ValueError(f"p_init is a share of the pixels, above 0 and at most 1; got {p_init!r}.")
    generator = torch.Generator().manual_seed(check_seed(seed))
    start, change = (_stripes, _recolour) if norm == "Linf" else (_tiles, _move)
    sound, project = Soundness(x), projection(x, norm, size)

    def ask(point: Tensor) -> Tensor:
        with only_read(point, "The loss") as shown:
            found = loss(shown)
        sound.see(found)
        return found.clone()

    best, best_loss = x, ask(x)
    for query in range(queries + 1):
        if told(callback, 0, query, best, best_loss):
            break
        if query == queries:
            break
        first = query == 0
        tried = start(x, size, generator) if first else change(best, x, size, _side(x, share, query, queries), generator)
        tried = project(tried)
        tried_loss = ask(tried)
        better = tried_loss < best_loss
        best = torch.where(per_sample(better, x), tried, best)
        best_loss = torch.where(better, tried_loss, best_loss)
    sound.check()
    return best


def _side(x: Tensor, share: float, query: int, queries: int) -> int:
    """The side of this query's squares: the share of pixels is halved as the search goes on."""
    progress = 10_000 * query / queries
    covered = share / 2 ** sum(progress > at for at in HALVINGS)
    height, width = x.shape[-2:]
    return max(min(round(math.sqrt(covered * height * width)), height - 1, width - 1), 1)


def _signs(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return (torch.randint(0, 2, shape, generator=generator) * 2 - 1).to(like)


def _stripes(x: Tensor, eps: float | Tensor, generator: torch.Generator) -> Tensor:
    """Vertical stripes of +eps and -eps."""
    n, channels, _, width = x.shape
    return x + per_sample(eps, x) * _signs((n, channels, 1, width), x, generator)


def _window(x: Tensor, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A square a sample: a mask (N,1,H,W), and the place of every row (N,H) and column (N,W) within it."""
    n, _, height, width = x.shape
    top = torch.randint(0, height - side + 1, (n, 1), generator=generator)
    left = torch.randint(0, width - side + 1, (n, 1), generator=generator)
    rows, columns = torch.arange(height) - top, torch.arange(width) - left
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None, :]
    return inside[:, None].to(x.device), rows.clamp(0, side - 1), columns.clamp(0, side - 1)


def _recolour(best: Tensor, x: Tensor, eps: float | Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Linf: one square of the perturbation becomes +eps or -eps, by channel (algorithm 2)."""
    mask, _, _ = _window(x, side, generator)
    colour = per_sample(eps, x) * _signs((len(x), x.shape[1], 1, 1), x, generator)
    return torch.where(mask, x + colour, best)


def _tiles(x: Tensor, eps: float | Tensor, generator: torch.Generator) -> Tensor:
    """L2: a grid of bumps in the middle of the image, each with a random sign and lying or standing, scaled to the border
    of the ball."""
    n, channels, height, width = x.shape
    side = max(min(height, width) // TILES, 1)
    down, across = height // side, width // side
    bump = _two_pyramids(side).to(x)
    lying = torch.rand((down, across, 1, 1), generator=generator, dtype=torch.float32).to(x) < 0.5
    tiles = _signs((n, channels, down, across, 1, 1), x, generator) * torch.where(lying, bump.T, bump)
    grid = tiles.transpose(3, 4).reshape(n, channels, down * side, across * side)
    top, left = (height - down * side) // 2, (width - across * side) // 2
    delta = torch.zeros_like(x)
    delta[..., top : top + down * side, left : left + across * side] = grid
    return x + _unit(delta) * per_sample(eps, x)


def _move(best: Tensor, x: Tensor, eps: float | Tensor, side: int, generator: torch.Generator) -> Tensor:
    """L2: a square gets a new bump and the whole budget of another square, which is wiped out (algorithm 3)."""
    side = min(max(side | 1, 3), *x.shape[-2:])
    delta = best - x
    here, rows, columns = _window(x, side, generator)
    there, _, _ = _window(x, side, generator)
    bump = _two_pyramids(side)
    if torch.rand((), generator=generator, dtype=torch.float32) < 0.5:
        bump = bump.T
    placed = bump[rows[:, :, None], columns[:, None, :]][:, None].to(x) * here
    placed = placed * _signs((len(x), x.shape[1], 1, 1), x, generator)
    unused = (eps**2 - norm(delta, "L2").square()).clamp_min(0)
    spent = torch.where(here | there, delta, 0).flatten(1).square().sum(1)
    fresh = _unit(_unit(placed) + _unit(torch.where(here, delta, 0)))
    moved = torch.where(here | there, torch.where(here, fresh * per_sample((spent + unused).sqrt(), x), 0), delta)
    return x + moved


def _unit(delta: Tensor) -> Tensor:
    return delta / per_sample(norm(delta, "L2").clamp_min(torch.finfo(delta.dtype).tiny), delta)


def _pyramid(height: int, width: int) -> Tensor:
    """The paper's bump (height, width), of unit length, largest in the middle: a pixel that lies d steps from there, in the
    larger of both directions, is worth sum_{k=d}^{n} 1 / (k + 1)^2, n steps being the farthest."""
    rows, columns = ((torch.arange(size) - size // 2).abs() for size in (height, width))
    distance = torch.maximum(rows[:, None], columns)
    worth = 1 / torch.arange(1, max(height, width) // 2 + 2) ** 2
    bump = worth.flip(0).cumsum(0).flip(0)[distance]
    result: Tensor = bump / bump.norm()
    return result


def _two_pyramids(side: int) -> Tensor:
    """A bump upwards beside a bump downwards (side, side), of unit length."""
    if side == 1:
        return torch.ones(1, 1)
    half = side // 2
    bump = torch.cat([_pyramid(half, side), -_pyramid(side - half, side)])
    result: Tensor = bump / bump.norm()
    return result
