"""Attack: one digit, one victim, one attack; watched step by step, beside the same attack on the robust classifier."""

import streamlit as st

from aatviz.ui import attack_controls as controls
from aatviz.ui import attack_results as results
from aatviz.ui import attack_run as run
from aatviz.ui import caches, frame
from aatviz.ui.sidebar import current_system

frame.require()
st.title("Attack")
st.markdown(
    "Pick a digit and somebody to fool. Projected gradient descent changes the image within a small ball; the player shows "
    "every step of it, and asks two questions apart: was the victim **fooled**, and was the image **rejected**?"
)
system = current_system()
x, y = caches.sample(system.card["dataset"])
choice = controls.choose(x, y)
request = run.request(system, choice, x, y)
cost_place = run.runs.controls(request)
shown = run.runs.shown(request, run.stored(system))
if shown is None:
    st.info("Nothing has been computed for this system yet: press **Attack**.", icon=":material/play_arrow:")
else:
    results.show(system, shown.choice.index, shown.value)
controls.write_url()
run.runs.tell_cost(cost_place, request)
