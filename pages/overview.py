"""Overview: what this is, a stored run at once, the system in numbers, and what the defence does not withstand."""

import streamlit as st

from aatviz.ui import attack_words, caches, frame, overview_card
from aatviz.ui.player import show_player
from aatviz.ui.showcase import SETTINGS
from aatviz.ui.sidebar import current_system, link_params

frame.require()
system = current_system()
st.title("Asymmetrical adversarial training")
st.markdown(
    "AAT trains **one detector per class** against an adversary that pushes images of all other classes towards that class, "
    "so that a detector learns what its class looks like and not merely how it differs from the others. "
    "Together the detectors are a *generative classifier* that can also **reject**: it decides for the detector with the "
    "highest logit, and keeps silent where that logit is below a threshold *T*. "
    "Below, both it and a conventionally *robust classifier* are attacked on the same digit: press play, and watch what "
    "each attack has to draw."
)
threshold = overview_card.threshold()
stored = caches.showcase(system)
if stored:
    true_class = stored.traces[0].y
    st.markdown(
        f"#### A {true_class} pushed towards {'an' if SETTINGS.target == 8 else 'a'} {SETTINGS.target}: "
        f"L∞, ε = {SETTINGS.eps:g}, {SETTINGS.steps} steps of {SETTINGS.step_size:g} with Adam"
    )
    abouts = [attack_words.about(trace.settings) for trace in stored.traces]
    show_player(system, stored.traces, abouts, threshold, overview_card.PLAYER_KEY, overview_card.moved)
    st.markdown(attack_words.look_for(stored.traces[0].settings, True))
else:
    overview_card.without_showcase(system)

first, second = st.columns(2)
first.page_link(
    "pages/attack.py", label="Attack a digit of your choice", icon=":material/target:", query_params=link_params()
)
second.page_link(
    "pages/thresholds.py",
    label="What the threshold buys, and what it costs",
    icon=":material/tune:",
    query_params=link_params(),
)
overview_card.numbers(system)
overview_card.comparison()
overview_card.limits(system)
