"""What the Robustness page reads, cached until a file changes, and the commands that give its numbers."""

from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from aatviz.runtime import printed
from aatviz.runtime.files import read_arrays
from aatviz.store.results import result_file
from aatviz.store.systems import System
from aatviz.thresholds.curves import Curve, Decisions, curve, decide

FIGURES = ("figure-2", "figure-7")


def scenario_curves(system: System, found: dict[str, dict[str, Any]]) -> dict[str, Curve]:
    """The curves of every attack scenario with a reject option: those of figure 2 and 7, else of the curves recipe."""
    names: tuple[str, ...] = tuple(name for name in FIGURES if name in found) or tuple({"curves"} & set(found))
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
            label = scenario if name != "figure-7" else f"generative, {scenario.replace('_', ' ')}"
            if (name, scenario) != ("figure-7", "detectors_max"):  # figure 2 has that one already
                result[label] = curve(Decisions(natural=natural, perturbed=perturbed, held_out=natural))
    return result


@st.cache_data(max_entries=4, show_spinner=False)
def _distances(_system: System, folder: str, changed: int) -> NDArray[Any]:
    arrays = read_arrays(result_file(_system, "table-3", "npz"))
    found = np.concatenate([array for name, array in arrays.items() if name.endswith(".last")])
    return found[~np.isnan(found)]


def distances(system: System) -> NDArray[Any]:
    """The L2 distances of table 3's false positives."""
    return _distances(system, str(system.folder), result_file(system, "table-3", "npz").stat().st_mtime_ns)


def snippets(system: str, measured: bool) -> list[tuple[str, str, str]]:
    """The commands, as `takeaway.reproduce` takes them."""
    read = "\n".join(
        [
            "import aatviz",
            "from aatviz.evaluate import stored",
            "from aatviz.recipes.evaluation import HonestEvaluation",
            "",
            f"found = stored({printed.loaded(system)}, HonestEvaluation(), least=1)",
            'for name, victim in found["victims"].items():',
            '    for row in victim["at"]:',
            '        print(name, row["clean_rejection"], row["threshold"], row["error"]["worst of all"])',
        ]
    )
    measure = printed.command("evaluate", system, recipe="honest")
    words = "The protocol (this takes long; what is stored is not computed again), and the numbers of its record:"
    tables = ("All tables, from the stored records:", printed.command("report", system), "")
    return [(words, measure, read if measured else ""), tables]
