"""The queue behind the pages: places, fairness, lanes, runs that go together, cancelling, absence, limits, errors."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from aatviz.runtime.worker import Function, Outcome, WorkerError
from aatviz.ui.session import jobs as module
from aatviz.ui.session.jobs import Job, Jobs, QueueFull, Work
from aatviz.ui.session.limits import Limits

PATIENCE = 30


class ByHand:
    """A runner that does a group when it is let, and remembers what it was asked."""

    def __init__(self) -> None:
        self.groups: list[list[Any]] = []
        self.go = threading.Semaphore(0)
        self.fails: Exception | None = None
        self.size = 1
        self.silent = False
        """Tells of no step: how far its run is, a test says."""

    def run(
        self,
        function: Function,
        context: Any,
        arguments: Sequence[Any],
        on_step: Callable[[int], None] = lambda _: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Outcome] | None:
        self.groups.append(list(arguments))
        step = 0
        while not self.go.acquire(timeout=0.01):
            if not self.silent:
                on_step(step := step + 1)
            if not wanted():
                return None
        if self.fails:
            raise self.fails
        return [Outcome(value=argument, size=self.size) for argument in arguments]


class School:
    """A queue with its runners, and who is there."""

    def __init__(self, **limits: Any) -> None:
        self.short, self.long = ByHand(), ByHand()
        self.away: set[str] = set()
        lanes: Any = {"short": [self.short], "long": [self.long]}
        self.jobs = Jobs(lanes, Limits(**{"short_seconds": 10.0} | limits), lambda visitor: visitor not in self.away)

    def ask(self, name: Any, visitor: str, seconds: float = 1.0, together: Any = None, total: int = 10) -> Job:
        work = Work(function=_nothing, context=None, argument=name, together=together)
        return self.jobs.submit(name, work, total, seconds, visitor)


def _nothing(context: Any, arguments: list[Any], step: Callable[..., Any]) -> list[Any]:
    return arguments


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def over(job: Job) -> Any:
    assert job.finished.wait(PATIENCE)
    return job.outcome


@pytest.fixture
def school() -> Iterator[School]:
    school = School(jobs_per_visitor=3)
    yield school
    for runner in (school.short, school.long):
        runner.go.release(1000)


def test_first_come_first_served_with_a_place_and_a_time(school: School) -> None:
    jobs = [school.ask(name, name) for name in ("ann", "bob", "cyn")]
    until(lambda: school.short.groups)
    assert [school.jobs.ahead(job) for job in jobs] == [0, 1, 2]
    times = [school.jobs.seconds_left(job) for job in jobs]
    assert times[0] < times[1] < times[2]
    until(lambda: jobs[0].share > 0)
    school.short.go.release(3)
    assert [over(job).value for job in jobs] == ["ann", "bob", "cyn"]
    assert school.short.groups == [["ann"], ["bob"], ["cyn"]]
    assert school.jobs.known("bob") == "bob"


def test_a_second_run_waits_behind_the_others_first_but_not_for_ever(school: School) -> None:
    school.ask("ann 1", "ann")
    until(lambda: school.short.groups)
    second = school.ask("ann 2", "ann")
    school.ask("bob 1", "bob")
    school.ask("cyn 1", "cyn")
    assert school.jobs.ahead(second) == 3
    school.short.go.release(3)
    until(lambda: len(school.short.groups) == 4)  # ann's second is being served: who comes now comes after ann's third
    third = school.ask("ann 3", "ann")
    late = school.ask("dan 1", "dan")
    assert (school.jobs.ahead(late), school.jobs.ahead(third)) == (1, 2)
    school.short.go.release(3)
    over(third)
    assert school.short.groups == [["ann 1"], ["bob 1"], ["cyn 1"], ["ann 2"], ["dan 1"], ["ann 3"]]


def test_a_long_run_never_holds_up_a_short_one(school: School) -> None:
    long = school.ask("long", "ann", seconds=600)
    short = school.ask("short", "bob")
    assert school.jobs.ahead(short) == 0
    school.short.go.release()
    assert over(short).value == "short"
    assert not long.finished.is_set()


def test_runs_that_can_go_together_do_up_to_the_batch(school: School) -> None:
    first = school.ask("first", "ann")
    until(lambda: school.short.groups)
    for number in range(10):
        school.ask(number, f"visitor {number}", together="same" if number != 4 else "other")
    school.short.go.release(4)
    over(school.jobs.pending(9) or first)
    assert school.short.groups == [["first"], [0, 1, 2, 3, 5, 6, 7, 8], [4], [9]]


def test_the_time_of_runs_that_go_together_is_learnt(school: School) -> None:
    """Honest times: what is said follows what was measured, not the estimate for each run alone."""
    job = school.ask("slow to say", "ann", seconds=9.0)
    until(lambda: school.short.groups)
    school.short.go.release()
    over(job)  # it took far less than its nine seconds
    waiting = school.ask("next", "ann", seconds=9.0)
    assert school.jobs.seconds_left(waiting) < 7


def test_the_same_request_is_computed_once_for_everybody(school: School) -> None:
    mine = school.ask("same", "ann")
    assert school.ask("same", "bob") is mine
    assert school.jobs.join("same", "cyn") is mine
    school.jobs.leave(mine, "ann")  # bob and cyn still wait
    school.jobs.leave(mine, "cyn")
    school.short.go.release()
    assert over(mine).value == "same"
    assert school.jobs.pending("same") is None


def test_a_cancelled_run_ends_at_its_next_step_and_is_not_taken_up_again(school: School) -> None:
    running = school.ask("same", "ann")
    until(lambda: school.short.groups)
    school.jobs.leave(running, "ann")
    fresh = school.ask("same", "bob")
    assert fresh is not running
    assert over(running) is None
    school.short.go.release()
    assert over(fresh).value == "same"
    assert running.outcome is None


def test_a_waiting_run_that_is_cancelled_ends_at_once(school: School) -> None:
    school.ask("first", "ann")
    until(lambda: school.short.groups)
    waiting = school.ask("second", "bob")
    school.jobs.leave(waiting, "bob")
    assert over(waiting) is None
    assert school.jobs.pending("second") is None


def test_who_is_away_for_a_while_keeps_the_place_and_is_passed_over_meanwhile(school: School) -> None:
    school.ask("first", "ann")
    until(lambda: school.short.groups)
    away, here = school.ask("bob's", "bob"), school.ask("cyn's", "cyn")
    school.away.add("bob")
    school.short.go.release(2)
    assert over(here).value == "cyn's"
    assert school.jobs.pending("bob's") is away
    school.away.clear()
    school.short.go.release()
    assert over(away).value == "bob's"


@pytest.mark.parametrize("runs", [True, False])
def test_who_stays_away_gives_the_run_up(school: School, runs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AWAY_RUNNING" if runs else "AWAY_WAITING", 0.05)
    if not runs:
        school.ask("first", "ann")
        until(lambda: school.short.groups)
    job = school.ask("left", "bob")
    until(lambda: not runs or job.started)
    school.away.add("bob")
    until(lambda: school.jobs.pending("left") is None)
    assert over(job) is None


def test_one_visitor_cannot_fill_the_queue(school: School) -> None:
    for number in range(3):
        school.ask(number, "ann")
    with pytest.raises(QueueFull, match="You have 3 runs under way already"):
        school.ask("more", "ann")
    school.ask("bob's", "bob")


def test_nobody_is_turned_away_whose_run_can_begin_in_time_and_others_are_told_a_time() -> None:
    school = School(queue_seconds=60)
    for number in range(13):
        school.ask(number, f"visitor {number}", seconds=5)
    with pytest.raises(QueueFull, match=r"busy for about (6\d s|1 min)\. Come back then"):
        school.ask("more", "late", seconds=5)
    assert school.ask("long", "late", seconds=100).lane == "long"
    school.short.go.release(100)
    school.long.go.release(100)


@pytest.mark.parametrize("kind", [WorkerError, TypeError, MemoryError])
def test_an_error_stays_with_the_run_that_raised_it(school: School, kind: type[Exception]) -> None:
    school.short.fails = kind("no such luck")
    failed = school.ask("broken", "ann")
    school.short.go.release()
    assert over(failed).error == "no such luck"
    assert school.jobs.known("broken") is None
    school.short.fails = None
    fine = school.ask("fine", "bob")
    school.short.go.release()
    assert over(fine).value == "fine"


def test_results_are_kept_up_to_a_number_of_bytes() -> None:
    school = School(result_mb=1)
    school.short.size = 400_000
    for name in "abc":
        job = school.ask(name, "ann")
        school.short.go.release()
        over(job)
    assert [school.jobs.known(name) for name in "abc"] == [None, "b", "c"]


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"AATVIZ_QUEUE_SECONDS": "300"}, "queue_seconds", 300.0),
        ({"AATVIZ_WORKERS": "2"}, "workers", 2),
        ({"AATVIZ_TRAINING": "0"}, "training", False),
        ({"AATVIZ_BATCH": ""}, "batch", Limits().batch),
    ],
)
def test_limits_come_from_the_environment(given: dict[str, str], field: str, value: object) -> None:
    assert getattr(Limits.of(given), field) == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("AATVIZ_BATCH", "0", "a whole number from 1 to 32; got '0'"),
        ("AATVIZ_BATCH", "2.5", "a whole number"),
        ("AATVIZ_QUEUE_SECONDS", "nan", "a number from 1"),
        ("AATVIZ_TRAINING", "yes", "1 .yes. or 0 .no."),
    ],
)
def test_a_limit_that_is_none_is_named(name: str, text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} is {expected}"):
        Limits.of({name: text})


def test_a_slow_first_step_does_not_turn_the_next_visitor_away(school: School) -> None:
    school.long.silent = True
    first = school.ask("long", "ann", seconds=240.0, total=8004)
    until(lambda: first.started)
    first.started, first.done_steps = time.monotonic() - 1.0, 1  # a second for one of 8,004 steps: it loaded the networks
    assert school.jobs.seconds_left(first) < 0.2 * 8004
    second = school.ask("next", "bob", seconds=240.0, total=8004)
    assert school.jobs.ahead(second) == 1
    first.started, first.done_steps = time.monotonic() - 2 * module.TRUSTED, 80  # after a while its own pace alone counts
    assert school.jobs.seconds_left(first) == pytest.approx(2 * module.TRUSTED / 80 * 7924, rel=0.05)
