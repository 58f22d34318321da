"""Train: a visitor's own classes; classifiers and detectors that nobody trained before, in minutes, in the background."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.train import view as train_view

frame.require()
st.title("Train")
st.markdown(
    "Choose classes, or bring pictures of your own, and train a natural classifier, a robust one and a bank of detectors in "
    "a few minutes. **Watch what the detectors make of noise, and which attacked images fool them still.** Then use the "
    "system on all pages."
)
train_view.page()
