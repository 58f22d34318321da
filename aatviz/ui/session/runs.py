"""A run from a page: what it costs before, its progress and a way to cancel meanwhile, and what to show after."""

from collections.abc import Callable, Hashable
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aatviz.store.systems import System
from aatviz.ui.session import caches
from aatviz.ui.session.jobs import Job, QueueFull, Work

POLL = 0.3
"""Seconds between two looks at a running job."""
AT_ONCE = 1.2
"""Seconds that a page waits for a run before it begins to show progress: a short one is done by then, and undisturbed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """What a page asks for."""

    system: System
    choice: Hashable
    """The page's own settings: with the system's weights, everything that the result depends on."""
    work: Work
    total: int
    """Steps of PGD in all."""
    seconds: Callable[[], float]
    """Estimates the time on this machine; may try a few steps for that."""
    steps: str
    """The same work in words: "2 times 100 steps"."""

    @property
    def key(self) -> Hashable:
        """The same for everybody who asks for the same."""
        return (self.system.name, caches.fingerprint(self.system), self.choice)


@dataclass(frozen=True, kw_only=True, eq=False)
class Done:
    """A result and what had been asked for."""

    system: str
    choice: Any
    value: Any


class Runs:
    """The runs of one page; what is running and what was last shown stays in the session."""

    def __init__(self, page: str, verb: str, icon: str = ":material/bolt:") -> None:
        self.page, self.verb, self.icon = page, verb, icon
        self._running, self._shown, self._message = f"{page}.running", f"{page}.shown", f"{page}.message"

    def controls(self, request: Request) -> DeltaGenerator:
        """The button; or, while something runs, its progress and a way to cancel it. Returns the place for `tell_cost`."""
        self._collect()
        job = caches.jobs().pending(request.key)
        if job is not None and self.running is None:  # the page was loaded again meanwhile: take up the wait
            self._wait_for(job, request)
        running = self.running
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.button(self.verb, type="primary", icon=self.icon, disabled=running is not None)
            place = st.empty()
        if pressed and running is None:
            self._start(request)
        if running is not None:
            self._progress(running)
        if message := st.session_state.pop(self._message, None):
            st.info(message, icon=":material/info:")
        return place

    def tell_cost(self, place: DeltaGenerator, request: Request) -> None:
        """Say what the run would cost. For the end of a page: what is there to see comes first."""
        if self.running is None:
            place.caption(cost(request.seconds(), request.steps), width="stretch")

    @property
    def running(self) -> Job | None:
        """What this visitor waits for on this page."""
        waiting = st.session_state.get(self._running)
        return waiting[0] if waiting else None

    def shown(self, request: Request, stored: Done | None = None) -> Done | None:
        """What to show: the result of this request where somebody has computed it; else, with a note, the last result of
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

    def _remember(self, system: str, choice: Any, value: Any) -> Done:
        done = Done(system=system, choice=choice, value=value)
        st.session_state[self._shown] = done
        return done

    def _start(self, request: Request) -> None:
        """Queue the run and wait a moment for it: a short one is done then. For any other the page starts over."""
        try:
            job = caches.jobs().submit(request.key, request.work, request.total, visitor())
        except QueueFull as error:
            st.session_state[self._message] = str(error)
            return
        self._wait_for(job, request)
        assert job.future is not None
        wait([job.future], timeout=AT_ONCE)
        if not job.finished:
            st.rerun()  # to show the button as it is now, and the progress
        self._collect()

    def _wait_for(self, job: Job, request: Request) -> None:
        job.renew(visitor())
        st.session_state[self._running] = (job, request.system.name, request.choice)

    def _collect(self) -> None:
        """Take over what a finished job has left."""
        job = self.running
        if job is None or not job.finished:
            return
        _, system, choice = st.session_state.pop(self._running)
        assert job.future is not None
        if error := job.future.exception():
            st.session_state[self._message] = f"The run ended with an error: {error}"
        elif (value := job.future.result()) is None:
            st.session_state[self._message] = "The run was cancelled; nothing has changed."
        else:
            self._remember(system, choice, value)

    def _cancel(self, job: Job) -> None:
        job.leave(visitor())
        st.session_state.pop(self._running, None)
        st.session_state[self._message] = "The run was cancelled; nothing has changed."

    @st.fragment(run_every=POLL)
    def _progress(self, job: Job) -> None:
        job.renew(visitor())
        if job.finished:
            st.rerun()
        ahead, left = caches.jobs().ahead(job), job.seconds_left
        if ahead:
            text = f"Waiting: {ahead} other {'run' if ahead == 1 else 'runs'} first"
        else:
            text = f"Step {job.done_steps} of {job.total}"
            text += f", {left:.0f} s left" if left is not None and left >= 1 else ""
        bar, stop = st.columns([5, 1], vertical_alignment="center")
        bar.progress(job.share, text=text)
        if stop.button("Cancel", icon=":material/stop:", width="stretch"):
            self._cancel(job)
            st.rerun()


def visitor() -> str:
    """This browser tab's name in the queue."""
    name: str = st.session_state.setdefault("app.visitor", uuid4().hex)
    return name


def cost(seconds: float, steps: str) -> str:
    """What a run costs, in words."""
    time = f"About {seconds:.0f} s" if seconds < 90 else f"About {seconds / 60:.0f} min"
    return f"{time if seconds >= 1 else 'Less than a second'} on this machine: {steps}."
