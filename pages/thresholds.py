"""Thresholds: what T buys and what it costs, from stored logits; moving T runs no network."""

import streamlit as st

from aatviz.explore import detector_records
from aatviz.ui import frame
from aatviz.ui.common.words import message
from aatviz.ui.session.sidebar import current_system
from aatviz.ui.thresholds import data, detection
from aatviz.ui.thresholds import view as views

frame.require()
st.title("Thresholds")
st.markdown(
    "A classifier with a reject option keeps silent where its winning logit is below **T**. A high T catches more attacked "
    "images, and turns away more natural ones. Drag T and watch both."
)
system = current_system()
if why := system.lacks("full_bank", what="A classifier with a reject option"):
    st.caption(f":material/info: {message(why)} Here a detector is alone: it says yes where its logit is at least T.")
try:
    alone = detector_records.load(system) if system.lacks("full_bank") else None
    view = None if alone else data.threshold_view(system)
except (FileNotFoundError, ValueError) as error:
    st.info(message(str(error)), icon=":material/query_stats:")
else:
    if alone:
        detection.page(system, alone)
    elif view:
        views.page(system.name, view)
