"""How long a comparison takes: python benchmarks/compare_run.py (on an idle machine; prints JSON)

The Compare page's default run (100 images, 100 steps, two models) on each shipped system, as the app's worker does it:
the whole time, the longest pause between two steps, and how long it goes on when it is cancelled at a step (before that,
at most one step passes). Times are in seconds.
"""

import json
import os
import platform
import time

import aatviz
from aatviz.explore.attack_grid.result import CompareSettings
from aatviz.store.systems import System
from aatviz.ui.compare.run import request
from aatviz.ui.session import caches
from aatviz.ui.session.jobs import Job, Jobs, Work

VISITOR = "benchmark"
CANCEL_AFTER = 30
"""Steps."""


def timed(work: Work, total: int, cancel_after: int | None) -> dict[str, float]:
    """Run the work as a job, all of it or until it is cancelled after some steps."""
    times = [time.perf_counter()]

    def watched(job: Job) -> object:
        step = job.advance

        def advance(*_: object) -> None:
            times.append(time.perf_counter())
            if cancel_after is None or len(times) <= cancel_after:
                job.renew(VISITOR)
            else:
                job.leave(VISITOR)
            step()

        job.advance = advance  # type: ignore[method-assign]
        return work(job)

    future = Jobs().submit("run", watched, total, VISITOR).future
    assert future is not None
    future.result()
    ended = time.perf_counter()
    if cancel_after is not None:
        return {"seconds from cancel to end": round(ended - times[-1], 3)}
    pauses = [after - before for before, after in zip(times, [*times[1:], ended], strict=True)]
    return {"seconds": round(ended - times[0], 2), "longest pause between two steps": round(max(pauses), 3)}


def measure(system: System) -> dict[str, float]:
    x, y = caches.sample(system.card.dataset)
    wanted = request(system, CompareSettings(), x, y)
    return timed(wanted.work, wanted.total, None) | timed(wanted.work, wanted.total, CANCEL_AFTER)


def main() -> None:
    caches.start_up()
    machine = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    print(json.dumps(machine | {name: measure(aatviz.load_system(name)) for name in aatviz.systems()}, indent=1))


if __name__ == "__main__":
    main()
