"""Weights as they are now: an objective, new or kept, and every attack see each change of a network."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import ATTACKS, CLASSES, Attack, batch, small_system
from torch import Tensor, nn

from aatviz.attacks import objective, pgd
from aatviz.attacks.fingerprint import fingerprint
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import NETWORKS, MadryNet
from aatviz.runtime.hardware import fast_bf16

pytestmark = pytest.mark.slow


def through_data(network: nn.Module) -> None:
    for parameter in network.parameters():
        parameter.data.mul_(0.5)


def in_place(network: nn.Module) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.5)


def another_tensor(network: nn.Module) -> None:
    for parameter in network.parameters():
        parameter.data = parameter.data * 0.5


def loaded(network: nn.Module) -> None:
    network.load_state_dict({name: value * 0.5 for name, value in network.state_dict().items()})


def through_numpy(network: nn.Module) -> None:
    for parameter in network.parameters():
        parameter.detach().numpy()[...] *= 0.5


CHANGES = [through_data, in_place, another_tensor, loaded, through_numpy]


def madry() -> nn.Module:
    return MadryNet(CLASSES, width=32)


def preact() -> nn.Module:
    return NETWORKS.get("preact").build((1, 28, 28), CLASSES, widths=(8, 16), blocks=(1, 1))


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Softplus(), nn.Flatten(), nn.Linear(3 * 26 * 26, CLASSES))


def made(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make().eval().requires_grad_(False)


def images(n: int) -> tuple[Tensor, Tensor]:
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(1)), torch.arange(n) % CLASSES


def outcome(goal: Any, x: Tensor) -> tuple[Tensor, ...]:
    return *goal(x), pgd(goal, x, steps=2)


def grid() -> Iterator[Any]:
    """Every change of every network; one of them for many images and in bf16 too. All others are long."""
    for change, make, n, bf16 in itertools.product(CHANGES, [madry, preact, plain], [1, 40], [False, True]):
        usual = change is in_place or (n, bf16) == (1, False)
        name = f"{change.__name__}-{make.__name__}-{n}-{'bf16' if bf16 else 'fp32'}"
        yield pytest.param(change, make, n, bf16, id=name, marks=() if usual else pytest.mark.long)


@pytest.mark.parametrize(("change", "make", "n", "bf16"), list(grid()))
def test_an_objective_new_or_kept_has_the_weights_of_today(change: Any, make: Any, n: int, bf16: bool) -> None:
    if bf16 and n > 1 and change is not in_place and not fast_bf16("cpu"):
        pytest.skip("without bf16 in hardware each takes half a minute; one is enough")
    x, y = images(n)
    network, fresh = made(make), made(make)
    change(fresh)
    expected = outcome(objective("cross_entropy", fresh, y=y, bf16=bf16), x)
    kept = objective("cross_entropy", network, y=y, bf16=bf16)
    before = outcome(kept, x)
    change(network)
    for goal in (kept, objective("cross_entropy", network, y=y, bf16=bf16)):
        for one, other, old in zip(outcome(goal, x), expected, before, strict=True):
            assert torch.equal(one, other)
            assert not torch.equal(one, old)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("make", [preact, plain])
def test_running_statistics_are_weights_too(make: Any, bf16: bool) -> None:
    x, y = images(2)
    network = made(make)
    kept = objective("cross_entropy", network, y=y, bf16=bf16)
    before = kept(x)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.add_(0.1)
    new = objective("cross_entropy", network, y=y, bf16=bf16)(x)
    assert not torch.equal(before[1], new[1])
    assert torch.equal(kept(x)[1], new[1])


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
@pytest.mark.parametrize("change", CHANGES)
def test_every_attack_has_the_weights_of_today(attack: Attack, change: Any) -> None:
    system, fresh, (x, y) = small_system(), small_system(), batch()
    attack(system, x, y)
    for one in (system, fresh):
        for module in (one.detectors, one.classifier):
            change(module)
    assert torch.equal(attack(system, x, y), attack(fresh, x, y))


def test_in_a_bank_the_detector_that_changed_is_seen() -> None:
    x, y = images(3)
    torch.manual_seed(0)
    bank = DetectorBank([MadryNet(1, width=32) for _ in range(CLASSES)], CLASSES).eval().requires_grad_(False)
    goal = objective("detectors_max", bank, y=y)
    goal(x)
    for network in bank.networks:
        network.out.bias.data += 1  # type: ignore[operator, union-attr]
    torch.testing.assert_close(goal(x)[0], -bank(x).scatter(1, y[:, None], -torch.inf).amax(1))


def test_weights_are_looked_at_once_an_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    from aatviz.attacks import layouts

    calls, found = [], layouts.fingerprint
    monkeypatch.setattr(layouts, "fingerprint", lambda network: calls.append(network) or found(network))
    x, y = images(2)
    pgd(objective("cross_entropy", made(madry), y=y), x, steps=20, restarts=2)
    assert len(calls) == 1


class Tempered(nn.Module):
    """A linear network with what a module may hold beside weights."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, CLASSES)
        self.act: nn.Module = nn.Identity()
        self.settings = {"temperature": 1.0}
        self.shift = torch.zeros(CLASSES)  # no buffer
        self.sign = 1

    def forward(self, x: Tensor) -> Tensor:
        z = self.act(self.out(x.flatten(1))) / self.settings["temperature"]
        return self.sign * z + self.shift.to(z.dtype)


def cooled(network: Any) -> None:
    network.settings["temperature"] = 0.25


def shifted(network: Any) -> None:
    network.shift[0] += 4


def turned(network: Any) -> None:
    network.sign = -1


def bent(network: Any) -> None:
    network.act = nn.Softsign()


def hooked(network: Any) -> None:
    network.register_forward_hook(lambda module, x, z: 3 * z)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("change", [cooled, shifted, turned, bent, hooked])
def test_what_a_network_holds_beside_its_weights_is_seen_too(change: Any, bf16: bool) -> None:
    x, y = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2])
    network, fresh = made(Tempered), made(Tempered)
    change(fresh)
    kept = objective("classifier_margin", network, y=y, bf16=bf16)
    before = kept(x)[0]
    change(network)
    assert torch.equal(kept(x)[0], objective("classifier_margin", fresh, y=y, bf16=bf16)(x)[0])
    assert not torch.equal(kept(x)[0], before)


def test_whatever_a_network_holds_it_can_be_attacked() -> None:
    network: Any = made(Tempered)
    network.register_buffer("one_number", torch.zeros(1).expand(3))
    network.odd = [
        torch.eye(2).to_sparse(),
        torch.empty(2, device="meta"),
        torch.zeros(2, dtype=torch.complex64).conj(),
        torch.zeros(0),
        torch.tensor(True),
        torch.zeros(1).expand(3),
        torch.ones(2, dtype=torch.bfloat16, requires_grad=True) * 2,
        {"a": {1, 2}, (1, "b"): np.zeros(3), 3: float("nan")},
        object(),
        lambda: 1,
    ]
    network.odd.append(network.odd)
    assert fingerprint(network) == fingerprint(network)
    before = fingerprint(network)
    network.odd[7]["a"].add(5)
    assert fingerprint(network) != before


def test_another_activation_is_seen_by_the_passes_by_hand() -> None:
    x, y = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2])
    network: Any = made(lambda: NETWORKS.get("mlp").build((1, 2, 2), CLASSES))
    kept = objective("classifier_margin", network, y=y)
    before = kept(x)[0]
    network.activation = "silu"
    z = network(x)
    assert not torch.equal(kept(x)[0], before)
    torch.testing.assert_close(kept(x)[0] < 0, z.argmax(1) != y)


def test_a_network_that_stays_as_it_is_is_laid_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[nn.Module] = []
    lay_out = NETWORKS.laid_out
    monkeypatch.setattr(NETWORKS, "laid_out", lambda network, dtype: calls.append(network) or lay_out(network, dtype))
    x, y = torch.rand(3, 1, 2, 2), torch.tensor([0, 1, 2])
    network = made(Tempered)
    for _ in range(3):
        objective("classifier_margin", network, y=y, bf16=True)(x)
        network.train()
        network.eval()
    assert len(calls) == 1
