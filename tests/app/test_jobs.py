"""The worker behind the pages: order, cancelling, leases, one computation for everybody, limits, errors."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import aatviz
from aatviz.attacks import objective, pgd
from aatviz.ui.session import jobs as module
from aatviz.ui.session.jobs import Job, Jobs, QueueFull

PATIENCE = 30


@pytest.fixture
def worker() -> Iterator[Jobs]:
    worker = Jobs()
    yield worker
    worker._pool.shutdown(wait=True, cancel_futures=True)


def until_told(told: threading.Event) -> module.Work:
    """Work that goes on, step by step, until an event is set."""

    def work(job: Job) -> str:
        while not told.wait(0.005):
            job.advance()
        return "told"

    return work


def result(job: Job) -> Any:
    assert job.future is not None
    return job.future.result(timeout=PATIENCE)


def test_jobs_run_one_after_the_other_and_show_their_place(worker: Jobs) -> None:
    told = threading.Event()
    first = worker.submit("first", until_told(told), 10, "ann")
    second = worker.submit("second", lambda job: "two", 1, "bob")
    while first.done_steps < 3:
        time.sleep(0.001)
    assert (worker.ahead(first), worker.ahead(second)) == (0, 1)
    assert 0 < first.share <= 1
    assert first.seconds_left is not None
    assert second.seconds_left is None
    told.set()
    assert (result(first), result(second)) == ("told", "two")
    assert worker.known("second") == "two"


def test_an_attack_ends_within_a_step_of_its_cancelling(worker: Jobs, tiny_system_folder: object) -> None:
    bank = aatviz.load_system("mnist-linf-0.3-shared").detectors
    goal = objective("detector_logit", bank, target=3)

    def attack(job: Job) -> torch.Tensor:
        return pgd(goal, torch.zeros(1, 1, 28, 28), norm="Linf", eps=0.3, step_size=0.01, steps=10**6, callback=job.advance)

    job = worker.submit("long", attack, 10**6, "ann")
    while job.done_steps < 3:
        time.sleep(0.001)
    job.leave("ann")
    at_most = job.done_steps + 2  # the step that runs at this moment, and the one whose end is noticed
    assert result(job) is None
    assert job.done_steps <= at_most
    assert worker.known("long") is None


def test_a_job_that_nobody_asks_about_is_given_up(worker: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEASE", 0.1)
    job = worker.submit("left", until_told(threading.Event()), 10, "ann")
    assert result(job) is None


def test_the_same_request_is_computed_once_for_everybody(worker: Jobs) -> None:
    told = threading.Event()
    mine = worker.submit("same", until_told(told), 10, "ann")
    assert worker.submit("same", until_told(told), 10, "bob") is mine
    assert worker.pending("same") is mine
    mine.leave("ann")  # bob still waits
    told.set()
    assert result(mine) == "told"
    assert worker.pending("same") is None


def test_a_cancelled_job_is_not_taken_up_again(worker: Jobs) -> None:
    blocked, told = threading.Event(), threading.Event()
    worker.submit("before", until_told(blocked), 10, "ann")
    given_up = worker.submit("same", until_told(told), 10, "ann")
    given_up.leave("ann")
    fresh = worker.submit("same", until_told(told), 10, "bob")
    assert fresh is not given_up
    blocked.set()
    told.set()
    assert result(given_up) is None
    assert result(fresh) == "told"


def test_one_visitor_cannot_fill_the_queue_nor_all_of_them_overfill_it(
    worker: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 4)
    told = threading.Event()
    for number in range(module.PER_VISITOR):
        worker.submit(("ann", number), until_told(told), 10, "ann")
    with pytest.raises(QueueFull, match="You have 2 runs"):
        worker.submit("more", until_told(told), 10, "ann")
    worker.submit("bob's", until_told(told), 10, "bob")
    worker.submit("cyn's", until_told(told), 10, "cyn")
    with pytest.raises(QueueFull, match="4 runs are waiting"):
        worker.submit("dan's", until_told(told), 10, "dan")
    told.set()


def test_an_error_stays_with_the_job_that_raised_it(worker: Jobs) -> None:
    def broken(_: Job) -> None:
        raise ValueError("no such luck")

    failed, fine = worker.submit("broken", broken, 1, "ann"), worker.submit("fine", lambda job: 1, 1, "bob")
    with pytest.raises(ValueError, match="no such luck"):
        result(failed)
    assert result(fine) == 1
    assert worker.known("broken") is None


def test_results_are_remembered_up_to_a_number(worker: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    for key in "abc":
        result(worker.submit(key, lambda job: 1, 1, "ann"))
    assert [worker.known(key) for key in "abc"] == [None, 1, 1]
