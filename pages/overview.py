"""Overview: what this is, a stored run at once, the system in numbers, and what the defence does not withstand."""

import streamlit as st

from aatviz.ui import frame
from aatviz.ui.attack import results as attack_results
from aatviz.ui.attack import run as attack_run
from aatviz.ui.attack import words as attack_words
from aatviz.ui.common.classes import dataset_of
from aatviz.ui.common.pacing import view_first
from aatviz.ui.overview import card as overview_card
from aatviz.ui.player.view import show_player
from aatviz.ui.session import caches
from aatviz.ui.session.sidebar import current_system, link_params

# The other pages: file, words, icon.
NEXT = (
    ("attack", "Attack a digit, yours or one of 5,000", "target"),
    ("compare", "Every class towards every other", "grid_view"),
    ("generate", "Draw digits out of noise", "draw"),
    ("thresholds", "What the threshold buys, and what it costs", "tune"),
    ("detectors", "Look at one detector after the other", "stacked_bar_chart"),
    ("robustness", "What is left when every attack is tried", "shield"),
    ("learn", "Short lessons, with links for a class", "school"),
)

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
overview_card.read_url()
stored = attack_run.stored(system, *caches.sample(system.card["dataset"]))
if stored:
    traces = stored.value
    attack = traces[0].settings
    st.markdown(
        f"#### A {traces[0].y} pushed towards {'an' if attack.target == 8 else 'a'} {attack.target}: "
        f"{attack.norm.replace('inf', '∞')}, ε = {attack.eps:g}, {attack.steps} steps of {attack.step_size:g} with Adam"
    )
    abouts = [attack_words.about(trace.settings, dataset_of(system)) for trace in traces]
    show_player(system, traces, abouts, overview_card.state, overview_card.PLAYER_KEY)
    view_first("overview")
    st.markdown(attack_words.look_for(traces[0].settings, True, dataset_of(system)))
    attack_results.take_home(system, stored.choice.picked, traces)
else:
    overview_card.without_showcase(system)

st.markdown("### Go on from here")
for column, (page, label, icon) in zip(st.columns(3) * 3, NEXT, strict=False):
    column.page_link(f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=link_params())
overview_card.numbers(system)
overview_card.comparison(system)
overview_card.limits(system)
