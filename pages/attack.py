"""Attack: one digit, one victim, one attack; watched step by step, beside the same attack on the robust classifier."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.attack import controls, results, run
from aatviz.ui.session import caches
from aatviz.ui.session.sidebar import current_system

frame.require()
st.title("Attack")
st.markdown(
    "Pick a digit, or draw your own, and somebody to fool. Projected gradient descent changes the image within a small "
    "ball; the player shows every step of it, and asks two questions apart: was the victim **fooled**, and was the image "
    "**rejected**?"
)
system = current_system()
x, y = caches.sample(system.card.dataset)
choice = controls.choose(system, x, y)
if choice is None:
    st.info("Draw a digit above, or upload one; then it can be attacked.", icon=":material/draw:")
    controls.write_url()
    st.stop()
first_look = results.first_look_place(choice.digit)
request = run.request(system, choice)
cost_place = run.runs.controls(request)
shown = run.runs.shown(request, run.stored(system, x, y))
if shown is None:
    st.info("Nothing has been computed for this system yet: press **Attack**.", icon=":material/play_arrow:")
else:
    results.show(system, shown.choice.digit, shown.value)
controls.write_url()
results.first_look(first_look, system, choice.digit)
run.runs.tell_cost(cost_place, request)
