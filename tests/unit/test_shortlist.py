"""A shortlist of rivals: the same attack with fewer passes, never a loss that is too low, rivals that are chosen anew."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aatviz.attacks import Shortlist, min_distortion, objective, pgd
from aatviz.attacks.objectives import fixed
from aatviz.attacks.passes import watched
from aatviz.models.detectors import DetectorBank

CLASSES = 5


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Softplus(), nn.Flatten(), nn.Linear(3 * 16, 1)).double()


def bank(*networks: nn.Module) -> DetectorBank:
    torch.manual_seed(0)
    found = networks or tuple(network() for _ in range(CLASSES))
    return DetectorBank(found, len(found)).eval().requires_grad_(False)


def batch(n: int = 7) -> tuple[Tensor, Tensor]:
    x = torch.rand(n, 1, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return x, torch.arange(n) % CLASSES


@pytest.mark.parametrize("optimizer", ["adam", "steepest"])
@pytest.mark.parametrize("settings", [Shortlist(size=4), Shortlist(size=1, every=1), Shortlist(size=2, every=3)])
def test_the_attack_is_that_of_loss_10(settings: Shortlist, optimizer: Any) -> None:
    victim, (x, y) = bank(), batch()
    exact = objective("detectors_max", victim, y=y)
    listed = objective("detectors_max", victim, y=y, shortlist=settings)
    found = [pgd(goal, x, steps=12, step_size=0.05, optimizer=optimizer, restarts=2) for goal in (exact, listed)]
    assert torch.allclose(*found, atol=1e-9)
    assert torch.allclose(listed(x)[0], exact(x)[0])  # outside an attack every network runs
    assert torch.allclose(listed(x)[1], exact(x)[1])


def test_between_full_passes_only_the_closest_rivals_run() -> None:
    victim, (x, y) = bank(), batch()
    goal = objective("detectors_max", victim, y=y, shortlist=Shortlist(size=2, every=5))
    seen = [0, 0]

    def count(forward: int, backward: int) -> None:
        seen[0] += forward
        seen[1] += backward

    run = fixed(goal)
    for step in range(10):
        seen[:] = [0, 0]
        with watched(count):
            run(x)
        full = len(x) * (CLASSES - 1)
        backward = len(x)  # only the strongest's; a network without passes by hand goes forward for it once more
        assert seen == [(2 * len(x) if step % 5 else full) + backward, backward]


class Rising(nn.Module):
    """One logit: `slope` times the first pixel, plus `offset`."""

    def __init__(self, slope: float, offset: float) -> None:
        super().__init__()
        self.slope, self.offset = slope, nn.Parameter(torch.tensor(offset, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return (self.slope * x[:, 0, 0, 0] + self.offset)[:, None]


def test_a_rival_that_overtakes_the_others_is_found_at_the_next_full_pass() -> None:
    victim = bank(Rising(0.0, -9.0), Rising(1.0, 0.0), Rising(-1.0, -0.2), Rising(3.0, -1.0))
    x = torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    run = fixed(objective("detectors_max", victim, y=0, shortlist=Shortlist(size=2, every=3)))
    high = torch.full_like(x, 0.9)
    assert run(x)[0].item() == 0.0  # follows detectors 1 and 2
    missed = run(high)
    assert missed[0].item() == pytest.approx(-0.9)  # 3 is at 1.7 by now: the loss may be too high, and never too low
    assert missed[1][0, 0, 0, 0].item() == -1.0
    run(high)
    found = run(high)
    assert (found[0].item(), found[1][0, 0, 0, 0].item()) == (pytest.approx(-1.7), -3.0)
    assert run(torch.cat([high, high]))[0].tolist() == pytest.approx([-1.7, -1.7])  # another number of images


def test_every_restart_begins_with_a_full_pass() -> None:
    victim = bank(Rising(0.0, -9.0), Rising(1.0, 0.0), Rising(3.0, -1.0))
    x, y = torch.zeros(1, 1, 2, 2, dtype=torch.float64), torch.tensor([0])
    goal = objective("detectors_max", victim, y=y, shortlist=Shortlist(size=1, every=100))
    once, again = (pgd(goal, x, eps=0.9, steps=1, step_size=0.0, restarts=restarts) for restarts in (1, 20))
    assert victim(once).max() == 0.0
    assert victim(again)[0, 2] > victim(again)[0, 1]  # a random start beyond x = 0.5 follows the third


def test_the_search_for_the_smallest_distortion_is_that_of_loss_10() -> None:
    victim, (x, y) = bank(), batch()
    settings: dict[str, Any] = {"depth": 4, "steps": 12, "step_size": 0.1}
    threshold = victim(x).max()

    def success(x_adv: Tensor, rows: Tensor) -> Tensor:
        return victim(x_adv).scatter(1, y[rows, None], -torch.inf).amax(1) >= threshold

    goals = [objective("detectors_max", victim, y=y, shortlist=listed) for listed in (None, Shortlist(size=2, every=3))]
    exact, found = (min_distortion(goal, success, x, **settings) for goal in goals)
    assert exact.last_found.any()
    assert torch.equal(exact.c, found.c)
    assert torch.allclose(exact.last, found.last, atol=1e-9)
    assert torch.allclose(exact.best, found.best, atol=1e-9)


def test_a_loss_that_is_no_number_is_told() -> None:
    victim, (x, y) = bank(), batch()
    with torch.no_grad():
        victim.networks[2][3].bias.fill_(torch.nan)  # type: ignore[index]
    with pytest.raises(ValueError, match="no finite number"):
        pgd(objective("detectors_max", victim, y=y, shortlist=Shortlist()), x, steps=3)


def test_what_a_shortlist_is_not_for() -> None:
    y = torch.zeros(3, dtype=torch.long)
    shared = DetectorBank([nn.Linear(4, 3)], 3)
    with pytest.raises(ValueError, match="a bank of several networks"):
        objective("detectors_max", shared, y=y, shortlist=Shortlist())
    with pytest.raises(ValueError, match="a bank of several networks"):
        objective("cross_entropy", bank(), y=y, shortlist=Shortlist())
    for wrong in ({"size": 0}, {"every": 0}, {"size": 1.5}):
        with pytest.raises(ValueError, match=r"at least 1|whole"):
            Shortlist(**wrong)  # type: ignore[arg-type]
