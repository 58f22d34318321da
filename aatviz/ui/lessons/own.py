"""For teachers: make a link of your own, with settings that are locked or hidden, and a task."""

from collections.abc import Callable, Mapping

import streamlit as st

from aatviz.store.systems import System
from aatviz.ui.common.url import UrlState
from aatviz.ui.common.words import message
from aatviz.ui.lessons import links
from aatviz.ui.lessons.plane import EXERCISE
from aatviz.ui.session.sidebar import current_system, link_params


def panel(states: Mapping[str, Callable[[System], UrlState]]) -> None:
    """Let a teacher choose a page, the settings to lock and to hide, and a task; show the link to copy. `states` gives each
    page's settings."""
    with st.expander("For teachers: make a link of your own", icon=":material/link:"):
        st.markdown(
            "First set the page up as you want it, then come back here: the link takes the settings that **you left there**."
            " A *locked* control can be seen, but not moved. A *hidden* one is out of sight."
        )
        st.page_link(
            links.PAGES["playground"].script,
            label="An example: how few negatives from anywhere are enough?",
            icon=":material/arrow_forward:",
            query_params=EXERCISE | link_params(),
        )
        path = st.selectbox(
            "Page", list(links.PAGES), index=1, format_func=lambda name: links.PAGES[name].title, key="lesson-own-page"
        )
        try:
            state = states[path](current_system())
            names = [param.name for param in state.params]
        except (FileNotFoundError, ValueError) as error:
            st.info(message(str(error)), icon=":material/query_stats:")
            return
        left, right = st.columns(2)
        lock = left.multiselect("Lock these settings", names, key=f"lesson-own-lock-{path}")
        hide = right.multiselect("Hide these settings", names, key=f"lesson-own-hide-{path}")
        task = st.text_area(
            f"Task, at most {links.MOST_TASK} letters",
            max_chars=links.MOST_TASK,
            placeholder="Find the smallest ε that turns the 4 into a 9.",
            help="Shown above the page, as plain text.",
            key="lesson-own-task",
        )
        params = links.own_params(state, task, lock, hide)
        st.markdown("The link, with a button to copy it at its right end:")
        st.code(links.address(path, params), language=None, wrap_lines=True)
        st.page_link(links.PAGES[path].script, label="Try it", icon=":material/arrow_forward:", query_params=params)
