"""The parts of the Playground: the buttons, the live view, the words, and what can be taken home."""

from functools import partial
from typing import Any

import streamlit as st

from aatviz.data import toy
from aatviz.explore.plane import live
from aatviz.recipes.plane import PlaneSettings
from aatviz.ui.common import takeaway
from aatviz.ui.common.assets import read_assets
from aatviz.ui.common.url import UrlState, pressed
from aatviz.ui.common.words import message
from aatviz.ui.playground import controls, files, training, words
from aatviz.ui.playground.data import frame, static
from aatviz.ui.session import caches
from aatviz.ui.session.limits import LIMITS

KEY = "playground-view"
EVERY = {"slow": 0.25, "steady": 0.4, "fast": 0.55}
"""Seconds after which a training that plays is asked for its next piece, by speed."""
MOVED = ("share", "cross")
"""The parameters that are changed in the view itself."""

_VIEW = st.components.v2.component(  # registered once: this module is imported once a process
    "aatviz.playground",
    html=read_assets("playground/playground.html"),
    css=read_assets("playground/playground.css"),
    js=read_assets(
        "playground/playground.js",
        "playground/map.js",
        "playground/contour.js",
        "playground/curves.js",
        "player/drawing.js",
    ),
)


def warm(points: toy.Plane, settings: PlaneSettings) -> None:
    """Start the processes that train, so that they are ready when a button is pressed. Call it at the end of the page."""
    if LIMITS.training:
        piece = live.Piece(points=points, settings=settings, model="detectors", updates=1, aucs=True)
        caches.slices().warm(live.pieces, piece)


@st.fragment
def show(points: toy.Plane, settings: PlaneSettings) -> None:
    """Draw the buttons and the view; while a training plays, the view alone is drawn anew at every piece."""
    run = training.current(points, settings)
    _buttons(run)
    if run.message:
        st.info(message(run.message), icon=":material/info:")
    st.fragment(_tick, run_every=EVERY[controls.state["speed"]] if run.playing else None)(points, settings)
    if meaning := words.overlapping(points, run.settings.eps):
        st.caption(f":material/info: {meaning}")
    name = f"{points.name[:60]}-{settings.name}"
    with st.container(horizontal=True):
        takeaway.download_png("All maps (PNG)", f"{name}.png", lambda: takeaway.png(files.maps(run)))
        takeaway.download_csv("Loss and AUC by update (CSV)", f"{name}.csv", lambda: files.curves_csv(run))


def _tick(points: toy.Plane, settings: PlaneSettings) -> None:
    run = training.current(points, settings)
    if run.playing:
        training.advance(run, controls.state["speed"])
        if not run.playing:  # it has ended: the buttons change, and nothing is asked for any more
            st.rerun()
    run.share, run.cross = controls.state["share"], controls.state["cross"]
    _VIEW(
        data=static(points) | {"frame": frame(run), "standing": words.standing(run)} | _placed_at(controls.state),
        key=KEY,
        on_share_change=partial(_moved, controls.state, "share"),
        on_cross_change=partial(_moved, controls.state, "cross"),
        on_place_change=_placed,
    )
    controls.state.write()  # the view's own slider and its cross run this fragment alone


def _buttons(run: training.Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        label = "Pause" if run.playing else "Train" if run.bundled or run.done or not run.step else "Go on"
        st.button(
            label,
            key="playground.play",
            icon=":material/pause:" if run.playing else ":material/play_arrow:",
            type="primary",
            on_click=_pause if run.playing else _play,
            args=(run,),
            disabled=not LIMITS.training,
        )
        idle = run.playing or not LIMITS.training
        st.button("Step", icon=":material/skip_next:", on_click=_step, args=(run,), disabled=idle or run.done)
        st.button("Reset", icon=":material/replay:", on_click=_reset, args=(run,), disabled=not run.step)
        st.button("Drop noise", icon=":material/grain:", on_click=training.drop_noise, args=(run,))
    if not LIMITS.training:
        st.caption(":material/info: Training is switched off on this server; the bundled models can be looked at.")


def _play(run: training.Run) -> None:
    if run.bundled or run.done:
        training.restart(run, playing=True)
    else:
        run.playing = True
    pressed()


def _pause(run: training.Run) -> None:
    run.playing = False
    pressed()


def _step(run: training.Run) -> None:
    training.advance(run, controls.state["speed"], single=True)
    pressed()


def _reset(run: training.Run) -> None:
    training.restart(run, playing=False)
    pressed()


def _placed_at(state: UrlState) -> dict[str, Any]:
    """What the view itself can change: T's slider and the cross, and whether a lesson has locked or hidden them."""
    told = {name: state[name] for name in MOVED}
    locked = [name for name in (*MOVED, "places") if state.widget(name)["disabled"]]
    return told | {"locked": locked, "hidden": [name for name in MOVED if state.hidden(name)]}


def _moved(state: UrlState, name: str) -> None:
    """The view's own slider, or its cross, has been let go."""
    state.take({name: st.session_state[KEY][name]}, [name])


def _placed() -> None:
    told: dict[str, Any] | None = st.session_state[KEY]["place"]
    if told:
        controls.add_place(told)
        pressed()
        st.rerun()


def take_home(points: toy.Plane, settings: PlaneSettings) -> None:
    """The commands that train the same models."""
    command = f"aatviz train {settings.name} --dataset {points.name}"
    code = "\n".join(
        [
            "from aatviz.data import dataset, open_split",
            "from aatviz.recipes import for_dataset",
            "from aatviz.train.updates import Updates",
            "",
            f'points = "{points.name}"',
            f'recipe = for_dataset("{settings.name}", dataset(points))',
            'training = open_split(points, "train")',
            "for job in recipe.jobs:",
            "    updates = Updates(job, training.bytes(), training.labels)",
            "    while not updates.done:",
            "        loss = updates.make()",
            "    print(job.name, float(loss))",
        ]
    )
    takeaway.reproduce([("**The same models**, with the same weights to the bit:", command, code)])
