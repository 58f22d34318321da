"""Links that open a page with certain settings: the pages, and the address of an exercise."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from aatviz.store.systems import System
from aatviz.ui.common.url import Param, UrlState
from aatviz.ui.common.words import code
from aatviz.ui.lessons.catalogue import step_of
from aatviz.ui.lessons.lesson import OWN, Lesson
from aatviz.ui.session import caches
from aatviz.ui.session.sidebar import before_lesson, link_params

MOST_TASK = 280
"""The most letters of its task; longer texts are cut."""
LESSON_PARAMS = ("lesson", "task", "lock", "hide")
LEARN = "pages/learn.py"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A page that a lesson's link may open."""

    title: str
    """The page's title, also in the navigation."""

    @property
    def script(self) -> str:
        return f"pages/{self.path}.py"

    @property
    def path(self) -> str:
        return self.title.lower()


TITLES = ("Overview", "Attack", "Compare", "Generate", "Retouch", "Thresholds", "Detectors", "Robustness", "Playground")
PAGES = {target.path: target for target in (Target(title=title) for title in TITLES)}


def system_of(lesson: Lesson) -> System | None:
    """The system that a lesson is written for; None where it is missing or damaged, or the lesson needs none."""
    try:
        return caches.load_system(lesson.system) if lesson.system and lesson.system in caches.systems() else None
    except (FileNotFoundError, ValueError):  # the exercise's page says what is damaged
        return None


def about_system(lesson: Lesson) -> None:
    """Say which system a lesson is about, where that is not the one that the visitor has chosen."""
    if lesson.system is None:
        return
    before, present = before_lesson(), link_params()["system"]
    if lesson.system not in caches.systems():
        st.info(
            f"This lesson is written for the system `{lesson.system}`, which is not here: there is nothing to reveal, "
            "and its exercise is missing.",
            icon=":material/model_training:",
        )
    elif lesson.system != present:
        st.caption(
            f":material/info: This lesson is about the system `{lesson.system}`, not {code(present)}. Its exercise opens it."
        )
    elif before is not None:
        st.caption(
            f":material/info: This lesson is about the system `{lesson.system}`: it was opened instead of {code(before)}."
        )


def exercise_link(lesson: Lesson, label: str, icon: str = ":material/arrow_forward:") -> None:
    """Draw a link that opens the lesson's page with its settings and system; nothing where that system is not here."""
    system = lesson.system or link_params()["system"]
    if lesson.system is None or system in caches.systems():
        st.page_link(PAGES[lesson.page].script, label=label, icon=icon, query_params=lesson.link | {"system": system})


def step_link(lesson: Lesson, label: str, icon: str | None = None) -> None:
    """Draw a link to a step of the Learn page."""
    st.page_link(LEARN, label=label, icon=icon, query_params={"step": str(step_of(lesson))} | link_params())


def own_params(state: UrlState, task: str, lock: Sequence[str], hide: Sequence[str]) -> dict[str, str]:
    """The query parameters of an exercise on a page with its present settings, defaults among them, as far as a link can
    carry them."""
    texts = [(param, param.write(st.session_state.get(state.key(param.name), param.default))) for param in state.params]
    settings = {param.name: text for param, text in texts if text is not None and _reads(param, text)}
    lists = {"task": shortened(task), "lock": ",".join(lock), "hide": ",".join(hide)}
    return settings | {"lesson": OWN} | {name: text for name, text in lists.items() if text} | link_params()


def _reads(param: Param, text: str) -> bool:
    """Whether a link can carry this value: some settings have a default that means "nothing chosen"."""
    try:
        param.read(text)
    except ValueError:
        return False
    return bool(text)


def address(path: str, params: dict[str, str]) -> str:
    """The whole address of a page of this app; without a host where the app's own address is unknown."""
    here = (st.context.url or "/").partition("?")[0]
    return f"{here.rpartition('/')[0]}/{path}?{urlencode(params)}"


def shortened(task: str) -> str:
    """The task text on one line, cut to `MOST_TASK` letters."""
    return " ".join(task.split())[:MOST_TASK]
