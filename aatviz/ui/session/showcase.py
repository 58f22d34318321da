"""The stored run that the app shows before anything is computed: one digit, the generative and the robust classifier."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aatviz.attacks.settings import AttackSettings
from aatviz.data import load_data
from aatviz.explore.attack_path import Trace, trace_attack
from aatviz.recipes.paper import papers_attack
from aatviz.runtime.files import read_arrays, write_arrays
from aatviz.store.results import result_file, weights_hash
from aatviz.store.systems import System

INDEX = 14
"""A three of the bundled sample."""
SETTINGS = AttackSettings(loss="target_logit", target=8)
"""Push it towards an eight, Adam, 100 steps; in whatever ball."""
BALLS = {"Linf": (SETTINGS.eps, SETTINGS.step_size), "L2": (2.5, 0.1)}
"""eps and step size that a change of the norm sets."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Showcase:
    """The traces on one bundled image, the victim's first, then the robust classifier's."""

    index: int
    traces: list[Trace]


def default_settings(system: System) -> AttackSettings:
    """The default of the Attack page: `SETTINGS` in the ball that the system is trained for, with the paper's step size."""
    norm, eps = system.card.norm, system.card.eps
    return replace(SETTINGS, norm=norm, eps=eps, step_size=papers_attack(norm, eps).step_size)


def build_showcase(system: System) -> Path:
    """Compute the stored run of a system, write it to `results/showcase.npz` and return that file."""
    x, y = load_data(system.card.dataset, split="sample")
    arrays = {"index": np.array(INDEX), "weights_hash": np.array(weights_hash(system))}
    for settings in _wanted(system):
        trace = trace_attack(system, settings, x[INDEX : INDEX + 1], y[INDEX])
        arrays |= {f"{settings.victim}.{name}": array for name, array in trace.to_arrays().items()}
    file = result_file(system, "showcase", "npz")
    write_arrays(file, arrays)
    return file


def load_showcase(system: System) -> Showcase | None:
    """The stored run of these very weights with today's default settings; None where there is none."""
    file = result_file(system, "showcase", "npz")
    if not file.is_file():
        return None
    arrays = read_arrays(file)
    if str(arrays["weights_hash"]) != weights_hash(system):
        return None
    wanted = _wanted(system)
    traces = [Trace.from_arrays(_part(arrays, settings.victim)) for settings in wanted]
    fits = int(arrays["index"]) == INDEX and [trace.settings for trace in traces] == wanted
    return Showcase(index=INDEX, traces=traces) if fits else None


def _wanted(system: System) -> list[AttackSettings]:
    default = default_settings(system)
    return [default, default.against("robust")]


def _part(arrays: dict[str, np.ndarray], victim: str) -> dict[str, np.ndarray]:
    prefix = f"{victim}."
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
