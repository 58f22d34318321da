"""The data of the Robustness page, cached until a file changes, and the commands that give its numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from aatviz.evaluate import lacks
from aatviz.recipes.evaluation import Evaluation, HonestEvaluation, Scenario, SystemEvaluation
from aatviz.recipes.paper import evaluations_of
from aatviz.runtime import printed
from aatviz.runtime.files import read_arrays
from aatviz.store.results import result_file
from aatviz.store.systems import System
from aatviz.thresholds.curves import Curve, Decisions, curve, decide


def figures(system: System, found: dict[str, dict[str, Any]]) -> list[str]:
    """The records of the paper's figures of whole attack scenarios: 2 and 7 on MNIST, 4 and 9 on CIFAR-10."""
    return [
        name
        for name, recipe in evaluations_of(system.card).items()
        if name in found and name.startswith("figure") and all(one.target is None for one in _scenarios_of(recipe))
    ]


def _scenarios_of(recipe: Evaluation) -> list[Scenario]:
    return list(recipe.scenarios.values()) if isinstance(recipe, SystemEvaluation) else []


def scenario_curves(system: System, found: dict[str, dict[str, Any]]) -> dict[str, Curve]:
    """The curves of every attack scenario with a reject option: from the paper's figures, else from the curves recipe."""
    names = tuple(figures(system, found) or {"curves"} & set(found))
    stamps = tuple(result_file(system, name, "npz").stat().st_mtime_ns for name in names)
    scenarios = {name: found[name]["recipe"]["scenarios"] for name in names}
    return _scenario_curves(system, str(system.folder), names, stamps, scenarios)


@st.cache_data(max_entries=4, show_spinner=False)
def _scenario_curves(
    _system: System, folder: str, names: tuple[str, ...], stamps: tuple[int, ...], _scenarios: dict[str, dict[str, Any]]
) -> dict[str, Curve]:
    result = {}
    for name in names:
        arrays = {key: torch.from_numpy(a) for key, a in read_arrays(result_file(_system, name, "npz")).items()}
        for scenario, spec in _scenarios[name].items():
            if spec["victim"] == "robust":
                continue
            natural, perturbed = (
                decide(spec["victim"], _system.generative, *(arrays[f"{part}.{key}"] for key in ("z_f", "z_h", "y")))
                for part in ("natural", scenario)
            )
            by_loss = scenario == spec["loss"]  # figures 7 and 9 name their scenarios so
            label = f"generative, {scenario.replace('_', ' ')}" if by_loss else scenario
            if not (by_loss and scenario == "detectors_max" and len(names) > 1):  # the other figure has that one already
                result[label] = curve(Decisions(natural=natural, perturbed=perturbed, held_out=natural))
    return result


@st.cache_data(max_entries=4, show_spinner=False)
def _distances(_system: System, file: str, changed: int) -> NDArray[Any]:
    arrays = read_arrays(Path(file))
    found = np.concatenate([array for name, array in arrays.items() if name.endswith(".last")])
    return found[~np.isnan(found)]


def distances(system: System, table: str) -> NDArray[Any]:
    """The L2 distances of the false positives of table 3 or 5."""
    file = result_file(system, table, "npz")
    return _distances(system, str(file), file.stat().st_mtime_ns)


def snippets(system: System, measured: bool) -> list[tuple[str, str, str]]:
    """The commands, as `takeaway.reproduce` takes them; the protocol's only where the system has what it needs."""
    tables = ("All tables, from the stored records:", printed.command("report", system.name), "")
    if lacks(system, HonestEvaluation()):
        return [tables]
    read = "\n".join(
        [
            "import aatviz",
            "from aatviz.evaluate import stored",
            "from aatviz.recipes.evaluation import HonestEvaluation",
            "",
            f"found = stored({printed.loaded(system.name)}, HonestEvaluation(), least=1)",
            'for name, victim in found["victims"].items():',
            '    for row in victim["at"]:',
            '        print(name, row["clean_rejection"], row["threshold"], row["error"]["worst of all"])',
        ]
    )
    measure = printed.command("evaluate", system.name, recipe="honest")
    words = "The protocol (this takes long; what is stored is not computed again), and the numbers of its record:"
    return [(words, measure, read if measured else ""), tables]
