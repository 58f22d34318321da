"""The banner on a page that a lesson's link has opened: the task, the question, and links back to the lesson and out of
it."""

import re

import streamlit as st

from aatviz.ui.lessons import links
from aatviz.ui.lessons.catalogue import BY_NAME, LESSONS, step_of
from aatviz.ui.lessons.lesson import OWN, Lesson
from aatviz.ui.lessons.question import ask
from aatviz.ui.session.sidebar import link_params


def system_of_lesson(title: str) -> str | None:
    """The system that the URL's lesson is written for, on the page of this title; None where there is no lesson."""
    lesson = BY_NAME.get(st.query_params.get("lesson", "")) if title != "Learn" else None
    return lesson.system if lesson else None


def show(title: str) -> None:
    """Draw the banner of the lesson that the URL names, on the page of this title; nothing where it names none."""
    name = st.query_params.get("lesson")
    if name is None or title == "Learn":
        return
    with st.container(border=True, key="lesson-banner"):
        if name == OWN:
            _own()
        elif name in BY_NAME:
            _built_in(BY_NAME[name], title)
        else:
            _unknown(name)


def _own() -> None:
    st.markdown(":material/school: **Exercise**")
    task = links.shortened(st.query_params.get("task", ""))
    if task:
        st.text(task)  # somebody else's words: never as Markdown or HTML
    with st.container(horizontal=True, vertical_alignment="center"):
        _leave("Leave the exercise (unlock everything)")
        st.page_link(links.LEARN, label="To the lessons", icon=":material/school:", query_params=link_params())


def _built_in(lesson: Lesson, title: str) -> None:
    step = step_of(lesson)
    st.markdown(f":material/school: **Lesson {step} of {len(LESSONS)}: {lesson.title}**")
    links.about_system(lesson)
    if title == links.PAGES[lesson.page].title:
        st.markdown(lesson.task)
        _question(lesson)
    else:
        st.caption(f"The exercise of this lesson is on the {links.PAGES[lesson.page].title} page.")
        links.exercise_link(lesson, "Go to the exercise")
    with st.container(horizontal=True, vertical_alignment="center"):
        links.step_link(lesson, "Back to the lesson", ":material/arrow_back:")
        if step < len(LESSONS):
            links.step_link(LESSONS[step], f"Next: {LESSONS[step].title}", ":material/arrow_forward:")
        _leave("Leave the lesson (unlock everything)")


@st.fragment
def _question(lesson: Lesson) -> None:
    """The question as a fragment, so that a guess does not run the page below again."""
    ask(lesson, links.system_of(lesson))


def _unknown(name: str) -> None:
    """Say that there is no such lesson; the page works as usual, with nothing locked or hidden."""
    for param in ("lock", "hide", "task"):
        st.query_params.pop(param, None)
    said = re.sub(r"[^\w-]", " ", name)[:40].strip()
    st.text(
        f"There is no lesson named {said!r}: perhaps the link was cut off on its way. The page works as usual; "
        "all lessons are on the Learn page."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(links.LEARN, label="To the lessons", icon=":material/school:", query_params=link_params())
        _leave("Close this note")


def _leave(label: str) -> None:
    st.button(label, key="lesson-leave", icon=":material/logout:", type="tertiary", on_click=_forget)


def _forget() -> None:
    for param in links.LESSON_PARAMS:
        st.query_params.pop(param, None)
