"""What the paper's recipes cost: passes counted by hand, a step that is timed, and the table of what is stored."""

from dataclasses import replace
from typing import Any

import pytest

from aatviz import recipes
from aatviz.runtime.files import read_json
from benchmarks import reproduction

MNIST = recipes.get("mnist-linf-0.3-paper")


def test_passes_by_hand() -> None:
    """A detector of MNIST: of 320 images 32 are its own, and as many are attacked, a hundred times."""
    detector, robust, natural = MNIST.job("detector-3"), MNIST.job("robust"), MNIST.job("classifier")
    assert reproduction.step_passes(detector, 0.1) == 32 * 100 * 2 + 64 * 3
    assert reproduction.step_passes(robust, 0.1) == 64 * 7 * 2 + 64 * 3
    assert reproduction.step_passes(natural, 0.1) == 128 * 3
    assert reproduction.step_passes(replace(detector, balanced=False), 0.25) == 240 * 100 * 2 + 320 * 3
    assert reproduction.evaluation_passes(detector, 10_000) == 1500 * 200 * 2 + 20_000
    assert reproduction.gradients(replace(detector.validation_attack, restarts=3)) == 3 * 201


def test_all_of_a_recipe_is_the_sum_of_its_jobs() -> None:
    """The detectors are nearly all of it: ten times 15,600 steps of 6,592 passes of 28 million operations."""
    updates, evaluations = reproduction.operations(MNIST, 0.1)
    detectors = 10 * 15_600 * 6_592 * 27.8e6
    assert detectors < updates < 1.1 * detectors
    assert 0 < evaluations < updates


@pytest.mark.slow
def test_a_step_is_timed_and_its_operations_are_counted() -> None:
    small = replace(MNIST.job("detector-3"), width=8)
    found = reproduction.measure(small, (1, 28, 28))
    assert found["seconds"] > 0
    assert found["per_second"] > 1e6
    assert 10 < found["gradient_calls"] < 500
    assert 10 < found["update_calls"] < 2000


def test_the_table_has_every_recipe_and_says_what_is_assumed() -> None:
    stored: dict[str, Any] = read_json(reproduction.FILE)
    row = stored["rows"]["cifar10-linf-8-paper"]
    hours = (row["updates"] + row["evaluations"]) / (0.3 * 312e12) / 3600
    text = reproduction.table()
    assert all(f"| `{name}` |" in text for name in reproduction.PLANS)
    assert f"| {hours:.0f} h |" in text
    assert "Nothing was run on a GPU" in text
    assert row["detector_calls"] == row["step"]["update_calls"] + 40 * row["step"]["gradient_calls"]
