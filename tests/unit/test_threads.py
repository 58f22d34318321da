"""Threads side by side: each leaves behind what it found, and none sees another's work half done."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import pytest
import torch
from torch import nn

from aatviz.attacks import batching
from aatviz.cli import evaluate, train
from aatviz.models.networks import evaluating
from aatviz.runtime.hardware import one_thread


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def seen_by_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.mark.usefixtures("two_threads")
def test_overlapping_blocks_of_one_thread_leave_the_process_as_it_was() -> None:
    """The second block begins while the first runs, in a new thread, and ends after it."""
    inside, done, counts = Event(), Event(), []

    def second() -> None:
        with one_thread():
            inside.set()
            done.wait(20)
            counts.append(torch.get_num_threads())
        counts.append(torch.get_num_threads())

    with one_thread():
        assert torch.get_num_threads() == 1
        thread = Thread(target=second)
        thread.start()
        inside.wait(20)
    assert torch.get_num_threads() == 2
    done.set()
    thread.join()
    assert counts == [1, 2]
    assert (torch.get_num_threads(), seen_by_a_new_thread()) == (2, 2)


@pytest.mark.usefixtures("two_threads")
def test_blocks_of_one_thread_may_stand_in_one_another_and_fail() -> None:
    with pytest.raises(KeyError), one_thread(), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 2
    with one_thread():
        with one_thread():
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_a_job_that_is_begun_by_itself_computes_with_one_thread_as_those_of_a_launcher_do(
    tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more it would end with other bits."""
    counts = []
    monkeypatch.setattr(train.loop, "train", lambda *_: counts.append(torch.get_num_threads()))
    train.train("tiny", out=tiny_system_folder / "tiny", jobs="classifier", device="cpu")
    monkeypatch.setattr(evaluate, "_run_part", lambda *_: counts.append(torch.get_num_threads()))
    evaluate.evaluate("mnist-linf-0.3-shared", recipe="table-11", part="detector-3", device="cpu")
    assert (counts, torch.get_num_threads()) == ([1, 1], 2)


def test_a_module_in_training_is_in_eval_mode_for_every_thread_that_asked_for_it() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.Linear(2, 2))
    module[2].eval()
    modes = [part.training for part in module.modules()]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def enter(_: int) -> int:
        seen = 0
        for _ in range(2000):
            with evaluating((module,)):
                seen += any(part.training for part in module.modules())
        return seen

    try:
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(enter, range(4))) == 0
    finally:
        sys.setswitchinterval(before)
    assert [part.training for part in module.modules()] == modes


def test_train_mode_comes_back_after_the_last_block() -> None:
    module = nn.Dropout(0.5)
    first, second = evaluating((module,)), evaluating((module, module))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not module.training
    second.__exit__(None, None, None)
    assert module.training


def test_a_batch_size_is_measured_by_one_thread_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, calls = 0, 0, 0

    def timed(count: int) -> float:
        nonlocal running, most, calls
        running, calls = running + 1, calls + 1
        most = max(most, running)
        torch.rand(200, 200) @ torch.rand(200, 200)
        running -= 1
        return 1.0 * count

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: batching.batch_size("cpu", "a network of the threads' test", timed), range(16)))
    assert most == 1
    assert set(found) == {batching.SIZES["cpu"][0]}
    assert calls == 1 + batching.ROUNDS * len(batching.SIZES["cpu"])
