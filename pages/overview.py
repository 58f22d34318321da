"""Overview: what AAT is, a stored run to look at, the system in numbers, and what the defence does not withstand."""

from itertools import cycle

import streamlit as st

from aatviz.data.spec import written
from aatviz.ui import frame
from aatviz.ui.attack import run as attack_run
from aatviz.ui.attack import words as attack_words
from aatviz.ui.common.classes import a
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.words import literal
from aatviz.ui.overview import card as overview_card
from aatviz.ui.player.take_home import take_home
from aatviz.ui.player.view import show_player
from aatviz.ui.session.sidebar import current_dataset, current_sample, current_system, link_params
from aatviz.ui.session.stored import sample_or_say

# The other pages: file, words, icon.
NEXT = (
    ("attack", "Attack {one}, yours or one of the sample", "target"),
    ("compare", "Every class towards every other", "grid_view"),
    ("generate", "Draw {plural} out of noise", "draw"),
    ("retouch", "Make {one} more of what it is", "brush"),
    ("thresholds", "What the threshold buys, and what it costs", "tune"),
    ("detectors", "Look at one detector after the other", "stacked_bar_chart"),
    ("train", "Train detectors of your own classes", "model_training"),
    ("robustness", "What is left when every attack is tried", "shield"),
    ("playground", "Watch small networks learn in the plane", "scatter_plot"),
    ("learn", "Short lessons, with links for a class", "school"),
)

frame.require()
system, dataset = current_system(), current_dataset()
st.title("Asymmetrical adversarial training")
stored = attack_run.stored(system, current_sample())
st.markdown(
    "AAT trains **one detector per class** against an adversary that pushes images of all other classes towards that class, "
    "so that a detector learns what its class looks like and not merely how it differs from the others. "
    "Together the detectors are a *generative classifier* that can also **reject**: it decides for the detector with the "
    "highest logit, and keeps silent where that logit is below a threshold *T*. "
    + overview_card.below(system, stored is not None)
)
overview_card.read_url()
if stored:
    traces = stored.value
    attack = traces[0].settings
    goal = attack.target if attack.detector is None else attack.detector
    start, end = (literal(a(dataset.classes[k])) for k in (traces[0].y, goal))
    st.markdown(
        f"#### {start[0].upper()}{start[1:]} pushed towards {end}: {attack.norm.replace('inf', '∞')}, "
        f"ε = {written(attack.eps)}, {attack.steps} steps of {written(attack.step_size)} ({attack.optimizer})"
    )
    abouts = [attack_words.about(trace.settings, dataset) for trace in traces]
    show_player(system, traces, abouts, overview_card.state, overview_card.PLAYER_KEY)
    view_first("overview")
    st.markdown(attack_words.look_for(attack, len(traces) > 1, dataset))
    take_home(system, stored.choice.picked, traces)
else:
    overview_card.without_showcase(system, sample_or_say(system))

st.markdown("### Go on from here")
for column, (page, label, icon) in zip(cycle(st.columns(3)), NEXT, strict=False):
    label = label.format(one=a(dataset.noun), plural=dataset.plural)
    column.page_link(f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=link_params())
overview_card.numbers(system)
overview_card.comparison(system)
overview_card.limits(system)
