"""The Learn page's steps: table of contents, one lesson at a time, and the ways to the next and the one before."""

from functools import partial

import streamlit as st

from aatviz.store.systems import System
from aatviz.ui.common import takeaway
from aatviz.ui.common.url import whole
from aatviz.ui.lessons import links
from aatviz.ui.lessons.answers import Answer
from aatviz.ui.lessons.catalogue import LESSONS, step_of
from aatviz.ui.lessons.lesson import Lesson
from aatviz.ui.lessons.pictures import Picture, maps, pictures, png
from aatviz.ui.lessons.question import ask, facts

_STEP = whole("step", 1, 1, len(LESSONS))
_PLAIN_LINKS = """<style>
.st-key-lesson-toc a { background: transparent; }
.st-key-lesson-toc a:hover, .st-key-lesson-toc a:focus-visible { text-decoration: underline; }
.st-key-lesson-toc a *, .st-key-lesson-steps a * { font-weight: 400 !important; }
.st-key-lesson-toc a * { white-space: normal !important; }
.st-key-lesson-exercise a { color: inherit; border: 2px solid currentColor; padding: 0.35rem 0.8rem; }
.st-key-lesson-pictures img { image-rendering: pixelated; }
</style>"""
"""Undoes the mark that Streamlit puts on links to the open page: here, all of them lead to it."""


def chosen() -> Lesson:
    """The lesson of the step in the URL. Nothing else stores the step, so that the browser's Back and Forward just work."""
    try:
        step = _STEP.read(st.query_params.get(_STEP.name, str(_STEP.default)))
    except ValueError as error:
        st.info(f"There is no such step; possible is {error}. This is the first.", icon=":material/link:")
        step = _STEP.default
    st.query_params[_STEP.name] = str(step)  # a link within the page reaches Python, but not the address bar
    return LESSONS[step - 1]


def show(lesson: Lesson) -> None:
    """The table of contents beside the lesson."""
    st.html(_PLAIN_LINKS)
    contents, body = st.columns([1, 3], gap="large")
    with contents:
        _contents(lesson)
    with body, st.container(border=True):
        _lesson(lesson, links.system_of(lesson))
        _neighbours(lesson)


def _contents(current: Lesson) -> None:
    with st.container(key="lesson-toc", gap="xxsmall"):
        st.markdown("**Steps**")
        for step, lesson in enumerate(LESSONS, 1):
            label = f"{step}. {lesson.title}"
            if lesson is current:
                st.markdown(f":material/arrow_right: **{label}**")
            else:
                links.step_link(lesson, label)


def _lesson(lesson: Lesson, system: System | None) -> None:
    step = step_of(lesson)
    st.progress(step / len(LESSONS), text=f"Step {step} of {len(LESSONS)}")
    st.subheader(f"{step}. {lesson.title}", anchor=False)
    links.about_system(lesson)
    st.markdown(lesson.text)
    st.latex(rf"\begin{{gathered}} {lesson.equation} \end{{gathered}}")
    place = st.container(horizontal=True, key="lesson-pictures")
    found = ask(lesson, system)
    shown = pictures(lesson, facts(lesson, system), revealed=found is not None) if system else []
    shown += maps(lesson) if found is not None else []
    for caption, image in shown:
        place.image(image, caption=caption, width=140, alt=caption)
    st.markdown(f"**Now try it yourself.** {lesson.task}")
    with st.container(key="lesson-exercise"):
        links.exercise_link(lesson, f"Open the {links.PAGES[lesson.page].title} page, set up for this")
    if found is not None:
        _take_home(f"{lesson.system or lesson.page}-{lesson.name}", shown, found)


def _take_home(name: str, shown: list[Picture], found: Answer) -> None:
    """Offer the commands behind the answer, the pictures and the figures."""
    takeaway.reproduce(found.snippets)
    with st.container(horizontal=True):
        if shown:
            takeaway.download_png("The pictures (PNG)", f"{name}.png", partial(png, shown))
        takeaway.download_csv(
            "The figures (CSV)", f"{name}.csv", partial(takeaway.table, ["figure", "value"], found.figures)
        )


def _neighbours(lesson: Lesson) -> None:
    step = step_of(lesson)
    with st.container(horizontal=True, horizontal_alignment="distribute", key="lesson-steps"):
        if step > 1:
            before = LESSONS[step - 2]
            links.step_link(before, f"Before: {before.title}", ":material/arrow_back:")
        if step < len(LESSONS):
            after = LESSONS[step]
            links.step_link(after, f"Next: {after.title}", ":material/arrow_forward:")
