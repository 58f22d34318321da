"""The Train page: what to train on, one button, and the training that is in the address."""

import streamlit as st

from aatviz.data import DataNotFound
from aatviz.explore import detector_records
from aatviz.recipes.budget import write
from aatviz.report.watched import MEASURING, Order
from aatviz.ui.common import pgd_fields
from aatviz.ui.common.classes import size
from aatviz.ui.common.plots import config
from aatviz.ui.common.url import pressed
from aatviz.ui.common.words import code, literal, message
from aatviz.ui.session import caches, visitors
from aatviz.ui.session.jobs import QueueFull, in_words
from aatviz.ui.session.limits import LIMITS
from aatviz.ui.session.runs import visitor
from aatviz.ui.session.sidebar import current_system
from aatviz.ui.train import figures, options, progress, upload
from aatviz.ui.train.options import state

NAME, PROBLEM = "train.name", "train.start-problem"
EACH = 6
"""Pictures of each class."""


def page() -> None:
    """Draw the page."""
    upload.collect()
    for note in state.read():
        st.caption(f":material/info: {note}")
    _one_of_the_address()
    _controls()
    training = caches.trainings().look(st.session_state.get(NAME, ""))
    if training is not None:
        progress.show(training)
    else:
        _before()
    upload.system()
    state.write()
    if training is not None and st.query_params.get("training") != training.name:
        st.query_params["training"] = training.name


def _one_of_the_address() -> None:
    """Find the training of the address again, after a reload or in a second tab."""
    given = st.query_params.get("training")
    if given is None or given == st.session_state.get(NAME):
        return
    if caches.trainings().look(given) is not None:
        st.session_state[NAME] = given
    else:
        st.query_params.pop("training")
        st.info(
            "The training of this link is gone: what nobody has used for "
            f"{LIMITS.training_hours:g} hours is removed, and all of it when the server starts anew.",
            icon=":material/history:",
        )


def _controls() -> None:
    if not LIMITS.training:
        st.info(
            "Training is switched off on this server. Whoever runs it turns it on with the environment variable "
            "`AATVIZ_TRAINING=1`. On a machine of your own: `aatviz train budget:minutes=5 --dataset mnist-sample`.",
            icon=":material/lock:",
        )
        return
    left, right = st.columns(2, gap="large")
    with left:
        sets = options.data_sets()
        st.selectbox("Train on", sets, format_func=options.title, **state.widget("data"))
        known = options.known()
        st.multiselect(
            "Classes", range(len(known.classes)), format_func=known.classes.__getitem__, **state.widget("classes")
        )
        upload.archive()
    with right:
        st.selectbox("Networks", list(options.SIZES), format_func=options.SIZES.__getitem__, **state.widget("size"))
        norm, eps, minutes = st.columns(3)
        norm.selectbox("Norm", list(options.NORMS), format_func=lambda one: one.replace("inf", "∞"), **state.widget("norm"))
        pgd_fields.radius(eps, state)
        minutes.number_input(
            "Minutes",
            0.05,
            LIMITS.training_minutes,
            step=0.5,
            help="Of one core of this machine.",
            **state.widget("minutes"),
        )
        _button()
    _chosen_pictures()


def _button() -> None:
    mine = caches.trainings().unfinished(visitor())
    try:
        chosen = options.chosen()
        options.budget()
        why = ""
    except ValueError as error:
        chosen, why = None, str(error)
    st.button(
        "Train",
        type="primary",
        icon=":material/model_training:",
        disabled=chosen is None or mine is not None,
        on_click=_start,
    )
    if why:
        st.caption(f":material/info: {message(why)}")
    elif mine is not None:
        st.caption("One training at a time: yours is under way, below.")
    elif chosen is not None:
        st.caption(
            f"{len(chosen.classes)} classes of {size(chosen.shape)}, {chosen.splits['train'].count:,} training images. A "
            f"natural classifier, a robust one, {len(chosen.classes)} detectors and a judge, in about "
            f"{in_words(60 * state['minutes'] * (1 + MEASURING))}{_queue()}. You may close the page meanwhile: the training "
            f"goes on for {LIMITS.training_away:g} minutes without you, and its address finds it again."
        )
    if problem := st.session_state.pop(PROBLEM, None):
        st.warning(problem, icon=":material/info:")


def _queue() -> str:
    waiting = caches.trainings().waiting
    return f", after {waiting} of others" if waiting else ""


def _start() -> None:
    pressed()
    try:
        of, settings = options.chosen(), options.budget()
        name = visitors.new_name(of.name)
        order = Order(write(options.with_name(settings, name)), of.name, visitors.systems() / name, visitors.notes(name))
        caches.trainings().submit(order, visitor(), 60 * settings.minutes * (1 + MEASURING))
    except (QueueFull, ValueError) as error:
        st.session_state[PROBLEM] = str(error)
        return
    st.session_state[NAME] = name
    st.query_params["training"] = name


def _chosen_pictures() -> None:
    """A few pictures of every chosen class, so that it is plain what is trained on."""
    try:
        few = options.few_pictures(options.chosen().name, EACH)
    except (ValueError, DataNotFound, OSError) as error:
        st.caption(f":material/hide_image: {message(str(error))}")
        return
    with st.expander("Some of the training images", icon=":material/photo_library:", expanded=True):
        st.html(figures.strip(few))


def _before() -> None:
    """Before anything is trained here: how the chosen system's detectors were."""
    system = current_system()
    try:
        parts = detector_records.training(system, system.card.bank[0])
    except (FileNotFoundError, ValueError):
        parts = []
    if not parts:
        return
    st.subheader(f"What to expect: the training of {code(system.name)}")
    st.plotly_chart(
        figures.curves({"shared": parts[-1].rows}, ("shared",), "AUC"), key="train.example", config=config("training")
    )
    st.caption(
        f"{literal(parts[-1].job)}: the AUC of natural in-class against out-of-class images, natural and attacked, on "
        "validation images. Yours appears here as it grows."
    )
