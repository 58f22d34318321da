"""Robustness: what is left of the defence when every attack known to hurt is tried, and the worst one counts."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.common import takeaway
from aatviz.ui.robustness import data, own, paper, view
from aatviz.ui.session import stored
from aatviz.ui.session.sidebar import current_system

frame.require()
st.title("Robustness")
st.markdown(
    "A defence is as strong as the best attack against it. Here every attack that is known to hurt is tried on each "
    "classifier, and **the worst one counts for each image**. AAT's authors attacked their detectors with one loss; "
    "others later broke the CIFAR-10 systems by trying every target in turn (Tramèr et al., 2020)."
)
system = current_system()
for note in view.state.read():
    st.caption(f":material/info: {note}")
st.segmented_control(
    "Show", list(view.PARTS), format_func=view.PARTS.__getitem__, required=True, **view.state.widget("show")
)
found = stored.records(system)
record = found.get("honest")
if view.state["show"] == "verdict":
    view.show(system, record, found.get("thorough"))
elif view.state["show"] == "paper":
    paper.show(system, view.state)
else:
    own.show(system, record)
if view.state["show"] != "own":
    takeaway.reproduce(data.snippets(system, record is not None))
view.state.write()
