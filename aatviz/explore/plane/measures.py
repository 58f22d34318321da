"""What models of points of the plane have learned, in numbers: pure functions of a network and points (N,2,1,1) in [0,1].

"Logits" are those of a bank or of a classifier: column k of a classifier is read as if it were the detector of class k.
"""

import torch
from torch import Tensor, nn

from aatviz.attacks import objective, pgd
from aatviz.attacks.geometry import distances
from aatviz.attacks.pgd import Iterate
from aatviz.metrics import auc
from aatviz.recipes import AttackSpec
from aatviz.train.steps import attack
from aatviz.train.validation import logits_of

SHARE = 0.95
"""The share of a class that its usual threshold lets through."""
FAR = 0.15
"""A point is far from all data where its nearest point lies further away than this, by Euclid."""
NEAR = 0.05
"""Noise has climbed onto the data where a point of its class lies at most this far away, by Euclid."""
CLIMB = AttackSpec(norm="L2", eps=1.5, step_size=0.01, steps=200, optimizer="steepest", keep="last")
"""How noise climbs: in a ball that holds the whole square."""


def grid(side: int) -> Tensor:
    """The centres of side x side cells of the square (side * side,2,1,1), row by row from y = 0 up; x comes first."""
    centres = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2, 1, 1)


def landscape(network: nn.Module, side: int = 64) -> Tensor:
    """Every logit at the centres of side x side cells, (K,side,side): row i lies at y = (i + 1/2) / side."""
    return logits_of(network, grid(side)).T.reshape(-1, side, side)


def usual_thresholds(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """T_k for each class (K,): the logit that 95 % of the points x of class k exceed. NaN for a class without points."""
    logits = logits_of(network, x)
    columns = [logits[y == k, k] for k in range(logits.shape[1])]
    return torch.stack([own.quantile(1 - SHARE) if len(own) else logits.new_tensor(torch.nan) for own in columns])


def overlap(x: Tensor, y: Tensor, eps: float) -> float:
    """The share of points x of classes y whose Linf ball of radius eps meets the ball of a point of another class. There no
    classifier can be right in all of both balls."""
    distance = distances(x, x, "Linf")
    return float((distance.masked_fill(y[:, None] == y, torch.inf).amin(1) <= 2 * eps).float().mean())


def far_mask(x: Tensor, side: int = 64, distance: float = FAR) -> Tensor:
    """Which cells of `grid` lie further away than `distance` from every data point x, bool (side * side,)."""
    return distances(grid(side), x, "L2").amin(1) > distance


def far_points(x: Tensor, side: int = 64, distance: float = FAR) -> Tensor:
    """The centres of the cells that are far from all data (M,2,1,1); maybe none."""
    return grid(side)[far_mask(x, side, distance)]


def far_accepted(network: nn.Module, x: Tensor, thresholds: Tensor, side: int = 64) -> float:
    """The share of far points that a detector accepts, averaged over the K detectors; NaN where no point is far."""
    far = far_points(x, side)
    return float((logits_of(network, far) >= thresholds).float().mean()) if len(far) else float("nan")


def climb(network: nn.Module, start: Tensor, target: Tensor, spec: AttackSpec = CLIMB) -> Tensor:
    """Noise (N,2,1,1) pushed up the logit of its class (N,), as in figure 6: all iterates (steps + 1,N,2,1,1)."""
    return _path(network, start, target, spec, seed=0)


def landed(ends: Tensor, target: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Which points (N,2,1,1) lie near a data point of their class (N,), as bool (N,)."""
    apart = distances(ends, x, "L2")
    return apart.masked_fill(y[None, :] != target[:, None], torch.inf).amin(1) <= NEAR


def noise(count: int, seed: int, classes: int) -> tuple[Tensor, Tensor]:
    """Noise that begins anywhere in the square (count,2,1,1), and the classes that it climbs towards, in turn (count,)."""
    start = torch.rand(count, 2, 1, 1, generator=torch.Generator().manual_seed(seed))
    return start, torch.arange(count) % classes


def climbed(network: nn.Module, x: Tensor, y: Tensor, count: int = 200, seed: int = 0) -> float:
    """The share of noise that climbs onto the data of its class."""
    start, target = noise(count, seed, int(y.max()) + 1)
    return float(landed(climb(network, start, target)[-1], target, x, y).float().mean())


def negative_paths(network: nn.Module, x: Tensor, target: Tensor, spec: AttackSpec, seed: int = 0) -> Tensor:
    """How negatives x (N,2,1,1) move while they are attacked towards classes (N,): all iterates (steps + 1,N,2,1,1)."""
    return _path(network, x, target, spec, seed)


def aucs(network: nn.Module, x: Tensor, y: Tensor, spec: AttackSpec, count: int = 200) -> tuple[float, float]:
    """The natural and the adversarial AUC, averaged over the detectors: natural points of class k against those of other
    classes, as they are, or `count` of them attacked towards k."""
    logits = logits_of(network, x)
    natural, adversarial = [], []
    for k in range(logits.shape[1]):
        positive, others = logits[y == k, k], x[y != k]
        if not len(positive) or not len(others):
            continue
        x_adv = attack(spec, objective("target_logit", network, target=k), others[:count], seed=k)
        natural.append(auc(positive, logits[y != k, k]))
        adversarial.append(auc(positive, logits_of(network, x_adv)[:, k]))
    return sum(natural) / len(natural), sum(adversarial) / len(adversarial)


def _path(network: nn.Module, x: Tensor, target: Tensor, spec: AttackSpec, seed: int) -> Tensor:
    kept: list[Tensor] = []

    def keep(iterate: Iterate) -> None:
        kept.append(iterate.x_adv)

    goal = objective("target_logit", network, target=target)
    settings = {name: getattr(spec, name) for name in ("norm", "eps", "step_size", "steps", "optimizer", "random_start")}
    pgd(goal, x, **settings, keep="last", seed=seed, callback=keep)
    return torch.stack(kept)
