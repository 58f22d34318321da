"""A run from a page: its cost before it starts, then its place in the queue, progress and a way to cancel, then its
result."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aatviz.explore.work import Weights
from aatviz.runtime.worker import Function
from aatviz.store.systems import System
from aatviz.ui.common.url import pressed
from aatviz.ui.common.words import message
from aatviz.ui.session import caches
from aatviz.ui.session.jobs import Job, QueueFull, Work, in_words

AT_ONCE = 1.2
"""Seconds for which a page waits for a run before it shows progress: a short run is done by then, without any flicker."""
BEGINS = 10.0
"""Seconds up to which a run begins by itself on a page that has no stored one."""
POLL = (0.5, 2.0)
"""Seconds between two looks at a run: an eighth of the time that it takes, within these limits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """A run that a page asks for."""

    system: System
    choice: Hashable
    """The page's own settings. The result depends on these and on the system's weights, and on nothing else."""
    function: Function
    """One of `aatviz.explore.work`."""
    argument: Any
    """The function's argument for this run."""
    together: Hashable | None = None
    """Runs with the same value may go as one batch; None: this one goes alone."""
    total: int
    """Steps of PGD in all."""
    seconds: Callable[[], float]
    """Estimates the time on this machine; it may run a few steps for that."""
    steps: str
    """The same work in words: "2 times 100 steps"."""

    @property
    def key(self) -> Hashable:
        """A key that is the same for all visitors who ask for the same run."""
        return (self.system.name, caches.fingerprint(self.system), self.choice)

    @property
    def work(self) -> Work:
        """The run as it is sent to the worker."""
        weights = Weights(self.system.folder, caches.fingerprint(self.system))
        return Work(function=self.function, context=weights, argument=self.argument, together=self.together)


@dataclass(frozen=True, kw_only=True, eq=False)
class Done:
    """A result, and the choice that it belongs to."""

    system: str
    choice: Any
    value: Any


class Runs:
    """The runs of one page. The present run and the last shown result are kept in the session.

    The button and the progress are a fragment: a press, or a new look at a run, runs no other part of the page again.
    """

    def __init__(self, page: str, verb: str, icon: str = ":material/bolt:") -> None:
        self.page, self.verb, self.icon = page, verb, icon
        self._running, self._shown, self._message = f"{page}.running", f"{page}.shown", f"{page}.message"
        self._cost, self._begun = f"{page}.cost", f"{page}.begun"

    def controls(self, request: Request) -> DeltaGenerator:
        """Draw the button, and, while something runs, its progress and a way to cancel it. Returns the place for
        `tell_cost`."""
        self._collect()
        if self.running is None and (job := caches.jobs().join(request.key, visitor())) is not None:
            self._wait_for(job, request)  # the page was loaded again while the run goes on: wait for it again
        place: DeltaGenerator = st.fragment(self._controls)(request)
        return place

    def begin(self, request: Request) -> None:
        """Start a short run without a press, once a browser tab: so that a page without a stored run shows something real at
        once. Call it before `controls`."""
        first = not st.session_state.get(self._begun)
        st.session_state[self._begun] = True
        free = self.running is None and self._shown not in st.session_state
        if first and free and caches.jobs().known(request.key) is None and request.seconds() < BEGINS:
            self._submit(request)

    def tell_cost(self, place: DeltaGenerator, request: Request) -> None:
        """Say what the run would cost. Call it at the end of a page, since an estimate takes time."""
        if self.running is None:
            text = cost(request.seconds(), request.steps)
            st.session_state[self._cost] = (request.key, text)
            place.caption(text, width="stretch")

    @property
    def running(self) -> Job | None:
        """The run that this visitor waits for on this page, or None."""
        waiting = st.session_state.get(self._running)
        return waiting[0] if waiting else None

    def shown(self, request: Request, stored: Done | None = None) -> Done | None:
        """The result to show: that of this request, where anybody has computed it; else, with a note, the last result on
        this page, or the stored run; None where there is neither."""
        if (value := caches.jobs().known(request.key)) is not None:
            return self._remember(request.system.name, request.choice, value)
        if stored and stored.choice == request.choice:
            return stored
        to_do = "" if self.running else f" Press **{self.verb}** to run yours."
        last: Done | None = st.session_state.get(self._shown)
        if last is not None and last.system == request.system.name:
            st.caption(f":material/history: Below is the last result, of other settings.{to_do}")
            return last
        if stored:
            st.caption(f":material/inventory_2: Below is a stored run of the default settings.{to_do}")
        return stored

    def _controls(self, request: Request) -> DeltaGenerator:
        running = self.running
        if running is not None and running.finished.is_set():  # it has finished since the page was drawn
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                self.verb,
                type="primary",
                icon=self.icon,
                disabled=running is not None,
                on_click=self._start,
                args=(request,),
            )
            place = st.empty()
        if running is not None:
            st.fragment(self._progress, run_every=_interval(running))(running)
        elif (told := st.session_state.get(self._cost)) and told[0] == request.key:
            place.caption(told[1], width="stretch")
        if message := st.session_state.pop(self._message, None):
            st.info(message, icon=":material/info:")
        return place

    def _progress(self, job: Job) -> None:
        """Draw the progress of the run; this runs again every few seconds."""
        if job.finished.is_set() or self.running is not job:
            st.rerun()
        bar, stop = st.columns([5, 1], vertical_alignment="center")
        bar.progress(job.share, text=standing(job))
        stop.button("Cancel", icon=":material/stop:", width="stretch", on_click=self._cancel, args=(job,))

    def _start(self, request: Request) -> None:
        if self._submit(request):
            pressed()

    def _submit(self, request: Request) -> bool:
        """Queue the run, and wait a moment if it is short: then it is done when the page is drawn. False where the queue is
        full."""
        jobs = caches.jobs()
        try:
            job = jobs.submit(request.key, request.work, request.total, request.seconds(), visitor())
        except QueueFull as error:
            st.session_state[self._message] = str(error)
            return False
        self._wait_for(job, request)
        if jobs.seconds_left(job) < 2 * AT_ONCE:
            job.finished.wait(AT_ONCE)
        return True

    def _wait_for(self, job: Job, request: Request) -> None:
        st.session_state[self._running] = (job, request.system.name, request.choice)

    def _collect(self) -> None:
        """Take over the result, or the error, of a finished job."""
        job = self.running
        if job is None or not job.finished.is_set():
            return
        _, system, choice = st.session_state.pop(self._running)
        if job.outcome is None:
            st.session_state[self._message] = "The run was cancelled; nothing has changed."
        elif job.outcome.error is not None:
            st.session_state[self._message] = f"The run ended with an error: {message(job.outcome.error)}"
        else:
            self._remember(system, choice, job.outcome.value)

    def _remember(self, system: str, choice: Any, value: Any) -> Done:
        done = Done(system=system, choice=choice, value=value)
        st.session_state[self._shown] = done
        return done

    def _cancel(self, job: Job) -> None:
        pressed()
        caches.jobs().leave(job, visitor())
        st.session_state.pop(self._running, None)
        st.session_state[self._message] = "The run was cancelled; nothing has changed."


def visitor() -> str:
    """This browser tab's name in the queue."""
    return caches.session_id()


def standing(job: Job) -> str:
    """The state of a run in words: its place and time while it waits, its steps and time once it runs."""
    jobs = caches.jobs()
    ahead, left = jobs.ahead(job), jobs.seconds_left(job)
    if ahead:
        return f"Waiting: {ahead} other {'run' if ahead == 1 else 'runs'} first, about {in_words(left)} in all"
    text = f"Step {job.done_steps} of {job.total}"
    return f"{text}, {in_words(left)} left" if left >= 1 else text


def cost(seconds: float, steps: str) -> str:
    """The cost of a run in words."""
    time = f"About {in_words(seconds)}" if seconds >= 1 else "Less than a second"
    return f"{time} on this machine: {steps}."


def _interval(job: Job) -> float:
    """Seconds between two looks at a job: the longer it takes, the fewer looks are needed."""
    return min(max(caches.jobs().seconds_left(job) / 8, POLL[0]), POLL[1])
