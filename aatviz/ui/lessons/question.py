"""Predict first, then reveal: a lesson's question, the visitor's guess, and the answer from stored results."""

import streamlit as st

from aatviz.explore.attack_path import Trace
from aatviz.explore.generation.run import RUBBISH
from aatviz.store.results import result_file
from aatviz.store.systems import System
from aatviz.ui.lessons import plane_answers
from aatviz.ui.lessons.answers import Answer, Facts, answer
from aatviz.ui.lessons.lesson import Lesson
from aatviz.ui.lessons.showcase import Stored, load_lessons
from aatviz.ui.session import stored


def ask(lesson: Lesson, system: System | None) -> Answer | None:
    """Draw the question and, once the visitor has guessed and revealed it, the answer; returns the shown answer, or None.

    Guess and reveal are kept for the session, the same on the Learn page and in the banner of the lesson's page.
    """
    guess_key, reveal_key = f"lesson.{lesson.name}.guess", f"lesson.{lesson.name}.revealed"
    revealed = st.session_state.get(reveal_key, False)
    st.markdown(f"**Predict first.** {lesson.question}")
    guess = st.radio(
        lesson.question,
        range(len(lesson.options)),
        index=None,
        format_func=lesson.options.__getitem__,
        key=guess_key,
        disabled=revealed,
        label_visibility="collapsed",
        persist_state="session",
    )
    if guess is None or not revealed:
        st.button(
            "Reveal",
            key=f"{reveal_key}-button",
            icon=":material/lock_open:",
            disabled=guess is None,
            help="Make a guess first." if guess is None else None,
            on_click=_set,
            args=(reveal_key, True),
        )
        return None
    found = answered(lesson, system)
    _show(lesson, guess, found)
    st.button(
        "Guess again", key=f"{reveal_key}-again", icon=":material/undo:", on_click=_again, args=(guess_key, reveal_key)
    )
    return found


def answered(lesson: Lesson, system: System | None) -> Answer | None:
    """The answer to a lesson's question, from what is stored; None where that is not here."""
    if lesson.plane is not None:
        return plane_answers.answer(lesson)
    return answer(lesson, facts(lesson, system)) if system else None


def facts(lesson: Lesson, system: System) -> Facts:
    """The stored results of a system for this lesson."""
    try:
        record = stored.threshold_record(system)
    except (FileNotFoundError, ValueError):
        record = None
    try:
        generated = stored.generated(system, RUBBISH)
    except FileNotFoundError:  # a system that cannot generate
        generated = None
    compared = stored.comparison(system)
    return Facts(
        system=system,
        traces=traces(lesson, system),
        record=record,
        comparison=compared.value.comparison if compared else None,
        generated=generated.value if generated and generated.choice == RUBBISH else None,
    )


def traces(lesson: Lesson, system: System) -> list[Trace]:
    """The stored results of the lesson's attacks; empty where there are none."""
    file = result_file(system, "lessons", "npz")
    kept = _stored(system, str(file), file.stat().st_mtime_ns) if file.exists() else {}
    return kept.get(lesson.name, [])


@st.cache_resource(max_entries=4, show_spinner=False)
def _stored(_system: System, file: str, changed: int) -> Stored:
    return load_lessons(_system)


def _show(lesson: Lesson, guess: int, found: Answer | None) -> None:
    if found is None:
        st.info(
            "Nobody has measured this for the lesson's system yet: there is no answer to reveal. Do the exercise.",
            icon=":material/hourglass_empty:",
        )
    elif guess == found.option:
        st.success(f"**Your prediction fits.** {found.why}", icon=":material/check_circle:")
    else:
        st.warning(f"**It turns out differently:** {lesson.options[found.option]} {found.why}", icon=":material/lightbulb:")


def _set(key: str, value: bool) -> None:
    st.session_state[key] = value


def _again(guess_key: str, reveal_key: str) -> None:
    st.session_state[guess_key] = None
    st.session_state[reveal_key] = False
