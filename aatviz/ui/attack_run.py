"""Running an attack from the page: its cost before, its progress meanwhile, one at a time, and what to show after."""

from collections.abc import Hashable
from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from aatviz.store.systems import System
from aatviz.trace import Trace
from aatviz.ui import caches
from aatviz.ui.attack_controls import Choice
from aatviz.ui.jobs import Job, QueueFull
from aatviz.ui.showcase import INDEX, SETTINGS

POLL = 0.3
"""Seconds between two looks at a running attack."""
_RUNNING, _SHOWN, _MESSAGE = "attack.running", "attack.shown", "attack.message"
_STORED = Choice(index=INDEX, settings=SETTINGS, compare=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A result and what had been asked for."""

    system: str
    choice: Choice
    traces: list[Trace]


def controls(system: System, choice: Choice, x: Tensor, y: Tensor) -> None:
    """The button with the estimate of the cost; or, while an attack runs, its progress and a way to cancel it."""
    _collect()
    running = st.session_state.get(_RUNNING)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Attack", type="primary", icon=":material/bolt:", disabled=running is not None)
        if running is None:
            st.caption(cost(caches.estimate_seconds(system, choice.attacks), choice), width="stretch")
    if pressed and running is None:
        _start(system, choice, x, y)
        st.rerun()
    if running is not None:
        _progress(running[0])
    if message := st.session_state.pop(_MESSAGE, None):
        st.info(message, icon=":material/info:")


def cost(seconds: float, choice: Choice) -> str:
    """What a run costs, in words."""
    runs = len(choice.attacks) * choice.settings.restarts
    work = f"{runs} times {choice.settings.steps} steps" if runs > 1 else f"{choice.settings.steps} steps"
    time = f"About {seconds:.0f} s" if seconds < 90 else f"About {seconds / 60:.0f} min"
    return f"{time if seconds >= 1 else 'Less than a second'} on this machine: {work}."


def shown(system: System, choice: Choice) -> Shown | None:
    """What to show: the result of this choice where somebody has computed it, else the last result with a note."""
    if traces := caches.jobs().known(_key(system, choice)):
        st.session_state[_SHOWN] = Shown(system=system.name, choice=choice, traces=traces)
        return st.session_state[_SHOWN]
    stored = caches.showcase(system)
    if stored and choice == _STORED:
        return Shown(system=system.name, choice=choice, traces=stored.traces)
    to_do = "" if _RUNNING in st.session_state else " Press **Attack** to run yours."
    last = st.session_state.get(_SHOWN)
    if last is not None and last.system == system.name:
        st.caption(f":material/history: Below is the last result, of other settings.{to_do}")
        return last
    if stored:
        st.caption(f":material/inventory_2: Below is a stored run of the default settings.{to_do}")
        return Shown(system=system.name, choice=_STORED, traces=stored.traces)
    return None


def _start(system: System, choice: Choice, x: Tensor, y: Tensor) -> None:
    image = slice(choice.index, choice.index + 1)
    try:
        job = caches.jobs().submit(_key(system, choice), system, choice.attacks, x[image], int(y[choice.index]))
    except QueueFull as error:
        st.session_state[_MESSAGE] = str(error)
    else:
        st.session_state[_RUNNING] = (job, system.name, choice)


def _collect() -> None:
    """Take over what a finished attack has left."""
    if _RUNNING not in st.session_state or not st.session_state[_RUNNING][0].finished:
        return
    job, name, choice = st.session_state.pop(_RUNNING)
    if error := job.future.exception():
        st.session_state[_MESSAGE] = f"The attack ended with an error: {error}"
    elif (traces := job.future.result()) is None:
        st.session_state[_MESSAGE] = "The attack was cancelled; nothing has changed."
    else:
        st.session_state[_SHOWN] = Shown(system=name, choice=choice, traces=traces)


@st.fragment(run_every=POLL)
def _progress(job: Job) -> None:
    job.renew()
    if job.finished:
        st.rerun()
    ahead, left = caches.jobs().ahead(job), job.seconds_left
    if job.cancelled.is_set():
        text = "Cancelling …"
    elif ahead:
        text = f"Waiting: {ahead} other {'attack' if ahead == 1 else 'attacks'} first"
    else:
        text = f"Step {job.done_steps} of {job.total}" + (f", {left:.0f} s left" if left is not None and left >= 1 else "")
    bar, stop = st.columns([5, 1], vertical_alignment="center")
    bar.progress(job.share, text=text)
    stop.button("Cancel", icon=":material/stop:", on_click=job.cancel, width="stretch")


def _key(system: System, choice: Choice) -> Hashable:
    return (system.name, caches.fingerprint(system), choice.index, tuple(choice.attacks))
