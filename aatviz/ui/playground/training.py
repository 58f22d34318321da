"""The training that a visitor watches: kept in the session, made piece by piece in the worker processes."""

from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st

from aatviz.data import toy
from aatviz.explore.plane import bundled, live
from aatviz.explore.plane.live import MODELS, Dropped, Made, ModelName, Picture, Piece, State
from aatviz.recipes.plane import PlaneSettings
from aatviz.ui.session import caches
from aatviz.ui.session.slices import Busy

TARGET = 0.45
"""Seconds that a piece should take: it gets as many updates as go into that on this machine. A new piece is asked for a
little less often, which leaves the browser its share of a small machine."""
PICTURES = 3
"""Pictures in a piece, so that the landscape is drawn anew more than five times a second: to hand over a piece costs the
browser more than to draw it."""
MOST = {"slow": 1, "steady": 8, "fast": 100}
"""Updates in a piece, by speed."""
BETWEEN_AUCS = 100
"""Updates between two measurements of the AUCs."""
ORDER: tuple[ModelName, ...] = ("detectors", "robust", "classifier")
"""The longest work first."""
_KEY = "playground.run"


@dataclass
class Run:
    """One training of all models, which stand at the same step."""

    points: toy.Plane
    settings: PlaneSettings
    states: dict[ModelName, State]
    pictures: dict[ModelName, tuple[Picture, ...]]
    """Those of the last piece; the last one is that of the state."""
    playing: bool = False
    bundled: bool = False
    """Whether these are the bundled models, and nothing has been trained here."""
    updates: int = 4
    """In the next piece: adapted to this machine."""
    losses: dict[ModelName, list[tuple[int, float]]] = field(default_factory=lambda: {model: [] for model in MODELS})
    aucs: dict[ModelName, list[tuple[int, float, float]]] = field(default_factory=lambda: {model: [] for model in MODELS})
    dropped: dict[ModelName, Dropped] = field(default_factory=dict)
    drop_seed: int = 0
    serial: int = 0
    """Grows with every picture."""
    message: str = ""
    share: int = 95
    cross: str = ""
    """Where T and the cross stand in the view, as in its link: for the picture that is taken home."""
    ahead: "Ahead | None" = None
    """The next piece, which is being made while the browser draws the one before."""

    @property
    def step(self) -> int:
        """Updates that every model has had."""
        return self.states["detectors"].step

    @property
    def done(self) -> bool:
        """Whether the training is over."""
        return self.step >= self.settings.updates

    def piece(self, model: ModelName, updates: int = 0, aucs: bool = False) -> Piece:
        """A piece of work on one model."""
        return Piece(
            points=self.points,
            settings=self.settings,
            model=model,
            state=self.states[model],
            updates=updates,
            pictures=max(1, min(updates, PICTURES)),
            aucs=aucs,
        )


def current(points: toy.Plane, settings: PlaneSettings) -> Run:
    """The visitor's run of these points and settings; a new one where they have changed."""
    run: Run | None = st.session_state.get(_KEY)
    if run is None or (run.points, run.settings) != (points, settings):
        run = _fresh(points, settings, bundled.trained(points, settings))
        st.session_state[_KEY] = run
    return run


def restart(run: Run, playing: bool) -> None:
    """Begin again with the first weights."""
    fresh = _fresh(run.points, run.settings, None)
    fresh.playing, fresh.serial, fresh.updates = playing, run.serial + 1, run.updates
    st.session_state[_KEY] = fresh


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """A piece of all models that has begun."""

    step: int
    """The step that it goes on from."""
    count: int
    wait: Callable[[], list[Made]]


def advance(run: Run, speed: str, single: bool = False) -> None:
    """Make the next piece of all models, side by side: one update of each where `single`. While the run plays, the piece
    after that is begun."""
    try:
        ahead, run.ahead = run.ahead, None
        if ahead is None or ahead.step != run.step or single:
            ahead = _begin(run, 1 if single else MOST[speed])
        _take(run, ahead)
        if run.playing:
            run.ahead = _begin(run, MOST[speed])
    except (Busy, RuntimeError) as error:
        run.playing, run.message = False, str(error)


def _begin(run: Run, most: int) -> Ahead:
    """Begin the next piece of all models."""
    count = min(run.updates, most, run.settings.updates - run.step)
    due = run.step + count >= run.settings.updates or (run.step + count) // BETWEEN_AUCS > run.step // BETWEEN_AUCS
    wait = caches.slices().begin(live.pieces, [run.piece(model, count, due) for model in ORDER])
    return Ahead(step=run.step, count=count, wait=wait)


def _take(run: Run, ahead: Ahead) -> None:
    """Wait for a piece, and make it the state of the run."""
    made = ahead.wait()
    for model, one in zip(ORDER, made, strict=True):
        run.states[model], run.pictures[model] = one.state, one.pictures
        if one.loss is not None:
            run.losses[model].append((one.state.step, one.loss))
        if one.aucs is not None:
            run.aucs[model].append((one.state.step, *one.aucs))
    run.dropped, run.bundled, run.serial, run.message = {}, False, run.serial + 1, ""
    run.playing = run.playing and not run.done
    spent = max(one.seconds for one in made)
    run.updates = max(1, min(round(ahead.count * min(TARGET / max(spent, 1e-3), 2.0) + 0.2), MOST["fast"]))


def drop_noise(run: Run) -> None:
    """Let noise climb up the logits of all models."""
    run.playing = False
    run.drop_seed += 1
    try:
        made = caches.slices().run(live.drops, [(run.piece(model), run.drop_seed) for model in MODELS])
    except (Busy, RuntimeError) as error:
        run.message = str(error)
        return
    run.dropped = dict(zip(MODELS, made, strict=True))
    run.serial += 1


def _fresh(points: toy.Plane, settings: PlaneSettings, trained: bundled.Trained | None) -> Run:
    """A run that begins with these states, or with the first weights; its pictures are made here, at once."""
    begun = {model: trained[model][0] if trained else State() for model in MODELS}
    made = {model: live.make(Piece(points=points, settings=settings, model=model, state=begun[model])) for model in MODELS}
    run = Run(
        points=points,
        settings=settings,
        states={model: made[model].state for model in MODELS},
        pictures={model: made[model].pictures for model in MODELS},
        bundled=trained is not None,
    )
    for model, (state, aucs) in (trained or {}).items():
        run.aucs[model].append((state.step, *aucs))
    return run
