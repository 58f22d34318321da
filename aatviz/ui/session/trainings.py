"""Trainings for visitors: one at a time, in a process of its own with a low priority, so that they hold up nobody's attacks.

A training belongs to its name, which is in the visitor's address: after a reload, and in a second tab, it is there again. It
goes on for as long as somebody looks at it now and then. One that was ended can be gone on with. What it leaves is a system
among those of the visitors, until nobody has used it for some hours.
"""

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aatviz.data.parts import whole_of
from aatviz.report.watched import Notes, Order, read_notes
from aatviz.ui.session.jobs import QueueFull, Runner
from aatviz.ui.session.limits import Limits
from aatviz.ui.session.training_work import train

State = Literal["waiting", "running", "done", "ended", "failed"]
UNFINISHED = ("waiting", "running")
MOST_SETS = 20
"""Uploaded data sets that no system needs yet."""
TIDY = 20.0
"""Seconds between two looks for what nobody wants any more."""


@dataclass(kw_only=True, eq=False)
class Training:
    """One training, or a system that a visitor has uploaded. Only `Trainings` changes it."""

    order: Order
    visitor: str
    seconds: float
    """That it was to take."""
    state: State = "waiting"
    used: float = 0.0
    """When somebody has last looked at it, or used its system."""
    why: str = ""
    """Why it has ended, or failed."""
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        return self.order.folder.name

    @property
    def notes(self) -> Notes | None:
        """How far it is; None before it has begun."""
        return read_notes(self.order.notes)


class Trainings:
    """The queue, and what is kept. All methods may be called from any thread."""

    def __init__(self, runner: Runner, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._runner, self._limits, self._clock = runner, limits, clock
        self._changed = threading.Condition(threading.RLock())
        self._all: dict[str, Training] = {}
        """In the order in which they were asked for, or gone on with."""
        self._sets: dict[str, tuple[Path, float]] = {}
        """The uploaded data sets: their folders, and when they were last used."""
        self._serving = False

    def submit(self, order: Order, visitor: str, seconds: float) -> Training:
        """Put a training at the end of the queue. QueueFull, with the reason, where that cannot be."""
        with self._changed:
            self._may_begin(visitor)
            training = Training(order=order, visitor=visitor, seconds=seconds, used=self._clock())
            self._make_room()
            self._all[training.name] = training
            self._wake()
            return training

    def go_on(self, name: str, visitor: str) -> None:
        """Put a training that was ended, or has failed, into the queue again; it goes on where it was. QueueFull as in
        `submit`; nothing happens for one that is unknown, under way or done."""
        with self._changed:
            training = self.look(name)
            if training is None or training.state not in ("ended", "failed"):
                return
            self._may_begin(visitor)
            del self._all[name]
            self._all[name] = training
            training.state, training.why, training.visitor, training.stop = "waiting", "", visitor, threading.Event()
            self._wake()

    def look(self, name: str) -> Training | None:
        """The training, or the uploaded system, of that name, which somebody is looking at now; None where there is none."""
        with self._changed:
            training = self._all.get(name)
            if training is not None:
                training.used = self._clock()
                self.use_set(whole_of(training.order.dataset))
            return training

    def cancel(self, name: str) -> None:
        """End a training within one step. What it has done by then is kept, to go on from."""
        with self._changed:
            if (training := self._all.get(name)) and training.state in UNFINISHED:
                self._end(training, "It was cancelled.")

    def adopt(self, order: Order, visitor: str) -> Training:
        """Keep a system that a visitor has uploaded."""
        with self._changed:
            self._make_room()
            self._all[order.folder.name] = Training(
                order=order, visitor=visitor, seconds=0.0, state="done", used=self._clock()
            )
            return self._all[order.folder.name]

    def keep_set(self, folder: Path) -> None:
        """Keep an uploaded data set, as long as it is used now and then."""
        with self._changed:
            self._sets[folder.name] = folder, self._clock()
            needed = {whole_of(training.order.dataset) for training in self._all.values()}
            spare = sorted((used, name) for name, (_, used) in self._sets.items() if name not in needed)
            for _, name in spare[:-MOST_SETS]:
                self._forget_set(name)

    def use_set(self, name: str) -> bool:
        """Whether there is an uploaded data set of that name, which is used now."""
        with self._changed:
            if name in self._sets:
                self._sets[name] = self._sets[name][0], self._clock()
            return name in self._sets

    def ahead(self, training: Training) -> int:
        """How many trainings must end before this one begins."""
        with self._changed:
            under_way = self._under_way()
            return under_way.index(training) if training in under_way else 0

    def seconds_left(self, training: Training) -> float:
        """The seconds until it is done, with those of all trainings before it."""
        with self._changed:
            return sum(self._left(one) for one in self._under_way()[: self.ahead(training) + 1])

    def unfinished(self, visitor: str) -> Training | None:
        """The visitor's training that waits or runs, or None."""
        with self._changed:
            return next((one for one in self._under_way() if one.visitor == visitor), None)

    @property
    def waiting(self) -> int:
        """How many trainings run or wait."""
        with self._changed:
            return len(self._under_way())

    def tidy(self) -> None:
        """End trainings that nobody looks at, and remove what nobody has used for the hours that it is kept."""
        with self._changed:
            now = self._clock()
            for training in list(self._all.values()):
                unseen = now - training.used
                if training.state in UNFINISHED and unseen > 60 * self._limits.training_away:
                    words = f"{self._limits.training_away:g} minutes"
                    self._end(training, f"Nobody had looked at it for {words}, so it made room for others.")
                elif training.state not in UNFINISHED and unseen > 3600 * self._limits.training_hours:
                    self._remove(training)
            needed = {whole_of(training.order.dataset) for training in self._all.values()}
            for name, (_, used) in list(self._sets.items()):
                if name not in needed and now - used > 3600 * self._limits.training_hours:
                    self._forget_set(name)

    def _forget_set(self, name: str) -> None:
        shutil.rmtree(self._sets.pop(name)[0], ignore_errors=True)

    def _may_begin(self, visitor: str) -> None:
        if not self._limits.training:
            raise QueueFull("Training is switched off on this server.")
        if self.unfinished(visitor) is not None:
            raise QueueFull("You have a training under way already: wait for it, or cancel it.")
        if len(self._under_way()) >= self._limits.training_queue:
            raise QueueFull(f"{self._limits.training_queue} trainings are waiting already. Come back later.")

    def _under_way(self) -> list[Training]:
        """Those that run or wait, in the order in which they will end."""
        found = [one for one in self._all.values() if one.state in UNFINISHED]
        return sorted(found, key=lambda one: one.state != "running")

    def _left(self, training: Training) -> float:
        try:
            notes = training.notes
        except (OSError, ValueError):
            notes = None
        return notes.seconds_left if notes is not None and notes.planned else training.seconds

    def _end(self, training: Training, why: str) -> None:
        training.state, training.why = "ended", why
        training.stop.set()
        self._changed.notify_all()

    def _make_room(self) -> None:
        """Remove what was used longest ago where there is too much; what is under way stays."""
        finished = sorted((one for one in self._all.values() if one.state not in UNFINISHED), key=lambda one: one.used)
        for training in finished[: max(len(self._all) + 1 - self._limits.trainings_kept, 0)]:
            self._remove(training)

    def _remove(self, training: Training) -> None:
        del self._all[training.name]
        for folder in (training.order.folder, training.order.notes):
            shutil.rmtree(folder, ignore_errors=True)

    def _wake(self) -> None:
        if not self._serving:
            self._serving = True
            for target in (self._serve, self._keep_tidy):
                threading.Thread(target=target, name="trainings", daemon=True).start()
        self._changed.notify_all()

    def _keep_tidy(self) -> None:
        while True:
            time.sleep(min(TIDY, 15 * self._limits.training_away))
            self.tidy()

    def _serve(self) -> None:
        while True:
            with self._changed:
                while not (waiting := [one for one in self._under_way() if one.state == "waiting"]):
                    self._changed.wait()
                training, stop = waiting[0], waiting[0].stop
                training.state = "running"
            self._do(training, stop)

    def _do(self, training: Training, stop: threading.Event) -> None:
        try:
            outcomes = self._runner.run(train, None, [training.order], wanted=lambda: not stop.is_set())
            error = outcomes[0].error if outcomes else None
        except Exception as failed:  # any error concerns this training only: the queue goes on
            outcomes, error = [], str(failed) or type(failed).__name__
        with self._changed:
            if training.stop is stop and not stop.is_set():
                training.state = "failed" if error is not None or outcomes is None else "done"
                training.why, training.used = error or "", self._clock()
            self._changed.notify_all()
