"""A visitor's own pictures, as an archive of folders; and a trained system that is brought back."""

import secrets
import shutil
from pathlib import Path

import streamlit as st

from aatviz.data import uploaded
from aatviz.report.watched import Order
from aatviz.store.packed import unpack
from aatviz.store.systems import load_system
from aatviz.ui.common.url import pressed
from aatviz.ui.common.words import message
from aatviz.ui.session import caches, own_systems, sidebar, visitors
from aatviz.ui.session.jobs import Job, QueueFull, Work
from aatviz.ui.session.limits import LIMITS
from aatviz.ui.session.runs import visitor
from aatviz.ui.train import options

ARCHIVE, SYSTEM, SIDE = "train.archive", "train.system", "train.side"
_RUNNING, _SAID, _PROBLEM = "train.import", "train.import-said", "train.import-problem"
_BROUGHT, _CHOSEN = "train.brought", "train.chosen"
SIDES = (16, 24, 32, 48, 64)
SECONDS_PER_MB = 3.0
POLL = 0.5


def archive() -> None:
    """Draw the upload of an archive, and what came of it."""
    with st.expander("Your own pictures", icon=":material/upload_file:"):
        st.markdown(
            "An archive with **one folder of pictures for each class**: `cats/`, `dogs/`, … At least three different "
            "pictures a class; a hundred are a good start. They are scaled to small squares, and a part of them is kept "
            "apart for tests."
        )
        st.selectbox("Scaled to", SIDES, index=2, format_func=lambda side: f"{side} x {side} pixels", key=SIDE)
        st.file_uploader(
            "An archive of folders",
            type=["zip", "tar", "gz", "tgz"],
            key=ARCHIVE,
            max_upload_size=LIMITS.training_mb,
            on_change=_send,
            help=f"A .zip, .tar or .tar.gz, at most {LIMITS.training_mb} MB and {uploaded.IMAGES:,} pictures.",
        )
        if job := st.session_state.get(_RUNNING):
            st.fragment(_wait, run_every=POLL)(job[0])
        if problem := st.session_state.get(_PROBLEM):
            st.warning(message(problem), icon=":material/folder_off:")
        for note in st.session_state.get(_SAID, ()):
            st.caption(f":material/check: {message(note)}")
        st.caption(
            f"The pictures stay on this server for {LIMITS.training_hours:g} hours after they were last used; nobody else "
            "is shown them. Upload nothing that others may not see."
        )


def _send() -> None:
    """Put the archive beside the visitors' data, and let a worker import it."""
    pressed()
    file = st.session_state[ARCHIVE]
    for key in (_SAID, _PROBLEM):
        st.session_state.pop(key, None)
    if file is None:
        return
    place = visitors.folder() / "sent" / secrets.token_hex(8)
    place.mkdir(parents=True)
    (place / "archive").write_bytes(file.getvalue())
    side = st.session_state[SIDE]
    asked = uploaded.Upload(place / "archive", file.name[:60], (side, side), visitors.data())
    work = Work(function=uploaded.receive, context=None, argument=asked)
    seconds = LIMITS.short_seconds + SECONDS_PER_MB * file.size / 1e6
    try:
        st.session_state[_RUNNING] = (caches.jobs().submit(place.name, work, 1, seconds, visitor()), place)
    except QueueFull as error:
        st.session_state[_PROBLEM] = str(error)
        shutil.rmtree(place, ignore_errors=True)


def _wait(job: Job) -> None:
    if job.finished.is_set():
        st.rerun()
    ahead = caches.jobs().ahead(job)
    st.caption(f":material/hourglass: {'Reading the pictures …' if not ahead else f'Waiting: {ahead} other runs first.'}")


def collect() -> None:
    """Take over what came of an import that has ended; call it before the settings are read."""
    waiting: tuple[Job, Path] | None = st.session_state.get(_RUNNING)
    if waiting is None or not waiting[0].finished.is_set():
        return
    del st.session_state[_RUNNING]
    job, place = waiting
    shutil.rmtree(place, ignore_errors=True)
    if job.outcome is None or job.outcome.error is not None:
        st.session_state[_PROBLEM] = job.outcome.error if job.outcome else "The upload was given up."
        return
    got: uploaded.Received = job.outcome.value
    caches.trainings().keep_set(visitors.data() / got.name)
    options.add(got.name)
    st.session_state[_SAID] = got.notes
    st.session_state[options.state.key("data")] = got.name
    st.session_state[options.state.key("classes")] = list(range(len(options.known().classes)))


def system() -> None:
    """Draw the upload of a trained system, and what came of it."""
    with st.expander("Bring a trained system back", icon=":material/unarchive:"):
        st.markdown(
            "A zip that this page has given you. Its card, its weights and their hashes are checked; then the system is on "
            "all pages again, with the same numbers."
        )
        st.file_uploader("A system as a zip", type=["zip"], key=SYSTEM, max_upload_size=LIMITS.training_mb, on_change=_bring)
        found = st.session_state.get(_BROUGHT)
        if found and found[0]:
            st.success(f"It is here: `{found[0]}`, in the sidebar under System.", icon=":material/check:")
        elif found:
            st.warning(f"This is not taken. {message(found[1])}", icon=":material/folder_off:")


def _bring() -> None:
    pressed()
    st.session_state.pop(_BROUGHT, None)
    file = st.session_state[SYSTEM]
    if file is None:
        return
    place = visitors.folder() / "sent" / secrets.token_hex(8)
    place.mkdir(parents=True)
    try:
        (place / "system.zip").write_bytes(file.getvalue())
        folder, data = unpack(place / "system.zip", visitors.systems(), visitors.data(), visitors.new_name)
    except (ValueError, OSError) as error:
        st.session_state[_BROUGHT] = (None, str(error))
        return
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if data is not None:
        caches.trainings().keep_set(visitors.data() / data)
        options.add(data)
    loaded = load_system(folder)
    order = Order(str(loaded.card.recipe.get("name", "")), loaded.card.dataset, folder, visitors.notes(folder.name))
    caches.trainings().adopt(order, visitor())
    st.session_state[_BROUGHT] = (folder.name, "")
    own_system(folder.name)


def own_system(name: str) -> None:
    """Choose a visitor's system for all pages."""
    if own_systems.remember(name):
        sidebar.choose(name)


def own_system_once(name: str) -> None:
    """Choose the system that was just trained, once: later the visitor may choose another."""
    if st.session_state.get(_CHOSEN) != name:
        st.session_state[_CHOSEN] = name
        own_system(name)
        st.rerun()
