"""Compare: images pushed towards every class, on several models side by side (the paper's figures 3, 5 and 8)."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.common.classes import dataset_of
from aatviz.ui.compare import controls, results, run
from aatviz.ui.session import stored
from aatviz.ui.session.sidebar import current_system

frame.require()
st.title("Compare")
system = current_system()
known = dataset_of(system)
st.markdown(
    f"Some {known.plural}, each pushed towards each of the classes, with the same attack on every model. "
    f"**Does the perturbed {known.noun} look like its target?** Then the model knows what the target looks like."
)
images = stored.sample_or_say(system)
if images is None:
    st.stop()
x, y = images
settings = controls.choose(system)
request = run.request(system, settings, x, y)
cost_place = run.runs.controls(request)
shown = run.runs.shown(request, stored.comparison(system))
if shown is None:
    st.info("Nothing has been computed for this system yet: press **Compare**.", icon=":material/play_arrow:")
    controls.write_url()
else:
    results.show(system, shown.value)
run.runs.tell_cost(cost_place, request)
