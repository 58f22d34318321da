"""The benchmark against other libraries: the same loss for everybody, honest arithmetic, medians and ratios."""

import importlib
import itertools
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import aatviz
from aatviz.attacks import objective
from aatviz.attacks.objectives import LossName
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import MadryNet
from benchmarks.peers import arithmetic, cases, engines, measuring, picture, rows, table

MULTIPLY_ADDS = 28 * 28 * 32 * 25 + 14 * 14 * 64 * 32 * 25 + 3136 * 1024
"""Of the paper's network up to its last layer: two convolutions and the hidden layer."""
LOSS_CASES: list[tuple[LossName, int | None]] = [("detectors_max", None), ("detector_logit", 9)]


@pytest.fixture
def bank(tiny_systems: Path) -> DetectorBank:
    """Ten separate tiny detectors."""
    return aatviz.load_system(tiny_systems / "mnist-linf-0.3").detectors


@pytest.fixture
def images() -> tuple[Tensor, Tensor]:
    """Four digits, none of them a nine."""
    x, y = aatviz.load_data("mnist", split="sample")
    other = (y != 9).nonzero().squeeze(1)[::1000][:4]
    return x[other], y[other]


def job(bank: DetectorBank, loss: LossName, target: int | None, **changes: Any) -> engines.Job:
    settings = {"steps": 6, "step_size": 0.05, "eps": 0.3, "bf16": False} | changes
    return engines.Job(bank=bank, loss=loss, target=target, **settings)


def test_the_arithmetic_of_the_paper_s_network_by_hand(bank: DetectorBank) -> None:
    single, ten = MadryNet(1), MadryNet(10)
    assert arithmetic.forward_flops(single, (1, 28, 28)) == 2 * (MULTIPLY_ADDS + 1024)
    assert arithmetic.forward_flops(ten, (1, 28, 28)) == 2 * (MULTIPLY_ADDS + 10 * 1024)
    separate, shared = DetectorBank([single] * 10, 10), DetectorBank([ten], 10)
    one = 2 * (MULTIPLY_ADDS + 1024)
    assert arithmetic.attack_flops(separate, "detectors_max", (1, 28, 28), 40) == 40 * 11 * one + 10 * one
    assert arithmetic.attack_flops(separate, "detector_logit", (1, 28, 28), 40) == 40 * 2 * one + one
    of_ten = 2 * (MULTIPLY_ADDS + 10 * 1024)
    assert arithmetic.attack_flops(shared, "detectors_max", (1, 28, 28), 40) == 40 * 2 * of_ten + of_ten


def test_the_peaks_count_what_they_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "SIZE", 8)
    monkeypatch.setattr(arithmetic, "REPEATS", 1)
    with FlopCounterMode(display=False) as counter:
        for make in arithmetic.PEAKS.values():
            call, flops = make("fp32")
            before = counter.get_total_flops()
            call(0)
            assert counter.get_total_flops() - before == flops


def test_medians_leave_out_the_first_round_and_everybody_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(measuring.time, "perf_counter", lambda: clock[0])
    lasts = {"fast": [9.0, 1.0, 5.0, 1.0], "slow": [90.0, 4.0, 3.0, 2.0]}
    calls: list[tuple[str, int]] = []

    def engine(name: str) -> Any:
        def call(number: int) -> str:
            clock[0] += lasts[name][number]
            return f"{name} {number}"

        return call

    def seen(name: str, number: int, result: str) -> None:
        assert result == f"{name} {number}"
        calls.append((name, number))
        clock[0] += 1000  # what happens between is not measured

    timings = measuring.interleaved({name: engine(name) for name in lasts}, 3, seen)
    assert calls == [(name, number) for number in range(4) for name in lasts]
    assert timings["fast"].seconds == (1.0, 5.0, 1.0)
    assert (timings["fast"].median, timings["slow"].median) == (1.0, 3.0)
    assert timings["slow"].spread == (2.0, 4.0)


@pytest.mark.parametrize(("loss", "target"), LOSS_CASES)
def test_what_a_peer_raises_is_the_project_s_loss(
    bank: DetectorBank, images: tuple[Tensor, Tensor], loss: LossName, target: int | None
) -> None:
    x, y = images
    aim: dict[str, Any] = {"y": y} if target is None else {"target": target}
    value, grad = objective(loss, bank, **aim)(x)
    model = engines.Model(job(bank, loss, target))
    x = x.clone().requires_grad_()
    raised = model.rising(model(x), y)
    torch.testing.assert_close(raised, -value)
    torch.testing.assert_close(torch.autograd.grad(raised.sum(), x)[0], -grad)
    # and as torchattacks gets it, as a cross-entropy
    wrapped = engines.AsCrossEntropy(model)
    wrapped.y = y
    entropy = torch.nn.functional.cross_entropy(wrapped(x), torch.zeros_like(y), reduction="none")
    torch.testing.assert_close(entropy - wrapped.offset, -value, atol=1e-3, rtol=0)
    torch.testing.assert_close(torch.autograd.grad(entropy.sum(), x)[0], -grad)


@pytest.mark.slow
@pytest.mark.parametrize("engine", cases.PEERS)
@pytest.mark.parametrize(("loss", "target"), LOSS_CASES)
@pytest.mark.long
def test_a_peer_reaches_our_loss(
    bank: DetectorBank, images: tuple[Tensor, Tensor], engine: str, loss: LossName, target: int | None
) -> None:
    x, y = images
    aim: dict[str, Any] = {"y": y} if target is None else {"target": target}
    goal = objective(loss, bank, **aim)
    found = {}
    for name in (engine, cases.OURS):
        x_adv = engines.ENGINES[name](job(bank, loss, target))(x, y)
        assert float((x_adv - x).abs().max()) <= 0.3 + 1e-5
        assert 0 <= float(x_adv.min()) <= float(x_adv.max()) <= 1
        found[name] = float(goal(x_adv)[0].mean())
    before = float(goal(x)[0].mean())
    gained = before - found[cases.OURS]
    assert gained > 0
    assert found[engine] == pytest.approx(found[cases.OURS], abs=0.02 * gained)


def test_copies_of_detectors_are_independent(bank: DetectorBank, images: tuple[Tensor, Tensor]) -> None:
    many = cases.several(bank, 25)
    x = images[0]
    before, ours = many(x), bank(x)
    assert before.shape == (4, 25)
    assert torch.equal(before[:, :10], ours)
    parts = [p.data_ptr() for network in (*many.networks, *bank.networks) for p in network.parameters()]
    assert len(set(parts)) == len(parts)
    for a, b in itertools.combinations(range(25), 2):
        assert not torch.equal(before[:, a], before[:, b])
    torch.testing.assert_close(before[:, 10:20], ours, atol=0.1 * float(ours.std()) + 0.05, rtol=0.2)
    with torch.no_grad():
        next(many.networks[10].parameters()).zero_()
    assert torch.equal(bank(x), ours)
    assert torch.equal(many(x)[:, torch.arange(25) != 10], before[:, torch.arange(25) != 10])


def contestant(engine: str, precision: str, bank: str, median: float, **more: Any) -> dict[str, Any]:
    return {"engine": engine, "precision": precision, "bank": bank, "median": median, "spread": [median, median]} | more


@pytest.fixture
def result() -> rows.Result:
    """A made-up run of one case, in which everything is easy to work out."""
    strong = {"success": 0.03, "mean_loss": 2.0, "n": 384}
    weak = strong | {"success": 0.036, "mean_loss": 1.5}
    found = [
        contestant("aatviz", "fp32", "separate", 8.0, gflops=50.0, **strong),
        contestant("aatviz", "bf16", "separate", 4.0, gflops=100.0, **strong),
        contestant("aatviz", "fp32", "shared", 1.0, gflops=50.0, **strong),
        contestant("aatviz", "bf16", "shared", 0.5, gflops=100.0, **strong),
        contestant("matmul", "fp32", "", 1.0, gflops=100.0),
        contestant("matmul", "bf16", "", 1.0, gflops=200.0),
        contestant("convolution", "fp32", "", 1.0, gflops=200.0),
        contestant("convolution", "bf16", "", 1.0, gflops=200.0),
    ]
    for engine, seconds in (("torchattacks", 12.0), ("foolbox", 13.0), ("art", 14.0)):
        found.append(contestant(engine, "fp32", "separate", seconds, **weak))
        found.append(contestant(engine, "bf16", "separate", seconds / 2, **weak))
        found.append(contestant(engine, "fp32", "shared", seconds / 16, **strong))
        found.append(contestant(engine, "bf16", "shared", seconds / 32, **strong))
    setting = {"about": "loss 10", "images": 64, "steps": 40, "step_size": 0.02, "rounds": 5}
    sizes = {"aatviz": 100, "torchattacks": 80, "foolbox": 10, "art": 10}
    memory = [
        {"engine": engine, "precision": precision, "before": 1, "peak": 300, "grown": size}
        for engine, size in sizes.items()
        for precision in ("fp32", "bf16")
    ]
    return {"cases": {"detectors-max-64": setting | {"found": found}}, "memory": {"images": 64, "found": memory}}


def test_rows_judge_the_faster_of_ours_against_the_fastest_peer_as_it_ships(result: rows.Result) -> None:
    judged = {row.what: row for row in rows.rows(result) if row.met is not None}
    values = {what: (round(row.value, 4), row.met) for what, row in judged.items()}
    assert values == {
        "loss 10, separate, 64 images: fastest peer / aatviz": (3.0, True),
        "loss 10, separate, 64 images: success, aatviz - best peer": (-0.006, False),
        "loss 10, separate, 64 images: mean loss, aatviz - lowest peer": (0.5, False),
        "loss 10, shared against separate, 64 images: fastest peer / aatviz": (24.0, True),
        "loss 10, shared, 64 images: fastest peer / aatviz": (1.5, False),
        "loss 10, shared, 64 images: success, aatviz - best peer": (0.0, True),
        "loss 10, shared, 64 images: mean loss, aatviz - lowest peer": (0.0, True),
        "loss 10, separate, 64 images: share of the fp32 matmul peak": (0.5, False),
        "loss 10, separate, 64 images: share of the bf16 matmul peak": (0.5, True),
        "loss 10, shared, 64 images: share of the fp32 matmul peak": (0.5, False),
        "loss 10, shared, 64 images: share of the bf16 matmul peak": (0.5, True),
        "peak memory, aatviz bf16 / torchattacks": (1.0, True),
        "peak memory beyond the loaded bank, aatviz bf16 / torchattacks": (1.25, True),
    }


def test_the_table_and_the_picture_show_everybody(result: rows.Result) -> None:
    words = table.text(result, rows.rows(result))
    assert "NOT MET" in words
    assert "torchattacks bf16 by hand, separate 6.0000 6.0000 6.0000 2.00 3.6% 1.5000 384" in " ".join(words.split())
    root = ElementTree.fromstring(picture.svg(json.loads(json.dumps(result))))
    bars = root.findall("{*}rect[@height='16']")
    assert len(bars) == 16
    assert float(bars[1].get("width", 0)) == pytest.approx(2 * float(bars[0].get("width", 0)), abs=0.2)


def test_every_case_fits_its_banks_and_images() -> None:
    assert len({case.name for case in cases.CASES}) == len(cases.CASES)
    for case in cases.CASES:
        assert case.steps * case.step_size >= case.eps  # the far side of the ball is in reach
        assert set(case.engines) <= set(engines.ENGINES)
    for module in ("memory", "precision", "running", "__main__"):
        importlib.import_module(f"benchmarks.peers.{module}")
