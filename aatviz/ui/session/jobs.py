"""Long work for many visitors: two lanes, each with a fair queue, honest waiting times, cancelling, and kept results.

Short and long runs have separate lanes, each with its own worker processes, so that neither holds up the other. Within a
lane it is first come, first served, but a visitor's second run waits behind the first runs of all others. Runs that can go
together as one batch do. The same request is computed once for everybody who asks for it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from aatviz.runtime.worker import Function, Outcome
from aatviz.ui.session.limits import Limits

AWAY_RUNNING, AWAY_WAITING = 8.0, 120.0
"""Seconds for which a visitor may be disconnected before their run is given up: while it runs, and while it waits."""
STAGGER = 5.0
"""Seconds between the starts of two workers: the first visitor's page has a core to itself."""
TRUSTED = 10.0
"""Seconds after which the time left is computed from a run's own pace alone: its first steps also load the networks."""
LONG_QUEUE = 10
"""How many times as long as a short run a long one may wait in its queue."""
RESULTS = 256
"""The most results that are kept, however small they are."""

Lane = Literal["short", "long"]


class QueueFull(RuntimeError):
    """A run cannot be accepted now; the message says why, and when to try again."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """A run, described so that another process can do it."""

    function: Function
    context: Any
    """The argument that all runs of the function share."""
    argument: Any
    together: Hashable | None = None
    """Runs of the same function and context with the same value go as one batch; None: this one goes alone."""


class Runner(Protocol):
    """Does one group of runs at a time; see `aatviz.runtime.worker.Worker.run`."""

    def run(
        self,
        function: Function,
        context: Any,
        arguments: Sequence[Any],
        on_step: Callable[[int], None] = ...,
        wanted: Callable[[], bool] = ...,
    ) -> list[Outcome] | None: ...


class Job:
    """One run in its queue, and its outcome."""

    def __init__(self, key: Hashable, work: Work, total: int, seconds: float, tag: int, lane: Lane) -> None:
        self.key, self.work, self.total, self.seconds, self.lane = key, work, total, seconds, lane
        self.tag = tag
        """The round in which the job is served: that of its visitor's last unfinished job plus one, or the present round."""
        self.done_steps = 0
        self.started: float | None = None
        self.group: list[Job] = []
        """The jobs of its batch, itself among them."""
        self.outcome: Outcome | None = None
        """None before it has finished, and where it was given up."""
        self.finished = threading.Event()
        self.seen: dict[str, float] = {}
        """The visitors who wait for it, and when they were last connected."""

    @property
    def share(self) -> float:
        """The share of the steps that is done, in [0,1]."""
        return min(self.done_steps / max(self.total, 1), 1.0)


class Jobs:
    """The lanes, their queues, and the last results by their keys. All methods may be called from any thread."""

    def __init__(
        self,
        runners: Mapping[Lane, Sequence[Runner]],
        limits: Limits,
        is_there: Callable[[str], bool] = lambda visitor: True,
        first: Work | None = None,
    ) -> None:
        """`is_there` says whether a visitor is connected now; `first` is run by every short worker before its first job."""
        self._runners, self._limits, self._is_there, self._first = runners, limits, is_there, first
        self._changed = threading.Condition(threading.RLock())
        self._jobs: list[Job] = []
        """The unfinished jobs, in the order in which they came."""
        self._turn: dict[Lane, int] = {"short": 0, "long": 0}
        self._pace: dict[Lane, float] = {"short": 1.0, "long": 1.0}
        """The real seconds for each estimated second: below 1 where runs go together."""
        self._results: OrderedDict[Hashable, Outcome] = OrderedDict()
        self._serving = False

    def start(self) -> None:
        """Start the workers, unless they are running: one thread for each hands it its jobs."""
        with self._changed:
            if self._serving:
                return
            self._serving = True
            for lane, runners in self._runners.items():
                for place, runner in enumerate(runners):
                    arguments = (lane, runner, place * STAGGER)
                    threading.Thread(target=self._hand_out, args=arguments, name=f"jobs-{lane}", daemon=True).start()

    def known(self, key: Hashable) -> Any | None:
        """The result that was computed for this key before, or None."""
        with self._changed:
            if key not in self._results:
                return None
            self._results.move_to_end(key)
            return self._results[key].value

    def pending(self, key: Hashable) -> Job | None:
        """The job that computes this key at the moment or is queued for it, and is not given up; or None."""
        with self._changed:
            return next((job for job in self._unfinished() if job.key == key), None)

    def join(self, key: Hashable, visitor: str) -> Job | None:
        """The pending job of that key, or None; from now on this visitor waits for it too."""
        with self._changed:
            if (job := self.pending(key)) is not None:
                job.seen[visitor] = time.monotonic()
            return job

    def submit(self, key: Hashable, work: Work, total: int, seconds: float, visitor: str) -> Job:
        """Queue a run of `total` steps and this many estimated seconds, or join the same run of somebody else.

        `key` names everything that the result depends on. Raises QueueFull, with the reason, where it cannot be accepted.
        """
        with self._changed:
            if (job := self.join(key, visitor)) is None:
                job = self._new(key, work, total, seconds, visitor)
                job.seen[visitor] = time.monotonic()
                self._jobs.append(job)
                self.start()
                self._changed.notify_all()
        return job

    def leave(self, job: Job, visitor: str) -> None:
        """This visitor no longer waits for the job. If nobody else does, it ends within one step."""
        with self._changed:
            job.seen.pop(visitor, None)
            self._unfinished()

    def ahead(self, job: Job) -> int:
        """How many runs must finish before this one starts."""
        with self._changed:
            return len(self._before(job)) if job.started is None else 0

    def seconds_left(self, job: Job) -> float:
        """The seconds until the job is done, from the estimates of the jobs ahead of it and the recent pace."""
        with self._changed:
            return self._left(job) + (self._wait(self._before(job)) if job.started is None else 0.0)

    def _new(self, key: Hashable, work: Work, total: int, seconds: float, visitor: str) -> Job:
        lane: Lane = "short" if seconds <= self._limits.short_seconds else "long"
        own = [job for job in self._unfinished() if visitor in job.seen]
        if len(own) >= self._limits.jobs_per_visitor:
            raise QueueFull(f"You have {len(own)} runs under way already: wait for one, or cancel it.")
        tag = max([self._turn[lane], *(other.tag + 1 for other in own if other.lane == lane)])
        job = Job(key, work, total, seconds, tag, lane)
        wait = self._wait(self._before(job))
        if wait > self._limits.queue_seconds * (1 if lane == "short" else LONG_QUEUE):
            raise QueueFull(f"This machine is busy for about {in_words(wait)}. Come back then, or ask for fewer steps.")
        return job

    def _unfinished(self) -> list[Job]:
        """The jobs for which somebody still waits, in the order in which they came. Visitors who have been away for too long
        are removed from them first."""
        now = time.monotonic()
        for job in self._jobs:
            allowed = AWAY_WAITING if job.started is None else AWAY_RUNNING
            for visitor, last in list(job.seen.items()):
                if self._is_there(visitor):
                    job.seen[visitor] = now
                elif now - last > allowed:
                    del job.seen[visitor]
            if not job.seen and job.started is None:
                job.finished.set()
        self._jobs = [job for job in self._jobs if not job.finished.is_set()]
        return [job for job in self._jobs if job.seen]

    def _queue(self, lane: Lane) -> list[Job]:
        """The lane's jobs that have not started, in the order in which they will start."""
        waiting = [job for job in self._unfinished() if job.lane == lane and job.started is None]
        return sorted(waiting, key=lambda job: job.tag)

    def _before(self, job: Job) -> list[Job]:
        """The jobs that keep the lane's workers busy until this one starts."""
        running = [one for one in self._unfinished() if one.lane == job.lane and one.started is not None]
        queue = self._queue(job.lane)
        place = queue.index(job) if job in queue else sum(one.tag <= job.tag for one in queue)
        busy = running if len(running) >= len(self._runners[job.lane]) else []
        return busy + queue[:place]

    def _wait(self, jobs: Sequence[Job]) -> float:
        """The seconds until these jobs are done; jobs of one batch count once."""
        alone = [job for job in jobs if job.started is None or next(one for one in job.group if one in jobs) is job]
        return sum(self._left(job) for job in alone) / len(self._runners[jobs[0].lane]) if jobs else 0.0

    def _left(self, job: Job) -> float:
        """The seconds that the job itself still takes. At first this is the estimate; the longer it runs, the more its own
        pace counts, since the first steps say little."""
        expected, done = job.seconds * self._pace[job.lane], job.done_steps
        if job.started is None or done == 0:
            return expected
        spent, steps = time.monotonic() - job.started, max(job.total - done, 0)
        trust = min(spent / TRUSTED, 1.0)
        return trust * spent / done * steps + (1 - trust) * expected * steps / job.total

    def _hand_out(self, lane: Lane, runner: Runner, after: float) -> None:
        time.sleep(after)
        if lane == "short" and self._first is not None:
            with suppress(Exception):  # the first visitor's run will show the same error
                runner.run(self._first.function, self._first.context, [self._first.argument])
        while True:
            with self._changed:
                while not (group := self._take(lane)):
                    self._changed.wait(1.0)  # at most: a visitor may reconnect meanwhile
            self._do(group, runner)

    def _take(self, lane: Lane) -> list[Job]:
        """The next job of a connected visitor, and the jobs that run with it as one batch."""
        queue = [job for job in self._queue(lane) if any(map(self._is_there, job.seen))]
        if not queue:
            return []
        first = queue[0].work
        kind = (first.function, first.context, first.together)
        group = [job for job in queue if (job.work.function, job.work.context, job.work.together) == kind]
        group = group[: self._limits.batch] if first.together is not None else queue[:1]
        self._turn[lane] = max(self._turn[lane], queue[0].tag)
        for job in group:
            job.started, job.group = time.monotonic(), group
        return group

    def _do(self, group: list[Job], runner: Runner) -> None:
        started, whole = time.monotonic(), group[0].total

        def on_step(done: int) -> None:
            for job in group:
                job.done_steps = min(round(done * job.total / whole), job.total)

        def wanted() -> bool:
            with self._changed:
                self._unfinished()
                return any(job.seen for job in group)

        work = group[0].work
        try:
            outcomes = runner.run(work.function, work.context, [job.work.argument for job in group], on_step, wanted)
        except Exception as error:  # any error concerns these visitors only: the lane goes on
            outcomes = [Outcome(error=str(error) or type(error).__name__)] * len(group)
        with self._changed:
            if outcomes is not None:
                lane, estimated = group[0].lane, sum(job.seconds for job in group)
                pace = (time.monotonic() - started) / max(estimated, 1e-3)
                self._pace[lane] = min(max((self._pace[lane] + pace) / 2, 0.05), 20.0)
                for job, outcome in zip(group, outcomes, strict=True):
                    self._keep(job, outcome)
            for job in group:
                job.finished.set()
            self._jobs = [job for job in self._jobs if not job.finished.is_set()]
            self._changed.notify_all()

    def _keep(self, job: Job, outcome: Outcome) -> None:
        """Store a job's outcome; a result is also kept for later requests, as long as there is room, but an error is not."""
        job.outcome = outcome
        if outcome.error is None:
            self._results[job.key] = outcome
            while self._results and (self._held() > self._limits.result_mb * 1e6 or len(self._results) > RESULTS):
                self._results.popitem(last=False)

    def _held(self) -> int:
        return sum(outcome.size for outcome in self._results.values())


def in_words(seconds: float) -> str:
    """A time in words: "45 s", "2 min"."""
    return f"{max(seconds, 1):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
