"""Learn: short lessons, each with a question to answer first and a link that opens another page, set up for an exercise."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.lessons import own as lesson_own
from aatviz.ui.lessons import steps as lesson_steps
from aatviz.ui.states import STATES

frame.require()
st.title("Learn")
st.markdown(
    "Short steps: from *why detect at all* to *what this defence cannot do*, and then, on points of a plane, what the "
    "training does. In each one: **predict, reveal, try it yourself**. A link opens another page, set up for one experiment."
)
lesson_steps.show(lesson_steps.chosen())
lesson_own.panel(STATES)
