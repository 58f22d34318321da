"""Two visitors train on the Playground at once: the bits of one alone, one line for both, and whoever is turned away."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from aatviz.explore.plane import bundled, live
from aatviz.explore.plane.live import MODELS, ModelName, Piece, State
from aatviz.recipes.plane import PlaneSettings
from aatviz.runtime.worker import Function, Outcome
from aatviz.ui.playground import training
from aatviz.ui.session import slices
from aatviz.ui.session.slices import Slices

RUNS, UPDATES = 5, 2
SMALL = {"width": 8, "depth": 1, "inner_steps": 2}


class Here:
    """A runner in the thread that asks, in the place of a process."""

    def run(self, function: Function, context: Any, arguments: Sequence[Any], *_: Any) -> list[Outcome]:
        return [Outcome(value=value, size=1) for value in function(context, list(arguments), lambda *_: None)]


def made_alone(settings: PlaneSettings, model: ModelName, updates: int) -> State:
    return live.make(Piece(points=bundled.POINTS, settings=settings, model=model, updates=updates)).state


def same(one: State, other: State) -> bool:
    return one.step == other.step and all(
        torch.equal(tensors[name], value)
        for tensors, expected in zip(one.tensors(), other.tensors(), strict=True)
        for name, value in expected.items()
    )


def test_two_visitors_at_once_get_the_bits_of_one_alone_and_none_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each asks for a piece of three models, and for the next when it is there. Pieces begin in the order in which they were
    asked for, so that a visitor waits for what the other has in line, three pieces, and never for a whole training."""
    line = Slices([Here()])
    asked: list[Piece] = []
    begun: list[Piece] = []
    submit, work, both = line._pool.submit, line._run, threading.Lock()

    def asking(function: Callable[..., Any], what: Function, piece: Piece) -> Any:
        with both:
            asked.append(piece)
            return submit(function, what, piece)

    def beginning(what: Function, piece: Piece) -> Any:
        begun.append(piece)
        return work(what, piece)

    monkeypatch.setattr(line._pool, "submit", asking)
    monkeypatch.setattr(line, "_run", beginning)

    def visit(settings: PlaneSettings) -> dict[ModelName, State]:
        states: dict[ModelName, State] = dict.fromkeys(MODELS, State())
        for _ in range(RUNS):
            wanted = [
                Piece(points=bundled.POINTS, settings=settings, model=model, state=states[model], updates=UPDATES)
                for model in MODELS
            ]
            states = dict(zip(MODELS, (one.state for one in line.run(live.pieces, wanted)), strict=True))
        return states

    visitors = [PlaneSettings(eps=0.1, **SMALL), PlaneSettings(eps=0.2, anywhere=0.5, seed=3, **SMALL)]  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(visit, visitors))
    for settings, states in zip(visitors, found, strict=True):
        for model in MODELS:
            assert same(states[model], made_alone(settings, model, RUNS * UPDATES)), (settings.name, model)
    assert len(begun) == 2 * RUNS * len(MODELS)
    assert [id(piece) for piece in begun] == [id(piece) for piece in asked]


def held(context: object, asked: Sequence[tuple[threading.Event, threading.Event]], step: object) -> list[bool]:
    """Work that has begun, and ends when it is told."""
    (begun, go) = asked[0]
    begun.set()
    return [go.wait(60)]


def test_who_is_turned_away_is_told_and_goes_on_later_as_if_nothing_had_been(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "MOST_WAITING", 4)
    line = Slices([Here()])
    monkeypatch.setattr(training.caches, "slices", lambda: line)
    settings = PlaneSettings(eps=0.1, updates=20, **SMALL)  # type: ignore[arg-type]
    run = training._fresh(bundled.POINTS, settings, None)
    training.advance(run, "steady")
    before, losses, pictures = dict(run.states), len(run.losses["robust"]), dict(run.pictures)

    begun, go = threading.Event(), threading.Event()
    other = threading.Thread(target=line.run, args=(held, [(begun, go)] * 3))
    other.start()
    assert begun.wait(60)
    run.playing = True
    training.advance(run, "steady")
    go.set()
    other.join(60)
    assert "Many visitors train networks" in run.message
    assert not run.playing
    assert run.states == before
    assert run.pictures == pictures
    assert len(run.losses["robust"]) == losses

    training.advance(run, "steady")
    assert not run.message
    assert run.step > before["robust"].step
    assert all(same(run.states[model], made_alone(settings, model, run.step)) for model in MODELS)
