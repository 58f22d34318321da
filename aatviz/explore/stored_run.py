"""Runs that are stored for the pages: `results/NAME.npz` of a system, with hashes of the weights and settings behind them.

A page shows a stored run at once, but only where the weights and settings are still the same today.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aatviz.runtime.files import read_arrays, write_arrays
from aatviz.store.results import result_file, weights_hash
from aatviz.store.systems import System

Arrays = Mapping[str, NDArray[Any]]
Run = TypeVar("Run")


def store_run(system: System, name: str, arrays: Arrays, made_with: Mapping[str, str] | None = None) -> Path:
    """Write a run into the system's results and return the file.

    Args:
        name: of the file, without its ending.
        arrays: what `load_run` gives to its `build`.
        made_with: hashes, by name, of what the run depends on; None for `of_weights(system)`.
    """
    hashes = of_weights(system) if made_with is None else made_with
    file = result_file(system, name, "npz")
    write_arrays(file, {**arrays, **{key: np.array(value) for key, value in hashes.items()}})
    return file


def load_run(
    system: System, name: str, build: Callable[[Arrays], Run], made_with: Callable[[], Mapping[str, str]] | None = None
) -> Run | None:
    """The stored run of that name, made by `build` from its arrays; None where there is none, or where its hashes differ.

    Args:
        build: the arrays -> the run. Any error that it raises for a missing or wrong array means a damaged file.
        made_with: gives the hashes that the run should have been stored with; called only where there is a file. None for
            `of_weights(system)`.

    Raises:
        ValueError: where the file is damaged; it names the file, what is wrong with it, and what makes it anew.
    """
    file = result_file(system, name, "npz")
    if not file.is_file():
        return None
    arrays = read_arrays(file)
    hashes = of_weights(system) if made_with is None else made_with()
    if any(key not in arrays or str(arrays[key]) != value for key, value in hashes.items()):
        return None
    try:
        return build({key: array for key, array in arrays.items() if key not in hashes})
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        reason = f"{error} is missing in it" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"{file} cannot be used: {reason}. "
            f"Restore it, or make it again with `python tools/build_showcase.py {system.name}`."
        ) from error


def of_weights(system: System) -> dict[str, str]:
    """The hashes of a run that depends on the networks alone."""
    return {"weights_hash": weights_hash(system)}


def part(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin with the prefix, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
