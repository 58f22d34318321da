"""Everything that is loaded or measured once for all visitors. It is shared: frozen, in eval mode, never changed.

Arguments whose names begin with an underscore are not part of a Streamlit cache's key; all others are.
"""

import importlib
import os
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import streamlit as st
import torch
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from torch import Tensor

import aatviz
from aatviz.attacks.settings import AttackSettings
from aatviz.explore import work
from aatviz.explore.attack_path import trace_attack
from aatviz.runtime.hardware import one_thread
from aatviz.runtime.worker import Worker
from aatviz.store.card import CARD, Card
from aatviz.store.results import result_file, weights_hash
from aatviz.store.systems import System, cards_and_broken, checkpoints_folder
from aatviz.thresholds import choose as operating_points
from aatviz.thresholds.curves import RECIPE
from aatviz.ui.common.datasets import dataset_of_card
from aatviz.ui.session import visitors
from aatviz.ui.session.jobs import Jobs, Lane, Runner, Work
from aatviz.ui.session.limits import LIMITS
from aatviz.ui.session.showcase import Showcase, load_showcase
from aatviz.ui.session.slices import Slices
from aatviz.ui.session.trainings import Trainings

TIMED_STEPS = 3


@st.cache_resource(max_entries=1, show_spinner=False)
def start_up() -> int:
    """Prepare the process, once, before any page; returns torch's number of threads.

    torch gets at most 8 threads, and no more than there are cores, unless $OMP_NUM_THREADS is set.

    Pandas is loaded now. Plotly uses pandas as soon as the module exists, even while another visitor's thread is still
    loading it (scikit-learn does, for an AUC), and would then find it empty.

    Python's threads take shorter turns: a thread with many small operations, such as a forward pass for one visitor, would
    else wait 5 ms for each of them while another visitor's page is drawn.
    """
    importlib.import_module("pandas")
    visitors.folder()  # before any worker starts: they find visitors' data sets in it
    sys.setswitchinterval(0.0005)
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(os.cpu_count() or 1, 8))
    return torch.get_num_threads()


def systems() -> list[str]:
    """The names of the shipped systems."""
    return list(cards())


def cards() -> dict[str, Card]:
    """The cards of the shipped systems by name, in the order of `aatviz.systems`; read again when one has changed."""
    return _cards(_stamps())[0]


def broken() -> dict[str, str]:
    """For every folder of a system whose card cannot be read, by its name: the reason."""
    return _cards(_stamps())[1]


def _stamps() -> tuple[tuple[str, int], ...]:
    files = sorted(checkpoints_folder().glob(f"*/{CARD}"))
    return tuple((str(file), file.stat().st_mtime_ns) for file in files)


@lru_cache(maxsize=4)
def _cards(files: tuple[tuple[str, int], ...]) -> tuple[dict[str, Card], dict[str, str]]:
    return cards_and_broken()


def load_system(name: str) -> System:
    """The system of that name, a shipped one or a visitor's, loaded once."""
    if name not in cards() and (own := own_folder(name)) is not None:
        return _load_own(str(own), (own / CARD).stat().st_mtime_ns)
    return _load_system(name, str(checkpoints_folder()))


def own_folder(name: str) -> Path | None:
    """The checkpoint folder of a visitor's finished system of that name, which is used now; None where there is none."""
    training = trainings().look(name)
    return training.order.folder if training is not None and training.state == "done" else None


@st.cache_resource(max_entries=8, show_spinner="Loading the networks …")
def _load_own(folder: str, changed: int) -> System:
    return aatviz.load_system(folder)


@st.cache_resource(max_entries=4, show_spinner="Loading the networks …")
def _load_system(name: str, checkpoints: str) -> System:
    return aatviz.load_system(name)


@st.cache_resource(max_entries=4, show_spinner=False)
def sample(dataset: str) -> tuple[Tensor, Tensor]:
    """The bundled images (N,C,H,W) in [0,1] and their classes (N,). DataNotFound where they are not on this machine."""
    return aatviz.load_data(dataset, split="sample")


def fingerprint(system: System) -> str:
    """The hash of the system's weights."""
    return _fingerprint(system, str(system.folder))


@st.cache_data(max_entries=8, show_spinner=False)
def _fingerprint(_system: System, folder: str) -> str:
    return weights_hash(_system)


def default_threshold(system: System) -> float:
    """The T that pages start with; computed again when the system's curves change."""
    file = result_file(system, RECIPE, "json")
    return _default_threshold(system, str(file), file.stat().st_mtime_ns if file.exists() else 0)


@st.cache_data(max_entries=8, show_spinner=False)
def _default_threshold(_system: System, file: str, changed: int) -> float:
    return operating_points.default_threshold(_system)


def showcase(system: System) -> Showcase | None:
    """The stored run of the system, or None; read again when its file changes."""
    file = system.folder / "results" / "showcase.npz"
    return _showcase(system, str(file), file.stat().st_mtime_ns) if file.exists() else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _showcase(_system: System, file: str, changed: int) -> Showcase | None:
    return load_showcase(_system)


@st.cache_resource(max_entries=1, show_spinner=False)
def jobs() -> Jobs:
    """The workers of this server and their queues."""
    first = None
    if names := systems():
        with suppress(FileNotFoundError, ValueError):  # a damaged system: its own pages say so, others still need workers
            system = load_system(names[0])
            first = Work(function=work.ready, context=work.Weights(system.folder, fingerprint(system)), argument=None)
    return Jobs(workers(), LIMITS, is_connected, first)


@st.cache_resource(max_entries=1, show_spinner=False)
def trainings() -> Trainings:
    """The trainings of this server, and what its visitors have uploaded."""
    return Trainings(trainer(), LIMITS)


def trainer() -> Runner:
    """The worker process that trains. Its priority is the lowest of all: everything else comes first."""
    return Worker(nice=15)


def workers() -> dict[Lane, list[Runner]]:
    """The worker processes of both lanes. The one for long runs has a low priority: short runs and pages come first."""
    return {"short": [Worker() for _ in range(LIMITS.workers)], "long": [Worker(nice=10)]}


@st.cache_resource(max_entries=1, show_spinner=False)
def slices() -> Slices:
    """The processes for short pieces of work, such as the updates of the Playground."""
    return Slices(slice_workers())


def slice_workers() -> list[Runner]:
    """Their processes, which start when they are first asked. Pages and short runs come first."""
    return [Worker(nice=10) for _ in range(min(LIMITS.workers, 4))]


def session_id() -> str:
    """This browser tab's name."""
    context = get_script_run_ctx()
    return context.session_id if context else "no browser"


def is_connected(session: str) -> bool:
    """Whether the browser tab of that name is connected: it may be hidden, but is neither closed nor offline."""
    return not runtime.exists() or bool(runtime.get_instance().is_active_session(session))


def estimate_seconds(system: System, attacks: list[AttackSettings]) -> float:
    """The estimated seconds of these attacks: the time of one step, measured on a few, times the number of steps."""
    return sum(_seconds_per_step(system, str(system.folder), a.victim, a.loss) * (a.steps + 1) * a.restarts for a in attacks)


@st.cache_data(max_entries=64, show_spinner=False)
def _seconds_per_step(_system: System, folder: str, victim: str, loss: str) -> float:
    settings = AttackSettings(
        victim=victim,  # type: ignore[arg-type]
        loss=loss,  # type: ignore[arg-type]
        target=0 if loss == "target_logit" else None,
        detector=_system.card.bank[0] if victim == "detector" else None,
        steps=TIMED_STEPS,
    )
    image = torch.full((1, *dataset_of_card(_system.card).shape), 0.5)
    with one_thread():
        trace_attack(_system, settings, image, 0)  # the first run also warms up
        started = time.perf_counter()
        trace_attack(_system, settings, image, 0)
        return (time.perf_counter() - started) / (TIMED_STEPS + 1)
