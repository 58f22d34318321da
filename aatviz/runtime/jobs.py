"""Lists of jobs, and where they run: the one seam between what is to be done and the machines that do it.

A job is a command line that goes on by itself where it was cut off, in a process of its own with one thread. A launcher
starts such processes: on this machine (`launch_local`), or on the machines of a Ray cluster (`launch_ray`).
"""

from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from aatviz.runtime.locks import Held

MALLOC = {
    # glibc would hand every large activation back to the kernel and fetch it zeroed again: an eighth of an attack's time.
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
}
# Two processes with one thread each do as much as one with two threads, and never wait for each other.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **MALLOC}


class JobFailed(RuntimeError):
    """At least one job ended with an error; the message says of each what went wrong."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One job: a command line of `aatviz`."""

    name: str
    arguments: tuple[str, ...]
    """What stands after `aatviz`."""
    after: tuple[str, ...] = ()
    """The jobs that have to be done before this one begins; names that are not in the list count as done."""
    done: Callable[[], bool] = lambda: False
    """Asked before the job would begin, once all that it waits for is done: whether it has been done before. ValueError or
    OSError where something else is in its place."""


class Launcher(Protocol):
    """A place where jobs run."""

    @property
    def most(self) -> int | None:
        """How many jobs may be started at once; None: any number, those without a place wait in the launcher's queue."""

    @property
    def room(self) -> int:
        """How many jobs can compute at once, for estimates of time."""

    def device(self, name: str) -> str:
        """The device on which jobs compute, from what the user asked for. ValueError where there is no such device."""

    def writing(self, held: Held) -> AbstractContextManager[None]:
        """Inside this block jobs may write into the folder that this process holds."""

    def start(self, job: Command) -> None:
        """Start a job. Its output goes where this process's output goes."""

    def ended(self) -> dict[str, str]:
        """Wait until a started job has ended: what went wrong with each that has, in words; empty where nothing did."""

    def stop(self) -> None:
        """End all jobs that are running."""


def run_jobs(jobs: Sequence[Command], launcher: Launcher, say: Callable[[str], object] = print) -> None:
    """Run all jobs, in their order as far as `Command.after` and the launcher's room allow.

    A failing job does not stop the others, except those that wait for it. When this process is interrupted, the running
    jobs are ended and no other is started. `say` gets a line for each job that was done before.

    Raises:
        JobFailed: at the end, where jobs failed; it names them.
        ValueError: where jobs wait for one another, or two have the same name; no job is started.

    What `Command.done` raises is passed on while no job has been started; afterwards it is the failure of that job.
    """
    unended = {job.name for job in jobs}
    """Jobs that have not ended."""
    left, waiting, running = in_order(jobs), list[Command](), set[str]()
    failed, begun = dict[str, str](), False
    try:
        while unended:
            for job in [job for job in left if not unended & {*job.after}]:
                left.remove(job)
                why = _why_not(job, failed, begun)
                if why is None:
                    waiting.append(job)
                    continue
                unended.remove(job.name)
                if why:
                    failed[job.name] = why
                else:
                    say(f"{job.name}: done already")
            while waiting and (launcher.most is None or len(running) < launcher.most):
                begun = True
                running.add(waiting[0].name)
                launcher.start(waiting.pop(0))
            if running:
                ended = launcher.ended()
                running -= ended.keys()
                unended -= ended.keys()
                failed |= {name: wrong for name, wrong in ended.items() if wrong}
    except BaseException:
        launcher.stop()
        raise
    if failed:
        raise JobFailed(", ".join(f"{name} {wrong}" for name, wrong in failed.items()))


def _why_not(job: Command, failed: Container[str], begun: bool) -> str | None:
    """Why a job whose turn it is does not begin, in words; empty where it was done before. None where it does. Where others
    have begun, what stands in its place does not stop them."""
    if lost := [one for one in job.after if one in failed]:
        return f"was not begun, since {' and '.join(lost)} failed"
    try:
        return "" if job.done() else None
    except (ValueError, OSError) as error:
        if not begun:
            raise
        return f"was not begun: {error}"


def in_order(jobs: Sequence[Command]) -> list[Command]:
    """The jobs, each behind those that it waits for. ValueError where jobs wait for one another or share a name."""
    left, found = list(jobs), list[Command]()
    if len({job.name for job in jobs}) < len(jobs):
        raise ValueError(f"Each job needs a name of its own; got {', '.join(job.name for job in jobs)}.")
    while left:
        names = {job.name for job in left}
        ready = [job for job in left if not names & {*job.after}]
        if not ready:
            raise ValueError(f"These jobs start from one another: {', '.join(job.name for job in left)}.")
        found += ready
        left = [job for job in left if job not in ready]
    return found
