"""Attacks in the background: one worker for the whole process, a visible place in its queue, progress, and cancelling.

A page renews its lease by asking for progress; a closed tab stops asking, and its attack ends. The same parameters
are computed once for everybody.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

from aatviz.attacks import Iterate
from aatviz.store.systems import System
from aatviz.trace import AttackSettings, Trace, trace_attack

LEASE = 8.0
"""Seconds without a question about an attack after which it is given up."""
REMEMBERED = 64
WAITING = 16
"""How many attacks may be queued at once, over all visitors."""


class QueueFull(RuntimeError):
    """Too many attacks are waiting; the message says so."""


class Cancelled(Exception):
    """Raised inside an attack that is to end at once, without the work that follows its last step."""


class Job:
    """One or two attacks on one image. All methods may be called from any thread."""

    def __init__(self, attacks: list[AttackSettings]) -> None:
        self.attacks = attacks
        self.total = sum((attack.steps + 1) * attack.restarts for attack in attacks)
        self.done_steps = 0
        self.started: float | None = None
        self.future: Future[list[Trace] | None] | None = None
        self.cancelled = threading.Event()
        self.asked = time.monotonic()

    def renew(self) -> None:
        """The page is still there."""
        self.asked = time.monotonic()

    def cancel(self) -> None:
        """End within one step."""
        self.cancelled.set()

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
        return (time.monotonic() - self.started) / self.done_steps * (self.total - self.done_steps)

    def check(self) -> None:
        """Raise Cancelled where nobody waits for this any more."""
        if self.cancelled.is_set() or time.monotonic() - self.asked > LEASE:
            raise Cancelled

    def on_step(self, _: Iterate) -> None:
        self.done_steps += 1
        self.check()


class Jobs:
    """The worker and its queue. Results are remembered by (system, its weights, image, attacks)."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="attack")
        self._lock = threading.Lock()
        self._queue: list[Job] = []
        self._results: OrderedDict[Hashable, list[Trace]] = OrderedDict()

    def known(self, key: Hashable) -> list[Trace] | None:
        """The traces that were computed for this key before, or None."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def submit(self, key: Hashable, system: System, attacks: list[AttackSettings], x: Tensor, y: int) -> Job:
        """Queue the attacks on x (1,1,28,28) of class y. QueueFull where too many wait already."""
        job = Job(attacks)
        with self._lock:
            self._queue = [waiting for waiting in self._queue if not waiting.finished]
            if len(self._queue) >= WAITING:
                raise QueueFull(f"{WAITING} attacks are waiting already; try again in a minute.")
            self._queue.append(job)
            job.future = self._pool.submit(self._run, key, job, system, x, y)
        return job

    def ahead(self, job: Job) -> int:
        """How many attacks are to be finished before this one starts."""
        with self._lock:
            waiting = [other for other in self._queue if not other.finished]
        return waiting.index(job) if job in waiting else 0

    def _run(self, key: Hashable, job: Job, system: System, x: Tensor, y: int) -> list[Trace] | None:
        if (known := self.known(key)) is not None:  # another visitor asked for the same meanwhile
            return known
        job.started = time.monotonic()
        try:
            job.check()
            traces = [trace_attack(system, attack, x, y, callback=job.on_step) for attack in job.attacks]
        except Cancelled:
            return None
        with self._lock:
            self._results[key] = traces
            while len(self._results) > REMEMBERED:
                self._results.popitem(last=False)
        return traces
