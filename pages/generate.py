"""Generate: noise becomes images, on three models side by side, from the same noise (the paper's figures 6 and 10)."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.common.classes import a, dataset_of
from aatviz.ui.common.words import message
from aatviz.ui.generate import controls, results, run
from aatviz.ui.session import stored
from aatviz.ui.session.sidebar import current_system

frame.require()
st.title("Generate")
system = current_system()
st.markdown(
    f"Take noise, and push it up a model's logit of a class, step by step. **Does {a(dataset_of(system).noun)} appear?** "
    "Then the model knows what the class looks like. Where rubbish appears, it only knows how the classes differ."
)
if not stored.has_generated(system) and stored.sample_or_say(system) is None:
    st.stop()
settings = controls.choose(system)
if why := system.lacks("full_bank", what="Generating images of all classes"):
    st.caption(f":material/info: {message(why)} So the images are of that alone.")
if why := system.lacks("robust_classifier", "gaussians", "judge", what="This page"):
    st.info(f"{message(why)} The shipped systems can generate: choose another in the sidebar.", icon=":material/draw:")
    controls.state.write()
    st.stop()
request = run.request(system, settings)
cost_place = run.runs.controls(request)
shown = run.runs.shown(request, stored.generated(system, settings))
if shown is None:
    st.info("Nothing has been generated with this system yet: press **Generate**.", icon=":material/play_arrow:")
    controls.state.write()
else:
    results.show(system, shown.value)
run.runs.tell_cost(cost_place, request)
