"""Trainings for visitors: the queue and its places, cancelling, absence, going on, expiry, room for more, errors."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from aatviz.report.watched import PROGRESS, Notes, Order
from aatviz.runtime.files import write_json
from aatviz.runtime.worker import Function, Outcome
from aatviz.ui.session.jobs import QueueFull
from aatviz.ui.session.limits import Limits
from aatviz.ui.session.trainings import Training, Trainings
from tests.app.test_jobs import until

HOUR = 3600.0


class ByHand:
    """A runner that ends a training when it is let."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.go = threading.Semaphore(0)
        self.fails: Exception | None = None
        self.error: str | None = None

    def run(
        self,
        function: Function,
        context: Any,
        arguments: Sequence[Any],
        on_step: Callable[[int], None] = lambda _: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Outcome] | None:
        self.orders += arguments
        while not self.go.acquire(timeout=0.01):
            if not wanted():
                return None
        if self.fails:
            raise self.fails
        return [Outcome(value=arguments[0].folder, error=self.error)]


class Lab:
    """A queue of trainings, with a clock that a test turns on."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.runner, self.folder, self.now = ByHand(), folder, 1000.0
        self.trainings = Trainings(self.runner, Limits(**limits), lambda: self.now)

    def order(self, name: str, dataset: str = "mnist-sample") -> Order:
        order = Order("budget", dataset, self.folder / "systems" / name, self.folder / "notes" / name)
        order.folder.mkdir(parents=True)
        order.notes.mkdir(parents=True)
        return order

    def ask(self, name: str, visitor: str = "", seconds: float = 60.0, dataset: str = "mnist-sample") -> Training:
        return self.trainings.submit(self.order(name, dataset), visitor or name, seconds)

    def begun(self, training: Training) -> Training:
        until(lambda: training.state == "running" and training.order in self.runner.orders)
        return training


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    found = Lab(tmp_path)
    yield found
    for _ in range(20):
        found.runner.go.release()


def test_they_go_one_by_one_in_their_order_with_a_place_and_a_time(lab: Lab) -> None:
    first = lab.begun(lab.ask("a", seconds=100))
    second, third = lab.ask("b", seconds=50), lab.ask("c", seconds=10)
    assert [lab.trainings.ahead(one) for one in (first, second, third)] == [0, 1, 2]
    assert [lab.trainings.seconds_left(one) for one in (first, second, third)] == [100, 150, 160]
    lab.runner.go.release()
    until(lambda: first.state == "done")
    lab.begun(second)
    assert lab.trainings.ahead(third) == 1
    lab.runner.go.release()
    lab.runner.go.release()
    until(lambda: third.state == "done")
    assert [order.folder.name for order in lab.runner.orders] == ["a", "b", "c"]


def test_the_time_left_comes_from_the_notes_once_there_are_some(lab: Lab) -> None:
    training = lab.begun(lab.ask("a", seconds=100))
    notes = {"recipe": "budget:steps=10", "planned": {"robust": 40.0}, "steps": {"robust": 5}, "seconds": 20.0}
    write_json(training.order.notes / PROGRESS, notes)
    assert lab.trainings.seconds_left(training) == Notes(**notes).seconds_left == 20  # type: ignore[arg-type]


def test_a_visitor_has_one_under_way_and_others_are_not_turned_away(lab: Lab) -> None:
    first = lab.begun(lab.ask("a", "ann"))
    with pytest.raises(QueueFull, match="under way already"):
        lab.ask("b", "ann")
    lab.ask("c", "bob")
    assert lab.trainings.unfinished("ann") is first
    lab.runner.go.release()
    until(lambda: first.state == "done")
    lab.ask("d", "ann")


def test_the_queue_has_an_end_and_training_can_be_off(tmp_path: Path) -> None:
    full = Lab(tmp_path, training_queue=2)
    full.ask("a")
    full.ask("b")
    with pytest.raises(QueueFull, match="2 trainings are waiting"):
        full.ask("c")
    with pytest.raises(QueueFull, match="switched off"):
        Lab(tmp_path / "off", training=False).ask("a")


def test_cancelling_ends_it_at_once_and_the_next_begins(lab: Lab) -> None:
    first, second = lab.begun(lab.ask("a", "ann")), lab.ask("b")
    lab.trainings.cancel("a")
    assert (first.state, first.why) == ("ended", "It was cancelled.")
    lab.begun(second)
    waiting = lab.ask("c", "ann")
    lab.trainings.cancel("c")
    lab.runner.go.release()
    until(lambda: second.state == "done")
    assert waiting.order not in lab.runner.orders


def test_an_ended_one_goes_on_at_the_end_of_the_queue_and_keeps_its_files(lab: Lab) -> None:
    first = lab.begun(lab.ask("a"))
    (first.order.folder / "state").write_text("half")
    lab.trainings.cancel("a")
    second, third = lab.begun(lab.ask("b")), lab.ask("c")
    lab.trainings.go_on("a", "ann")
    assert (first.state, lab.trainings.ahead(first)) == ("waiting", 2)
    lab.trainings.go_on("a", "ann")  # nothing more happens
    lab.trainings.go_on("nobody", "ann")
    for one in (second, third, first):
        lab.begun(one)
        lab.runner.go.release()
        until(lambda one=one: one.state == "done")
    assert [order.folder.name for order in lab.runner.orders] == ["a", "b", "c", "a"]
    assert (first.order.folder / "state").read_text() == "half"


def test_a_closed_tab_ends_it_only_after_the_documented_time(lab: Lab) -> None:
    away, seen = lab.begun(lab.ask("a")), lab.ask("b")
    lab.now += 14 * 60
    lab.trainings.tidy()
    assert (away.state, seen.state) == ("running", "waiting")
    assert lab.trainings.look("b") is seen
    lab.now += 2 * 60
    lab.trainings.tidy()
    assert away.state == "ended"
    assert "for 15 minutes" in away.why
    lab.begun(seen)
    assert lab.trainings.look("a") is away  # a visitor who comes back finds it, and can go on
    lab.now += 16 * 60
    lab.trainings.tidy()
    assert seen.state == "ended"


def test_a_system_goes_when_nobody_has_used_it_for_hours(lab: Lab) -> None:
    done, used = lab.begun(lab.ask("a")), lab.ask("b")
    for _ in range(2):
        lab.runner.go.release()
    until(lambda: (done.state, used.state) == ("done", "done"))
    lab.now += 3.9 * HOUR
    assert lab.trainings.look("b") is used
    lab.trainings.tidy()
    assert done.order.folder.is_dir()
    lab.now += 0.2 * HOUR
    lab.trainings.tidy()
    assert lab.trainings.look("a") is None
    assert not done.order.folder.exists()
    assert not done.order.notes.exists()
    assert used.order.folder.is_dir()


def test_for_one_more_the_one_goes_that_was_used_longest_ago(tmp_path: Path) -> None:
    lab = Lab(tmp_path, trainings_kept=2)
    systems = [lab.trainings.adopt(lab.order(name), "ann") for name in ("a", "b")]
    lab.now += 5
    assert lab.trainings.look("a") is systems[0]
    lab.trainings.adopt(lab.order("c"), "ann")
    assert lab.trainings.look("b") is None
    assert not systems[1].order.folder.exists()
    assert lab.trainings.look("a") is systems[0]
    running = lab.begun(lab.ask("d"))  # what is under way is never removed
    lab.ask("e")
    lab.ask("f")
    assert running.state == "running"
    lab.runner.go.release()


def test_an_uploaded_data_set_stays_as_long_as_a_system_needs_it(lab: Lab) -> None:
    sets = [lab.folder / name for name in ("pets-0123456789ab", "cars-0123456789ab")]
    for folder in sets:
        folder.mkdir()
        lab.trainings.keep_set(folder)
    lab.ask("a", dataset="pets-0123456789ab@0+2")
    lab.runner.go.release()
    lab.now += 3 * HOUR
    assert lab.trainings.look("a")
    lab.now += 2 * HOUR
    lab.trainings.tidy()
    assert [folder.exists() for folder in sets] == [True, False]
    assert not lab.trainings.use_set("cars-0123456789ab")
    lab.now += 5 * HOUR
    lab.trainings.tidy()
    lab.trainings.tidy()
    assert not sets[0].exists()


def test_an_error_or_a_dead_process_ends_that_training_alone_and_it_can_go_on(lab: Lab) -> None:
    lab.runner.error = "no memory"
    failed = lab.begun(lab.ask("a"))
    lab.runner.go.release()
    until(lambda: failed.state == "failed")
    assert failed.why == "no memory"
    lab.runner.error, lab.runner.fails = None, RuntimeError("the process has died")
    dead = lab.begun(lab.ask("b"))
    lab.runner.go.release()
    until(lambda: dead.state == "failed")
    assert dead.why == "the process has died"
    lab.runner.fails = None
    lab.trainings.go_on("a", "a")
    lab.begun(failed)
    lab.runner.go.release()
    until(lambda: failed.state == "done")
