"""Playground: small networks of points of the plane, trained side by side while one watches, and then used."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.playground import controls, view, words

frame.require()
st.title("Playground")
st.markdown(
    "Points of a plane instead of images, so that one sees **all** that a detector has learned. Three models learn from the "
    "same points: a natural classifier, Madry's robust one, and AAT's detectors."
)
above = st.container()
points, settings = controls.choose()
with above:
    view.show(points, settings)
controls.state.write()
words.links()
words.explain()
words.measured()
view.take_home(points, settings)
view.warm(points, settings)
