"""The attack unit test: a detector with an adversarial example planted in every ball, which an attack then has to find.

The binarization test of Zimmermann et al. ("Increasing confidence in adversarial robustness evaluations", 2022): an
attack that misses what is known to be there says nothing about a detector on which it finds nothing.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor, nn

from aatviz.attacks import NORMS, Objective, norm, project
from aatviz.attacks.checks import (
    LARGEST_SEED,
    TOLERANCE,
    Array,
    check_choice,
    check_images,
    check_seed,
    check_size,
    check_whole,
)
from aatviz.attacks.geometry import Norm, per_sample, random_start
from aatviz.attacks.objectives import LogitsObjective
from aatviz.models.checks import in_precision_of
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import evaluating

Border = Literal["surface", "corners"]
"""Where the planted point lies: on the ball's border in a random direction, or (Linf) with every pixel at +eps or -eps."""
RANDOM = "random search"
"""The control in the result of `attack_unit_test`."""
SALT = 0x5EED_0F_9147
"""Added to the seed of the planted points: without it, an attack with the same seed would start at the planted point."""
BATCH = 500


class Attack(Protocol):
    """An attack with its settings bound, such as `functools.partial(pgd, steps=100)`."""

    def __call__(self, objective: Objective, x: Tensor, /, *, norm: Norm, eps: float) -> Tensor: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PlantedTest:
    """A one-class bank for each sample: the frozen features and a read-out of its own.

    The logit is +1 - `closeness` at the sample's planted point, and at most -1 - `closeness` at its inner points, one of
    which is the sample itself. Above 0, an image is both misclassified and accepted.
    """

    trunk: nn.Module
    """(N,C,H,W) -> features (N,D)."""
    x: Tensor
    """The natural images (N,C,H,W), in [0,1]."""
    norm: Norm
    eps: float
    weight: Tensor
    """The read-outs (N,D)."""
    bias: Tensor
    """(N,)."""
    planted: Tensor
    """The proof (N,C,H,W): points inside ball and box on which `success` is True."""

    def logit(self, x_adv: Tensor) -> Tensor:
        """Each sample's own logit: (N,C,H,W), in the order of `x` -> (N,). One forward pass of the trunk."""
        return self._read_out(_features(self.trunk, x_adv))

    def _read_out(self, features: Tensor) -> Tensor:
        return (features * self.weight).sum(1) + self.bias

    @property
    def objective(self) -> Objective:
        """What an attack minimises: minus the logit, as `detector_logit` (objective 5). Bound to the order of `x`."""

        def loss(features: Tensor) -> tuple[Tensor, Tensor]:
            value = -self._read_out(features)
            return value, value

        return LogitsObjective(loss, (self.trunk,), (False,))

    @torch.no_grad()
    def success(self, x_adv: Tensor) -> Tensor:
        """Which x' (N,C,H,W) are adversarial: logit above 0, inside the ball and inside [0,1], as bool (N,). ValueError for
        another number of images than the test has: each has a ball of its own."""
        if x_adv.shape != self.x.shape:
            raise ValueError(f"x' has the shape of the test's images, {tuple(self.x.shape)}; got {tuple(x_adv.shape)}.")
        with evaluating((self.trunk,)):
            accepted = self.logit(x_adv) > 0
        flat = x_adv.flatten(1)
        in_box = (flat.amin(1) >= -TOLERANCE) & (flat.amax(1) <= 1 + TOLERANCE)
        # An L2 norm is a root of a sum over the pixels: its rounding grows with eps.
        return accepted & in_box & (norm(x_adv - self.x, self.norm) <= self.eps * (1 + 1e-5) + TOLERANCE)


@torch.inference_mode(False)
def planted_bank(
    bank: DetectorBank,
    x: Array,
    *,
    norm: Norm = "Linf",
    eps: float = 0.3,
    inner: int = 999,
    inner_radius: float = 0.95,
    border: Border = "surface",
    closeness: float = 0.0,
    seed: int = 0,
) -> PlantedTest:
    """Give every sample's ball an adversarial example, by reading the bank's frozen features anew.

    The read-out of a sample is the widest-margin separator between one random point at the ball's border, and the sample
    itself with `inner` random points inside the ball. The paper fits a logistic regression without penalty, which tends to
    this separator but has no solution of its own.

    Args:
        bank: a shared bank whose network ends in the linear layer `out`; it is copied, not changed.
        x: natural images (N,C,H,W), in [0,1] within 1e-6.
        norm, eps: the ball, eps on the [0,1] scale and above 0.
        inner, inner_radius: how many inner points, and the share of eps up to which they are drawn. More points, and
            points further out, make the test harder: they leave less of the ball on the planted point's side.
        border: where the planted point lies.
        closeness: how far the threshold is moved from the middle of the margin (0) towards the planted point (1). The
            closer, the harder the test.
        seed: of all points.

    Returns:
        The test: its objective is what an attack minimises, and its `planted` (N,C,H,W) prove that success is possible.

    Raises:
        ValueError: for a separate bank, an impossible setting, or where the features cannot separate the points. Only with
            fewer points than features is a separation sure.
    """
    x = check_images(x)
    check_choice("norm", norm, NORMS)
    check_choice("border", border, get_args(Border))
    if border == "corners" and norm != "Linf":
        raise ValueError(f"Only an Linf ball has corners; the norm is {norm}. Use border='surface'.")
    inner = check_whole("inner", inner, least=1)
    eps = check_size(eps, norm)
    for name, value, inside in (
        ("eps", eps, eps > 0),
        ("inner_radius", inner_radius, 0 < inner_radius <= 1),
        ("closeness", closeness, 0 <= closeness < 1),
    ):
        if not inside:
            limits = {"eps": "above 0", "inner_radius": "above 0 and at most 1", "closeness": "at least 0 and below 1"}[name]
            raise ValueError(f"{name} is {limits}; got {value!r}.")
    trunk = _features_of(bank)
    generator = torch.Generator().manual_seed((check_seed(seed) + SALT) % (LARGEST_SEED + 1))
    planted = _draw(border, x, norm, eps, generator)
    weights, biases = [], []
    for i in range(len(x)):
        shares = [len(range(start, inner, len(_kinds(norm)))) for start in range(len(_kinds(norm)))]
        around = [
            _draw(kind, x[i : i + 1].expand(share, -1, -1, -1), norm, inner_radius * eps, generator)
            for kind, share in zip(_kinds(norm), shares, strict=True)
        ]
        points = torch.cat([planted[i : i + 1], x[i : i + 1], *around])
        with torch.no_grad(), evaluating((trunk,)):
            features = torch.cat([_features(trunk, part) for part in points.split(BATCH)]).cpu().double()
        weight, middle = _separate(features[0], features[1:], sample=i)
        weights.append(weight)
        biases.append(-middle - closeness)
    weight, bias = torch.stack(weights).to(x), torch.stack(biases).to(x)
    test = PlantedTest(trunk=trunk, x=x, norm=norm, eps=eps, weight=weight, bias=bias, planted=planted)
    broken = (~test.success(planted) | test.success(x)).nonzero().flatten().tolist()
    if broken:
        raise ValueError(
            f"In {x.dtype}, the margins of the samples {broken} are lost to rounding; use a smaller closeness, fewer inner "
            "points or double precision."
        )
    return test


def attack_unit_test(
    test: PlantedTest, attacks: Mapping[str, Attack], *, points: int = 200, seed: int = 0
) -> dict[str, Tensor]:
    """For each attack by its name: in which samples' balls it finds an adversarial example, as bool (N,).

    The first entry, `RANDOM`, is the control: the samples for which one of `points` random points succeeds, drawn in turn in
    the ball, on its border and (Linf) at its corners. The test says something only where these are few: a sound attack then
    finds nearly all, and the random search does not.

    Args:
        attacks: for each name an attack, called as `attack(test.objective, test.x, norm=..., eps=...)`.
        points: random points for each sample, as many as the gradient steps of the attacks or more.

    Raises:
        ValueError: where an attack has the control's name, or `points` is no whole number of at least 0.
    """
    if RANDOM in attacks:
        raise ValueError(f"{RANDOM!r} is the name of the control; give that attack another name.")
    points = check_whole("points", points, least=0)
    found = {RANDOM: random_search(test, points, seed)}
    for name, attack in attacks.items():
        found[name] = test.success(attack(test.objective, test.x, norm=test.norm, eps=test.eps))
    return found


def random_search(test: PlantedTest, points: int = 200, seed: int = 0) -> Tensor:
    """For which samples at least one of `points` random points succeeds, as bool (N,)."""
    generator = torch.Generator().manual_seed(check_seed(seed))
    kinds = _kinds(test.norm)
    solved = torch.zeros(len(test.x), dtype=torch.bool, device=test.x.device)
    for i in range(points):
        solved |= test.success(_draw(kinds[i % len(kinds)], test.x, test.norm, test.eps, generator))
    return solved


def _features_of(bank: DetectorBank) -> nn.Module:
    """The shared network without its last layer: images -> features (N,D)."""
    if not bank.shared:
        raise ValueError(f"The attack unit test needs a shared bank, one network; this one has {len(bank.networks)}.")
    network = bank.networks[0]
    if not isinstance(getattr(network, "out", None), nn.Linear):
        raise ValueError(f"The network's last layer must be a linear layer named 'out'; {type(network).__name__} has none.")
    trunk = copy.deepcopy(network)
    trunk.out = nn.Identity()
    return trunk.eval().requires_grad_(False)


def _features(trunk: nn.Module, x: Tensor) -> Tensor:
    """The features (N,D) of images (N,C,H,W), in the trunk's own precision, as the passes of an attack compute them."""
    with torch.autocast(x.device.type, enabled=False):
        features: Tensor = trunk(in_precision_of(trunk, x))
    return features


def _kinds(p: Norm) -> tuple[str, ...]:
    """The kinds of random points in a ball."""
    return ("inside", "surface", "corners") if p == "Linf" else ("inside", "surface")


def _draw(kind: str, x: Tensor, p: Norm, eps: float, generator: torch.Generator) -> Tensor:
    """One random point for each sample: "inside" the ball, on its "surface" or at one of its "corners"; in the box."""
    if kind == "inside":
        return random_start(x, p, eps, generator)
    if kind == "corners":
        sign = torch.randint(0, 2, x.shape, generator=generator).to(x) * 2 - 1
        return project(x + eps * sign, x, p, eps)
    if p == "L2":  # aimed far outside: the projection stops at the border, as far as the box has room for it
        direction = torch.randn(x.shape, generator=generator, dtype=torch.float32).to(x)
        return project(x + 1e3 * eps * direction / per_sample(norm(direction, p), x), x, p, eps)
    delta = random_start(x, p, eps, generator) - x
    return project(x + delta * per_sample(eps / norm(delta, p).clamp_min(torch.finfo(x.dtype).tiny), x), x, p, eps)


def _separate(planted: Tensor, inner: Tensor, *, sample: int) -> tuple[Tensor, Tensor]:
    """The read-out w (D,), and w's value in the middle of the margin, for features (D,) and (M,D) in float64.

    w is scaled so that the planted point lies 1 above the middle and the nearest inner point 1 below it.
    """
    from sklearn.svm import SVC  # here: loading it takes a second

    # Offsets from the planted point, in units of the shortest: the solver's tolerances assume values of about 1.
    offsets = inner - planted
    unit = offsets.norm(dim=1).min()
    if unit > 0:
        points = torch.cat([torch.zeros_like(planted)[None], offsets / unit]).numpy()
        solver = SVC(kernel="linear", C=1e9, tol=1e-4, cache_size=500).fit(points, [1] + [0] * len(inner))
        weight = torch.tensor(solver.coef_[0])
        margin = -(offsets @ weight).max()
        if margin > 0:
            weight = 2 * weight / margin
            return weight, planted @ weight - 1
    raise ValueError(
        f"Sample {sample}: the {len(planted)} features do not separate the planted point from {len(inner)} inner points; "
        "use fewer inner points."
    )
