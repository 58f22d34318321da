"""Any device: which one a name means; and on each that is here, the numbers of the CPU."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aatviz.attacks import apgd, min_distortion, multi_targeted, objective, pgd, pgd_until_success, square
from aatviz.attacks.optimizers import OPTIMIZERS
from aatviz.attacks.settings import AttackSettings
from aatviz.attacks.victims import Victim
from aatviz.explore.attack_grid.result import CompareSettings
from aatviz.explore.attack_grid.run import compare
from aatviz.explore.attack_path import trace_attack
from aatviz.metrics import auc
from aatviz.models.detectors import DetectorBank, GenerativeClassifier
from aatviz.models.networks.mlp import MLP
from aatviz.runtime.hardware import describe, fast_bf16, resolve
from aatviz.store.systems import load_system
from tests.made_systems import Made

HERE = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
DEVICE = pytest.mark.parametrize(
    "device",
    [pytest.param(name, marks=pytest.mark.skipif(not there, reason=f"no {name} here")) for name, there in HERE.items()],
)
SHAPE, CLASSES = (3, 6, 8), 4


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for cuda, mps, best in ((True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=cuda: there)
        monkeypatch.setattr(torch.cuda, "device_count", lambda there=cuda: 2 * there)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda there=mps: there)
        assert resolve("auto") == best
        assert resolve(best) == best
        for other, there in (("cuda", cuda), ("cuda:1", cuda), ("mps", mps)):
            if not there:
                with pytest.raises(ValueError, match=f"has no {other}; it has cpu"):
                    resolve(other)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve("cuda:1") == "cuda:1"
    with pytest.raises(ValueError, match="has no cuda:2"):
        resolve("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "", "CPU", "mps:0"])
def test_another_name_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="A device is cpu, cuda"):
        resolve(name)


@pytest.mark.parametrize("name", ["mps", "mps:0"])
def test_apples_gpu_is_known_by_both_of_its_names(name: str) -> None:
    assert not fast_bf16(name)
    assert "Apple GPU" in describe(name)


@pytest.mark.parametrize(
    ("most", "able"), [("AVX2", False), ("avx512_core_vnni", False), ("AVX512_CORE_AMX", True), (None, True)]
)
def test_a_processor_that_may_not_multiply_bf16_counts_as_one_that_cannot(
    most: str | None, able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    if most:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", most)
    assert fast_bf16("cpu") == able


class Toy:
    """What attacks need of a system."""

    def __init__(self, separate: bool) -> None:
        torch.manual_seed(0)
        networks = [MLP(SHAPE, 1, (8,)) for _ in range(CLASSES)] if separate else [MLP(SHAPE, CLASSES, (8,))]
        self.detectors = DetectorBank(networks, CLASSES).eval().requires_grad_(False)
        self.classifier, self.robust_classifier = (MLP(SHAPE, CLASSES, (8,)).eval().requires_grad_(False) for _ in range(2))
        self.generative = GenerativeClassifier(self.detectors, torch.tensor([0.1, 0.2, 0.3, 0.4]))

    def to(self, device: str) -> "Toy":
        for module in (self.detectors, self.classifier, self.robust_classifier):
            assert isinstance(module, nn.Module)
            module.to(device)
        return self


def attacks(system: Any, x: Tensor, y: Tensor, p: Any) -> dict[str, Tensor]:
    """What every attack finds."""
    settings: dict[str, Any] = {"norm": p, "eps": 0.3, "step_size": 0.1, "steps": 3}
    goal = objective("combined", system, y=y)
    found = {name: pgd(goal, x, **settings, optimizer=name, random_start=True) for name in OPTIMIZERS}  # type: ignore[arg-type]
    found["apgd"] = apgd(goal, x, norm=p, eps=0.3, steps=5, restarts=2)
    victim = Victim(name="generative", system=system)
    found["square"] = square(lambda x_adv: victim.rank_of(x_adv, y), x, norm=p, eps=0.3, queries=8)
    found["multi_targeted"] = multi_targeted(victim, x, y, **settings)
    found["until_success"] = pgd_until_success(
        lambda rows: objective("combined_surrogate", system, y=y[rows]), x, **settings
    )

    def success(x_adv: Tensor, rows: Tensor) -> Tensor:
        return victim.rank_of(x_adv, y[rows]) < 0

    found["min_distortion"] = min_distortion(
        objective("detectors_max", system.detectors, y=y), success, x, depth=3, steps=3
    ).best
    return found


@DEVICE
@pytest.mark.parametrize("p", ["Linf", "L2"])
@pytest.mark.parametrize("separate", [False, True])
def test_every_attack_finds_there_what_it_finds_on_the_cpu(p: str, separate: bool, device: str) -> None:
    x, y = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(1)), torch.arange(5) % CLASSES
    expected = attacks(Toy(separate), x, y, p)
    found = attacks(Toy(separate).to(device), x.to(device), y.to(device), p)
    for name, x_adv in found.items():
        assert x_adv.device.type == torch.device(device).type
        torch.testing.assert_close(x_adv.cpu(), expected[name], atol=1e-4, rtol=1e-4, msg=name)


@DEVICE
def test_scores_on_a_device_have_the_auc_of_the_cpu(device: str) -> None:
    positive, negative = torch.randn(20), torch.randn(30)
    assert auc(positive.to(device), negative.to(device)) == auc(positive, negative)


@DEVICE
def test_a_system_there_is_evaluated_and_attacked_as_on_the_cpu(made_systems: Made, device: str) -> None:
    results = []
    for where in ("cpu", device):
        system = load_system("pets-made", where)
        assert system.device.type == torch.device(where).type
        x = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(3))
        settings = AttackSettings(victim="integrated", loss="combined", eps=0.1, steps=3, step_size=0.05)
        trace = trace_attack(system, settings, x[:1], 0)
        grid = compare(system, CompareSettings(eps=0.1, steps=2), x.repeat(2, 1, 1, 1), torch.tensor([0, 1, 2, 2]))
        results.append([trace.images, trace.z_h, trace.z_r, *grid.images.values(), *grid.natural_logits.values()])
        results[-1].append(system.generative.predict(x.to(system.device)).cpu())
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
