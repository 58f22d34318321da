"""Detectors: the base detectors one by one, from stored results: logits, AUC, ROC, rankings, training."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.detectors import view as detector_view
from aatviz.ui.session.sidebar import current_system

frame.require()
st.title("Detectors")
st.markdown(
    "Each base detector answers one question: **is this a natural image of my class?** It answers with a logit, and a high "
    "one says yes. Choose a detector and see how well it keeps its class apart from all others, before and after an attack."
)
detector_view.page(current_system())
