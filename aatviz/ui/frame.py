"""The frame of all pages: page config, navigation and sidebar; a page that was started without it is sent back into it."""

from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException

from aatviz.ui.lessons import banner as lesson_banner
from aatviz.ui.session import caches
from aatviz.ui.session.housekeeping import page_is_drawn
from aatviz.ui.session.sidebar import choose_system

_FRAMED, _SENT = "app.framed", "app.sent-to-frame"
_STYLE, _ICON = (Path(__file__).with_name(name) for name in ("page.css", "favicon.png"))
"""The icon is a file of our own: an icon given by its name would be fetched from the internet."""


def run() -> None:
    """Draw the navigation and the sidebar, then the page that the URL names under its lesson's banner, if any."""
    caches.start_up()
    with page_is_drawn():
        page = _navigation()
        st.html(_STYLE)
        choose_system(page.title, lesson_banner.system_of_lesson(page.title))
        lesson_banner.show(page.title)
        st.session_state[_FRAMED] = True
        page.run()


def require() -> None:
    """The first line of every page: make sure that the frame is around it.

    Until `st.navigation` is called for the first time, a new server treats the folder `pages` as Streamlit's own kind of
    pages: a first visit straight to /attack would run that script alone.
    """
    if st.session_state.pop(_FRAMED, False) or _SENT in st.session_state:
        return
    st.session_state[_SENT] = True
    try:
        _navigation()
    except StreamlitAPIException:  # this page is the whole app, as in a test of it alone: there is no frame
        return
    st.rerun()


def _navigation() -> st.Page:
    st.set_page_config(page_title="aatviz", page_icon=str(_ICON), layout="wide")
    return st.navigation(
        [
            st.Page("pages/overview.py", title="Overview", icon=":material/visibility:", url_path="home", default=True),
            st.Page("pages/attack.py", title="Attack", icon=":material/target:", url_path="attack"),
            st.Page("pages/compare.py", title="Compare", icon=":material/grid_view:", url_path="compare"),
            st.Page("pages/generate.py", title="Generate", icon=":material/draw:", url_path="generate"),
            st.Page("pages/retouch.py", title="Retouch", icon=":material/brush:", url_path="retouch"),
            st.Page("pages/thresholds.py", title="Thresholds", icon=":material/tune:", url_path="thresholds"),
            st.Page("pages/detectors.py", title="Detectors", icon=":material/stacked_bar_chart:", url_path="detectors"),
            st.Page("pages/robustness.py", title="Robustness", icon=":material/shield:", url_path="robustness"),
            st.Page("pages/playground.py", title="Playground", icon=":material/scatter_plot:", url_path="playground"),
            st.Page("pages/train.py", title="Train", icon=":material/model_training:", url_path="train"),
            st.Page("pages/learn.py", title="Learn", icon=":material/school:", url_path="learn"),
            # Streamlit serves its default page at the root only; this makes the link /overview work as well
            st.Page("pages/overview.py", title="Overview", url_path="overview", visibility="hidden"),
        ]
    )
