"""Long work in the background: one worker for the whole process, a bounded queue with a visible place, and cancelling.

Every visitor who waits for a job holds a lease, renewed by asking for progress. A closed tab stops asking; when nobody
waits any more, the job ends. The same request is computed once, for everybody who asks for it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

LEASE = 8.0
"""Seconds without a question about a job after which a visitor is taken to have left."""
REMEMBERED = 64
WAITING = 16
"""How many jobs may be queued at once, over all visitors."""
PER_VISITOR = 2
"""How many unfinished jobs one visitor may have."""


class QueueFull(RuntimeError):
    """Too many jobs are waiting, of this visitor or of all; the message says which."""


class Cancelled(Exception):
    """Raised inside a job that is to end at once."""


class Job:
    """A piece of work that counts its steps. All methods may be called from any thread."""

    def __init__(self, key: Hashable, total: int) -> None:
        self.key, self.total = key, total
        self.done_steps = 0
        self.started: float | None = None
        self.future: Future[Any] | None = None
        self._lock = threading.Lock()
        self._asked: dict[str, float] = {}

    def renew(self, visitor: str) -> None:
        """This visitor is still there, and waits for the job."""
        with self._lock:
            self._asked[visitor] = time.monotonic()

    def leave(self, visitor: str) -> None:
        """This visitor does not want the job any more; without any other it ends within one step."""
        with self._lock:
            self._asked.pop(visitor, None)

    def visitors(self) -> set[str]:
        """Who waits for it."""
        now = time.monotonic()
        with self._lock:
            return {visitor for visitor, asked in self._asked.items() if now - asked <= LEASE}

    @property
    def finished(self) -> bool:
        return self.future is not None and self.future.done()

    @property
    def share(self) -> float:
        """How much is done, in [0,1]."""
        return min(self.done_steps / max(self.total, 1), 1.0)

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the pace so far; None before there is one."""
        if self.started is None or not self.done_steps:
            return None
        return (time.monotonic() - self.started) / self.done_steps * max(self.total - self.done_steps, 0)

    def check(self) -> None:
        """Raise Cancelled where nobody waits for this any more."""
        if not self.visitors():
            raise Cancelled

    def advance(self, *_: Any) -> None:
        """One step is done: the callback to give to an attack. Raises Cancelled as `check` does."""
        self.done_steps += 1
        self.check()


Work = Callable[[Job], Any]
"""What a job does: it calls `job.advance` at every step of an attack, and returns its result."""


class Jobs:
    """The worker, its queue, and the results of the last jobs by their keys."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._lock = threading.Lock()
        self._queue: list[Job] = []
        self._results: OrderedDict[Hashable, Any] = OrderedDict()

    def known(self, key: Hashable) -> Any | None:
        """The result that was computed for this key before, or None."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def pending(self, key: Hashable) -> Job | None:
        """The job that computes this key at the moment or is queued for it, and that somebody waits for; or None."""
        with self._lock:
            return next((job for job in self._waiting() if job.key == key), None)

    def submit(self, key: Hashable, work: Work, total: int, visitor: str) -> Job:
        """Queue work of `total` steps for a visitor, or let the visitor wait for the same work of somebody else.

        `key` has to name everything that the result depends on. Raises QueueFull.
        """
        with self._lock:
            waiting = self._waiting()
            job = next((job for job in waiting if job.key == key), None)
            if job is None:
                if sum(visitor in other.visitors() for other in waiting) >= PER_VISITOR:
                    raise QueueFull(f"You have {PER_VISITOR} runs under way already: wait for one, or cancel it.")
                if len(waiting) >= WAITING:
                    raise QueueFull(f"{WAITING} runs are waiting already; try again in a minute.")
                job = Job(key, total)
                job.renew(visitor)
                self._queue.append(job)
                job.future = self._pool.submit(self._run, job, work)
            job.renew(visitor)
        return job

    def ahead(self, job: Job) -> int:
        """How many jobs are to be finished before this one starts."""
        with self._lock:
            waiting = self._waiting()
        return waiting.index(job) if job in waiting else 0

    def _waiting(self) -> list[Job]:
        self._queue = [job for job in self._queue if not job.finished]
        return [job for job in self._queue if job.visitors()]

    def _run(self, job: Job, work: Work) -> Any | None:
        """The result; None where the job was given up. An error stays in the job's future, for its own visitors."""
        job.started = time.monotonic()
        try:
            job.check()
            result = work(job)
        except Cancelled:
            return None
        with self._lock:
            self._results[job.key] = result
            while len(self._results) > REMEMBERED:
                self._results.popitem(last=False)
        return result
