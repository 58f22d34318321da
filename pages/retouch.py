"""Retouch: a small L2 step towards what a detector looks for, on one image (the paper's figures 14 and 15)."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.common.classes import a, dataset_of
from aatviz.ui.own import input as own_input
from aatviz.ui.own.attacked import request as request_for
from aatviz.ui.retouch import controls, results, run
from aatviz.ui.session import stored
from aatviz.ui.session.sidebar import current_system

frame.require()
st.title("Retouch")
system = current_system()
known = dataset_of(system)
st.markdown(
    f"The attack, used the other way round: take {a(known.noun)} and raise the logit of **its own class**, within a small "
    "budget. What the detector adds is what it looks for."
)
sample = stored.sample_or_say(system, own_input.instead(known))
if sample is None and own_input.needs_sample(known):
    st.stop()
choice = controls.choose(system, sample)
if choice is None:
    st.info(own_input.invitation(known, "retouched"), icon=":material/brush:")
    controls.write_url()
    st.stop()
request = request_for(system, choice)
run.runs.begin(request)
cost_place = run.runs.controls(request)
shown = run.runs.shown(request)
if shown is None and run.runs.running is None:
    st.info("Nothing has been computed for this system yet: press **Retouch**.", icon=":material/play_arrow:")
elif shown is not None:
    results.show(system, shown.choice.picked, shown.value)
controls.write_url()
run.runs.tell_cost(cost_place, request)
