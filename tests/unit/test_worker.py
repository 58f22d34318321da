"""The process for long work: results, steps, cancelling, errors, its death, and its pace beside busy pages."""

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import worker_functions as functions

from aatviz.runtime.worker import Worker, WorkerError

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PATIENCE = 60


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        yield worker
    worker.stop()


def test_runs_come_back_in_their_order_with_their_size_and_steps(worker: Worker) -> None:
    told: list[int] = []
    outcomes = worker.run(functions.doubled, 100, [1, 2, 3], told.append)
    assert outcomes is not None
    assert [outcome.value for outcome in outcomes] == [102, 104, 106]
    assert all(outcome.size > 0 for outcome in outcomes)
    assert told  # the first step is told at once


def test_it_has_not_loaded_the_web_app(worker: Worker) -> None:
    outcomes = worker.run(functions.imported, None, [None])
    assert outcomes is not None
    assert outcomes[0].value is False


def test_a_run_that_is_not_wanted_ends_and_the_next_one_begins(worker: Worker) -> None:
    wanted = threading.Event()
    threading.Timer(0.3, wanted.set).start()
    assert worker.run(functions.endless, None, [None], wanted=lambda: not wanted.is_set()) is None
    outcomes = worker.run(functions.doubled, 0, [4])
    assert outcomes is not None
    assert outcomes[0].value == 8


def test_an_error_is_the_outcome_of_its_own_run_alone(worker: Worker) -> None:
    outcomes = worker.run(functions.none_is_bad, None, [1, None, 3])
    assert outcomes is not None
    assert [(outcome.value, outcome.error) for outcome in outcomes] == [(1, None), (None, "None is no number"), (3, None)]


def test_after_its_death_it_says_so_and_another_takes_its_place(worker: Worker) -> None:
    with pytest.raises(WorkerError, match="has ended unexpectedly"):
        worker.run(functions.dies, None, [None])
    outcomes = worker.run(functions.doubled, 0, [5])
    assert outcomes is not None
    assert outcomes[0].value == 10


def test_it_does_not_outlive_an_app_that_is_killed() -> None:
    code = (
        "import threading, time\n"
        "from aatviz.runtime.worker import Worker\n"
        "import worker_functions as functions\n"
        "worker = Worker()\n"
        "worker.run(functions.doubled, 0, [1])\n"
        "print(worker._process.pid, flush=True)\n"
        "worker.run(functions.endless, None, [None])\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}
    app = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    child = int(app.stdout.readline())
    app.kill()
    app.communicate()
    deadline = time.monotonic() + PATIENCE
    while _lives(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.long
def test_it_keeps_its_pace_while_many_pages_hold_the_interpreter(worker: Worker) -> None:
    """Five threads that compute in Python and collect garbage, as five waiting visitors did after every look."""

    def steps() -> int:
        outcomes = worker.run(functions.steps_until, 1.0, [None])
        assert outcomes is not None
        assert outcomes[0].value is not None
        return int(outcomes[0].value)

    steps()
    alone = steps()
    over = threading.Event()

    def waits() -> None:
        while not over.is_set():
            gc.collect()
            sum(range(10_000))

    pages = [threading.Thread(target=waits) for _ in range(5)]
    for page in pages:
        page.start()
    try:
        crowded = steps()
    finally:
        over.set()
        for page in pages:
            page.join()
    assert crowded > alone / 5  # within one process it is a hundredth


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
