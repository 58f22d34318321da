"""Stored runs: given back as they were, passed over where they belong to other weights, and named where they are damaged."""

from pathlib import Path

import numpy as np
import pytest

import aatviz
from aatviz.explore.attack_grid.run import FILE as COMPARISON
from aatviz.explore.attack_grid.run import load_comparison
from aatviz.explore.detector_records import SAMPLE, stored_sample_logits
from aatviz.explore.example_images import FILE as EXAMPLES
from aatviz.explore.example_images import load_examples
from aatviz.explore.stored_run import Arrays, load_run, of_weights, part, store_run
from aatviz.runtime.files import read_arrays, write_arrays
from aatviz.store.results import result_file

NAME = "mnist-linf-0.3-shared"
SHIPPED = Path(__file__).parents[2] / "checkpoints" / NAME
ARRAYS = {"a": np.arange(3), "b.c": np.array(0.5), "b.d": np.array("text")}


@pytest.fixture
def system(tiny_system_folder: Path) -> aatviz.System:
    return aatviz.load_system(NAME)


def test_a_run_comes_back_as_it_was_stored(system: aatviz.System) -> None:
    file = store_run(system, "run", ARRAYS)
    assert file == result_file(system, "run", "npz")
    found = load_run(system, "run", dict)
    assert found is not None
    assert found.keys() == ARRAYS.keys()
    assert all(np.array_equal(found[name], value) for name, value in ARRAYS.items())
    assert part(found, "b.") == {"c": ARRAYS["b.c"], "d": ARRAYS["b.d"]}


def test_nothing_is_read_where_nothing_is_stored(system: aatviz.System) -> None:
    def never() -> dict[str, str]:
        raise AssertionError("hashes are for files that are there")

    assert load_run(system, "run", dict, never) is None


@pytest.mark.parametrize("changed", [{"weights_hash": "other"}, {}])
def test_a_run_of_other_or_unknown_weights_is_passed_over(system: aatviz.System, changed: dict[str, str]) -> None:
    store_run(system, "run", ARRAYS, changed)
    assert load_run(system, "run", dict) is None


def test_every_hash_counts(system: aatviz.System) -> None:
    store_run(system, "run", ARRAYS, of_weights(system) | {"recipe_hash": "one"})
    assert load_run(system, "run", dict, lambda: of_weights(system) | {"recipe_hash": "one"}) is not None
    assert load_run(system, "run", dict, lambda: of_weights(system) | {"recipe_hash": "two"}) is None


def test_a_missing_array_is_named_with_the_file_and_the_command(system: aatviz.System) -> None:
    def build(arrays: Arrays) -> object:
        return arrays["images"]

    store_run(system, "run", ARRAYS)
    with pytest.raises(ValueError, match=r"run\.npz cannot be used: 'images' is missing in it.*build_showcase.py mnist"):
        load_run(system, "run", build)


LOADS = {COMPARISON: load_comparison, EXAMPLES: load_examples, SAMPLE: stored_sample_logits}


@pytest.mark.weights
@pytest.mark.parametrize(
    ("name", "lost"), [(COMPARISON, "index"), (COMPARISON, "sample.robust.low"), (EXAMPLES, "index"), (SAMPLE, "z_h")]
)
def test_a_page_hears_which_array_is_missing(name: str, lost: str, system: aatviz.System) -> None:
    shipped = aatviz.load_system(SHIPPED)
    assert LOADS[name](shipped) is not None
    arrays = read_arrays(result_file(shipped, name, "npz"))
    kept = {key: value for key, value in arrays.items() if key != lost}
    write_arrays(
        result_file(system, name, "npz"), kept | {key: np.array(value) for key, value in of_weights(system).items()}
    )
    with pytest.raises(ValueError, match=f"'{lost.rpartition('.')[2]}' is missing in it"):
        LOADS[name](system)
