"""Attack: one attack on one image and one victim, step by step, beside the same attack on the robust classifier."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.attack import controls, results, run
from aatviz.ui.common.classes import a, dataset_of
from aatviz.ui.own import input as own_input
from aatviz.ui.own.attacked import request as request_for
from aatviz.ui.session import stored
from aatviz.ui.session.sidebar import current_system

frame.require()
st.title("Attack")
system = current_system()
known = dataset_of(system)
st.markdown(
    f"Pick {a(known.noun)}, or bring your own, and somebody to fool. Projected gradient descent changes the image within a "
    "small ball; the player shows every step of it, and answers two separate questions: was the victim **fooled**, and was "
    "the image **rejected**?"
)
sample = stored.sample_or_say(system, own_input.instead(known))
if sample is None and own_input.needs_sample(known):
    st.stop()
choice = controls.choose(system, sample)
if choice is None:
    st.info(own_input.invitation(known), icon=":material/draw:")
    controls.write_url()
    st.stop()
first_look = results.first_look_place(choice.picked)
request = request_for(system, choice)
cost_place = run.runs.controls(request)
shown = run.runs.shown(request, run.stored(system, sample))
if shown is None:
    st.info("Nothing has been computed for this system yet: press **Attack**.", icon=":material/play_arrow:")
else:
    results.show(system, shown.choice.picked, shown.value)
controls.write_url()
results.first_look(first_look, system, choice.picked)
run.runs.tell_cost(cost_place, request)
