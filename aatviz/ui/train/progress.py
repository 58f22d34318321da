"""A training on the page: its place, progress and time left, curves and pictures as they grow, and what came of it."""

from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from aatviz.data import dataset
from aatviz.data.parts import whole_of
from aatviz.explore.training_pictures import Pictures
from aatviz.recipes.budget import read
from aatviz.report.watched import PICTURES, Notes
from aatviz.runtime.files import read_arrays
from aatviz.runtime.notebook import Snippet
from aatviz.runtime.printed import command
from aatviz.store.packed import pack
from aatviz.ui.common import takeaway
from aatviz.ui.common.plots import config
from aatviz.ui.common.url import pressed
from aatviz.ui.common.words import code, message
from aatviz.ui.session import caches, visitors
from aatviz.ui.session.jobs import QueueFull, in_words
from aatviz.ui.session.limits import LIMITS
from aatviz.ui.session.runs import visitor
from aatviz.ui.session.trainings import UNFINISHED, Training
from aatviz.ui.train import figures, upload

STAGES = {
    "timing": "timing a few steps",
    "classifier": "the natural classifier",
    "robust": "the robust classifier",
    "shared": "the detectors",
    "judge": "the judge of generated images",
    "measuring": "measuring the finished system",
    "done": "done",
}
POLL = 1.0
"""Seconds between two looks."""
PAGES = ("attack", "compare", "generate", "thresholds", "detectors")
PROBLEM = "train.problem"


def show(training: Training) -> None:
    """Draw the training, as far as it is."""
    st.subheader(f"Your training {code(training.name)}")
    if training.state in UNFINISHED:
        st.fragment(_under_way, run_every=POLL)(training.name)
        return
    if training.state == "done":
        _done(training)
    else:
        _ended(training)
    _growing(training)


def _under_way(name: str) -> None:
    training = caches.trainings().look(name)
    if training is None or training.state not in UNFINISHED:
        st.rerun()
    bar, stop = st.columns([5, 1], vertical_alignment="center")
    share, words = standing(training)
    bar.progress(share, text=words)
    stop.button("Cancel", icon=":material/stop:", width="stretch", on_click=_cancel, args=(name,))
    _growing(training)


def standing(training: Training) -> tuple[float, str]:
    """The share that is done, in [0,1], and where the training stands in words."""
    trainings = caches.trainings()
    ahead, left = trainings.ahead(training), in_words(trainings.seconds_left(training))
    if training.state == "waiting" and ahead:
        return 0.0, f"Waiting: {ahead} other {'training' if ahead == 1 else 'trainings'} first, about {left} in all"
    notes = notes_of(training)
    if notes is None:
        return 0.0, f"It begins: about {left}"
    steps = notes.steps.get(notes.stage)
    at = f", step {steps:,} of {read(notes.recipe).steps:,}" if steps else ""
    return notes.share, f"Now {STAGES[notes.stage]}{at}: about {left} left"


def notes_of(training: Training) -> Notes | None:
    """The training's notes; None where there are none, as of a system that was uploaded."""
    try:
        return training.notes
    except (OSError, ValueError):
        return None


def _growing(training: Training) -> None:
    notes = notes_of(training)
    if notes is None or not notes.rows:
        if training.state in UNFINISHED:
            st.caption("The curves and pictures begin with the first evaluation. You can leave this page meanwhile.")
        return
    left, right = st.columns(2)
    left.plotly_chart(
        figures.curves(notes.rows, ("classifier", "robust"), "accuracy"), key="train.accuracy", config=config("accuracy")
    )
    right.plotly_chart(figures.curves(notes.rows, ("shared",), "AUC"), key="train.auc", config=config("auc"))
    takeaway.explain(
        "Scores on validation images after every evaluation. *Adversarial*: the images are attacked first, by more steps "
        "than in training. A classifier's score is its accuracy, the detectors' the mean AUC of natural in-class against "
        "attacked out-of-class images.",
        "the gap between natural and adversarial. It is often wide for the natural classifier, which was never attacked, "
        "and narrow for the other two.",
    )
    found = pictures(training.order.notes)
    if not found:
        return
    classes = dataset(training.order.dataset).classes
    left, right = st.columns(2)
    left.markdown("**What the detectors make of noise**")
    left.html(figures.climbed(found, classes))
    right.markdown("**The hardest negatives, attacked**")
    right.html(figures.hardest(found, classes))
    st.caption(
        "A row for each evaluation, the logit under each picture. Left: the same noise, pushed up each detector's logit. "
        "Right: of some images of other classes, the one that comes highest after the attack."
    )


def pictures(notes: Path) -> list[Pictures]:
    """The pictures of every evaluation so far, in their order."""
    found = []
    for file in sorted((notes / PICTURES).glob("*.npz")):
        try:
            found.append(Pictures.from_arrays(read_arrays(file)))
        except (OSError, ValueError, KeyError):  # just removed
            continue
    return found


def _done(training: Training) -> None:
    upload.own_system_once(training.name)
    st.success(
        f"It is trained, and is now the system of all pages. It stays for {LIMITS.training_hours:g} hours after it was last "
        "used; download it to keep it.",
        icon=":material/check:",
    )
    given = urlencode({"system": training.name})
    links = " · ".join(f'<a href="{page}?{given}" target="_self">{page.title()}</a>' for page in PAGES)
    st.html(f"<p>Use it: {links}</p>")
    own = visitors.data() / whole_of(training.order.dataset)
    st.download_button(
        "Download the system",
        lambda: pack(training.order.folder, own),
        f"{training.name}.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
    )
    if (notes := notes_of(training)) is not None:
        for sentence in notes.said:
            st.caption(f":material/info: {message(sentence)}")
        takeaway.reproduce(snippets(training, notes))


def snippets(training: Training, notes: Notes) -> list[Snippet]:
    """The commands that train the same networks."""
    name, shape = whole_of(training.order.dataset), dataset(training.order.dataset).shape
    mine = (visitors.data() / name).is_dir()
    size = f"{shape[1]}x{shape[2]}"
    first = f"{command('data', 'import', 'photos.zip', name=name, size=size)}\n" if mine else ""
    train = command("train", notes.recipe, dataset=training.order.dataset, workers=1, out=f"checkpoints/{training.name}")
    early = any(steps < read(notes.recipe).steps for steps in notes.steps.values())
    words = "The command line trains the same networks, " + (
        "and those that ended early here for longer." if early else "bit for bit on a machine of the same kind."
    )
    return [(words, first + train, "")]


def _ended(training: Training) -> None:
    words = "It failed. " if training.state == "failed" else "It has ended. "
    st.info(f"{words}{message(training.why)} What it has done is kept.", icon=":material/pause:")
    if problem := st.session_state.pop(PROBLEM, None):
        st.warning(problem, icon=":material/info:")
    st.button("Go on", icon=":material/play_arrow:", type="primary", on_click=_go_on, args=(training.name,))


def _cancel(name: str) -> None:
    pressed()
    caches.trainings().cancel(name)


def _go_on(name: str) -> None:
    pressed()
    try:
        caches.trainings().go_on(name, visitor())
    except QueueFull as error:
        st.session_state[PROBLEM] = str(error)
