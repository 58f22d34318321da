"""The attacks of the worst case: three optimizers, from several starts, the best iterate of each image kept."""

from typing import Any

from aatviz.attacks.geometry import Norm
from aatviz.recipes.spec import AttackSpec


def three_optimizers(
    norm: Norm, eps: float, adam: float, momentum: float, steepest: float, random_start: bool
) -> dict[str, AttackSpec]:
    """Adam, momentum and steepest descent, by a name for the table, with these step sizes and three runs each. Without
    `random_start`, the first run begins at the image itself."""
    hard: dict[str, Any] = {"norm": norm, "eps": eps, "random_start": random_start, "restarts": 3, "keep": "best"}
    return {
        f"Adam 100 x {adam:g}": AttackSpec(step_size=adam, steps=100, **hard),
        f"momentum 100 x {momentum:.2g}": AttackSpec(step_size=momentum, steps=100, optimizer="momentum", **hard),
        f"{'sign' if norm == 'Linf' else 'steepest'} 200 x {steepest:.2g}": AttackSpec(
            step_size=steepest, steps=200, optimizer="steepest", **hard
        ),
    }


def scaled(norm: Norm, eps: float) -> dict[str, AttackSpec]:
    """The three optimizers with their step sizes on MNIST, in proportion to eps."""
    shares = (1 / 15, 1 / 15, 1 / 30) if norm == "Linf" else (1 / 25, 0.4, 0.8)
    adam, momentum, steepest = (rounded(share * eps) for share in shares)
    return three_optimizers(norm, eps, adam, momentum, steepest, random_start=False)


def rounded(step_size: float) -> float:
    """The step size with two significant digits, as tables show it: 0.0067."""
    return float(f"{step_size:.2g}")
