"""Batch sizes: chosen from times, measured once, kept; and an attack in pieces is the attack in one."""

import json
import threading
from pathlib import Path

import pytest
import torch

from aatviz.attacks import batching, objective, pgd
from aatviz.attacks.passes import watched
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import MadryNet
from aatviz.runtime.locks import waiting_for


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and three small sizes."""
    path = tmp_path / "cache" / "batch-sizes.json"
    monkeypatch.setattr(batching, "_file", lambda: path)
    monkeypatch.setitem(batching.SIZES, "cpu", (2, 4, 8))
    monkeypatch.setattr(batching, "_MEASURED", {})
    return path


def test_the_smallest_size_that_is_about_as_fast_as_the_fastest() -> None:
    assert batching.chosen({32: 1.0, 64: 1.05, 128: 2.0, 256: 4.0}) == 64
    assert batching.chosen({32: 1.0, 64: 1.0, 128: 1.0}) == 128
    assert batching.chosen({32: 1.0, 64: 2.02, 128: 4.1}) == 32


def test_it_is_measured_once_and_read_by_the_next_process(file: Path) -> None:
    asked: list[int] = []

    def timed(count: int) -> float:
        asked.append(count)
        return {2: 1.0, 4: 1.0, 8: 2.5}[count] / (1 + len(asked))

    assert batching.batch_size("cpu", "a network", timed) in (4, 8)
    measured = len(asked)
    assert measured == 1 + batching.ROUNDS * 3
    first = batching.batch_size("cpu", "a network", timed)
    batching._MEASURED.clear()  # as another process, which reads the file
    assert batching.batch_size("cpu", "a network", timed) == first
    assert len(asked) == measured
    batching.batch_size("cpu", "another network", timed)
    assert len(asked) == 2 * measured
    assert len(json.loads(file.read_text())) == 2
    assert {path.name for path in file.parent.iterdir()} == {file.name, "batch-sizes.lock"}


def test_processes_measure_one_after_the_other_and_agree(file: Path) -> None:
    """Another process, here one that holds the file's lock, measures; this one waits, and takes the size that it finds."""
    found: list[int] = []
    waiter = threading.Thread(target=lambda: found.append(batching.batch_size("cpu", "a network", lambda _: 1.0)))
    file.parent.mkdir()
    with waiting_for(file.with_suffix(".lock")):
        waiter.start()
        waiter.join(0.3)
        assert not found
        file.write_text(json.dumps({batching._key("cpu", "a network"): 4}))
    waiter.join(10)
    assert found == [4]


@pytest.mark.parametrize("damaged", ["", "[]", '{"truncated', "\x00"])
def test_a_damaged_file_is_measured_anew(file: Path, damaged: str) -> None:
    file.parent.mkdir()
    file.write_text(damaged)
    assert batching.batch_size("cpu", "a network", lambda count: float(count)) == 2
    assert list(json.loads(file.read_text()).values()) == [2]


def test_a_size_that_is_none_is_not_believed(file: Path) -> None:
    batching.batch_size("cpu", "a network", lambda count: float(count))
    (key,) = json.loads(file.read_text())
    file.write_text(json.dumps({key: -3}))
    batching._MEASURED.clear()
    assert batching.batch_size("cpu", "a network", lambda _: 1.0) == 8


def test_without_a_place_to_write_it_is_measured_once_a_process(file: Path) -> None:
    file.parent.write_text("a file where the folder should be")
    asked: list[int] = []

    def timed(count: int) -> float:
        asked.append(count)
        return float(count)

    assert [batching.batch_size("cpu", "a network", timed) for _ in range(3)] == [2, 2, 2]
    assert len(asked) == 1 + batching.ROUNDS * 3


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7, 8, 9, 17, 100])
def test_pieces_are_even_and_neither_too_small_nor_too_large(file: Path, count: int) -> None:
    sizes = batching.pieces(count, "cpu", "a network", lambda n: 1.0 if n == 4 else 2.0 * n)
    assert sum(sizes) == count
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == 1 or min(sizes) >= 4
    assert max(sizes) < 8


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("shared", [True, False])
def test_an_attack_in_pieces_is_the_attack_in_one(
    file: Path, monkeypatch: pytest.MonkeyPatch, shared: bool, bf16: bool
) -> None:
    """Nobody is told of the passes that were only measured."""
    torch.manual_seed(0)
    bank = DetectorBank([MadryNet(outputs=3 if shared else 1, width=16) for _ in range(1 if shared else 3)], 3).eval()
    for weight in bank.parameters():
        weight.requires_grad_(False)
    x, y = torch.rand(11, 1, 28, 28), torch.arange(11) % 3
    exact = objective("detectors_max", bank, y=y)
    results, told = [], []
    for sizes in ((2, 4), (100,)):
        monkeypatch.setitem(batching.SIZES, "cpu", sizes)
        batching._MEASURED.clear()
        passes = [0, 0]

        def watch(forward: int, backward: int, passes: list[int] = passes) -> None:
            passes[0] += forward
            passes[1] += backward

        with watched(watch):
            goal = objective("detectors_max", bank, y=y, bf16=bf16)
            attacked = pgd(goal, x, eps=0.3, step_size=0.1, steps=5)
            loss, _ = exact(attacked)  # in bfloat16 a pixel may go another way where both are as good
            results.append((*goal(x), loss) if bf16 else (*goal(x), loss, attacked))
        told.append(passes)
    assert told[0] == told[1]
    for in_pieces, whole in zip(*results, strict=True):
        torch.testing.assert_close(in_pieces, whole, atol=2e-2 if bf16 else 1e-5, rtol=1e-2 if bf16 else 1e-4)
