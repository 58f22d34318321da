"""Comparisons: the rows that are chosen, the pairs against single attacks, the counts of figure 8, storing, reproducing."""

import csv
import dataclasses
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import aatviz
from aatviz.attacks import Iterate
from aatviz.cli import main
from aatviz.explore.attack_grid.result import CSV_HEAD, MODELS, CompareSettings, Comparison, decide
from aatviz.explore.attack_grid.run import (
    Stored,
    choose_rows,
    compare,
    load_comparison,
    natural_logits,
    step_count,
    store_comparison,
)
from aatviz.explore.attack_path import trace_attack
from aatviz.explore.saving import exact
from aatviz.explore.snippets import comparison_code, comparison_command
from aatviz.runtime.files import read_arrays
from aatviz.store.results import result_file
from aatviz.store.systems import System
from tests.changed_systems import described_again

pytestmark = pytest.mark.slow

SHARED, SEPARATE = "mnist-linf-0.3-shared", "mnist-linf-0.3"


@pytest.fixture(scope="module")
def sample() -> tuple[Tensor, Tensor]:
    return aatviz.load_data("mnist", split="sample")


@pytest.fixture(scope="module")
def shared(tiny_systems: Path) -> System:
    return aatviz.load_system(tiny_systems / SHARED)


@pytest.fixture(scope="module")
def grid(shared: System, sample: tuple[Tensor, Tensor]) -> Comparison:
    """A short comparison of all models."""
    return compare(shared, CompareSettings(models=MODELS, steps=2, step_size=0.1, eps=0.15), *sample)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"models": ()}, "At least one model is needed; there are generative, robust, natural"),
        ({"models": ("integrated",)}, "A model is one of generative, robust, natural; got 'integrated'"),
        ({"eps": 8.0}, "on the \\[0,1\\] scale of the images; got 8"),
        ({"steps": -1}, "steps is a whole number of at least 0"),
        ({"digit": -3}, "digit is a whole number of at least 0"),
        ({"optimizer": "sgd"}, "optimizer is one of adam"),
    ],
)
def test_impossible_settings_say_what_is_possible(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        CompareSettings(**fields)


def test_models_have_one_order_so_that_equal_wishes_are_equal() -> None:
    assert CompareSettings(models=("robust", "generative", "robust")) == CompareSettings(models=("generative", "robust"))


def test_rows_are_one_of_each_class_or_different_ones_of_one_class(sample: tuple[Tensor, Tensor]) -> None:
    y = sample[1]
    assert y[choose_rows(CompareSettings(seed=4), y, 10)].tolist() == list(range(10))
    sevens = choose_rows(CompareSettings(digit=7, seed=4), y, 10)
    assert y[sevens].tolist() == [7] * 10
    assert len(sevens.unique()) == 10
    assert sevens.equal(choose_rows(CompareSettings(digit=7, seed=4), y, 10))
    assert not sevens.equal(choose_rows(CompareSettings(digit=7, seed=5), y, 10))


def test_a_class_with_few_samples_gives_all_of_them_and_one_without_any_is_named() -> None:
    y = torch.tensor([3, 1, 3])
    assert sorted(choose_rows(CompareSettings(digit=3), y, 10).tolist()) == [0, 2]
    with pytest.raises(ValueError, match="no sample of class 2"):
        choose_rows(CompareSettings(digit=2), y, 10)
    with pytest.raises(ValueError, match=r"classes from 0 to 9; got 12"):
        choose_rows(CompareSettings(targets=(1, 12)), y, 10)


@pytest.mark.slow
def test_some_targets_give_the_pairs_of_all(shared: System, sample: tuple[Tensor, Tensor]) -> None:
    """Columns for some classes only: the same numbers as in the grid of all, for the same samples."""
    x, y = sample
    attack: dict[str, Any] = {"eps": 0.1, "steps": 2, "step_size": 0.05, "models": ("robust",), "digit": 5}
    whole = compare(shared, CompareSettings(**attack), x, y)
    some = compare(shared, CompareSettings(**attack, targets=(8, 2, 5)), x, y)
    assert some.settings.targets == (2, 5, 8)
    assert torch.equal(some.index, whole.index[:3])
    torch.testing.assert_close(some.images["robust"], whole.images["robust"][:3, [2, 5, 8]], atol=1e-4, rtol=0)
    torch.testing.assert_close(some.after("robust"), whole.after("robust")[:3, [2, 5, 8]], atol=1e-3, rtol=0)
    assert torch.equal(some.is_pair, whole.is_pair[:3, [2, 5, 8]])
    natural = natural_logits(shared, "robust", x[:300], y[:300])
    assert some.summary(shared, "robust", natural).pairs == 6
    assert [row[4] for row in some.rows(shared)] == [2, 5, 8] * 3
    assert Comparison.from_arrays(some.to_arrays()).settings == some.settings
    assert [some.column(k) for k in (2, 5, 8, 3)] == [0, 1, 2, 0]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "norm"), [(SHARED, "Linf"), (SEPARATE, "L2")])
def test_every_pair_gets_what_it_would_get_alone(
    tiny_systems: Path, sample: tuple[Tensor, Tensor], name: str, norm: Any
) -> None:
    system, (x, y) = aatviz.load_system(tiny_systems / name), sample
    eps, step_size = (0.1, 0.04) if norm == "Linf" else (1.0, 0.4)
    settings = CompareSettings(digit=5, norm=norm, eps=eps, step_size=step_size, steps=3, optimizer="momentum")
    calls: list[Iterate] = []
    found = compare(system, settings, x, y, callback=calls.append)
    assert len(calls) == step_count(system, settings)
    for model, row, target in (("generative", 0, 3), ("generative", 9, 9), ("robust", 4, 0)):
        index = int(found.index[row])
        alone = trace_attack(system, settings.attack(model, target), x[index : index + 1], y[index])  # type: ignore[arg-type]
        torch.testing.assert_close(found.images[model][row, target], alone.perturbed, atol=1e-4, rtol=0)  # type: ignore[index]
        own = alone.z_h if model == "generative" else alone.z_r
        assert float(found.after(model)[row, target]) == pytest.approx(float(own[alone.kept, target]), abs=1e-3)  # type: ignore[arg-type]
        assert float(found.before(model)[row, target]) == pytest.approx(float(own[0, target]), abs=1e-3)  # type: ignore[arg-type]
    for model in settings.models:
        assert float(found.norms(model, norm).max()) <= eps + 1e-5
        assert (found.after(model) >= found.before(model)).all()


def test_an_error_in_the_callback_ends_it_at_once(shared: System, sample: tuple[Tensor, Tensor]) -> None:
    calls = []

    def give_up(iterate: Iterate) -> None:
        calls.append(iterate)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(shared, CompareSettings(), *sample, callback=give_up)
    assert len(calls) == 1


def test_natural_logits_are_counted_by_own_and_other_classes(shared: System, sample: tuple[Tensor, Tensor]) -> None:
    x, y = sample[0][:300], sample[1][:300]
    found = natural_logits(shared, "robust", x, y)
    z = shared.robust_classifier(x)
    assert found.own.sum(1).tolist() == [int((y == k).sum()) for k in range(10)]
    assert found.others.sum(1).tolist() == [int((y != k).sum()) for k in range(10)]
    b = 1
    low = (found.first + b) * found.width
    inside = (z[:, 4] >= low) & (z[:, 4] < low + found.width)
    assert found.own[4, b] == int((inside & (y == 4)).sum())
    assert found.others[4, b] == int((inside & (y != 4)).sum())
    assert float(found.median[4]) == pytest.approx(float(z[y == 4, 4].median()), abs=0.05)
    assert (found.low <= found.median).all()


@pytest.mark.slow
def test_the_summary_leaves_out_the_pairs_of_the_own_class(
    shared: System, sample: tuple[Tensor, Tensor], grid: Comparison
) -> None:
    x, y = sample[0][:300], sample[1][:300]
    natural = natural_logits(shared, "natural", x, y)
    found = grid.summary(shared, "natural", natural)
    pairs = [(r, t) for r in range(10) for t in range(10) if grid.y[r] != t]
    decision = grid.logits["natural"]["natural"].argmax(-1)
    after, l2 = grid.after("natural"), grid.norms("natural", "L2")
    assert found.pairs == len(pairs) == 90
    assert found.reached == sum(int(decision[r, t]) == t for r, t in pairs)
    assert found.above == sum(bool(after[r, t] > natural.median[t]) for r, t in pairs)
    assert found.among == sum(bool(after[r, t] > natural.low[t]) for r, t in pairs)
    assert found.l2 == pytest.approx(sum(float(l2[r, t]) for r, t in pairs) / 90, rel=1e-5)


def test_only_the_generative_classifier_has_a_logit_to_reject_by(shared: System, grid: Comparison) -> None:
    label, score = decide(shared, "generative", grid.logits["robust"])
    direct = shared.generative.predict(grid.images["robust"][2, 5][None])
    assert int(label[2, 5]) == int(direct)
    assert score is not None
    assert score.shape == label.shape == (10, 10)
    assert decide(shared, "robust", grid.logits["robust"])[1] is None


def test_what_is_stored_comes_back_for_these_weights_and_settings_only(
    tiny_system_folder: Path, sample: tuple[Tensor, Tensor], grid: Comparison
) -> None:
    system = aatviz.load_system(SHARED)
    natural = {model: natural_logits(system, model, sample[0][:100], sample[1][:100]) for model in MODELS}
    assert load_comparison(system) is None
    store_comparison(system, Stored(comparison=grid, natural=natural))
    assert load_comparison(system) is None  # not the default settings
    default = dataclasses.replace(grid, settings=CompareSettings())
    store_comparison(system, Stored(comparison=default, natural=natural))
    again = load_comparison(system)
    assert again is not None
    for model in ("generative", "robust"):
        torch.testing.assert_close(again.comparison.images[model], grid.images[model], atol=1e-5, rtol=0)
        torch.testing.assert_close(again.comparison.after(model), grid.after(model))
        assert (again.natural[model].own == natural[model].own).all()
    weights = tiny_system_folder / SHARED / "robust.safetensors"
    weights.write_bytes((tiny_system_folder / SEPARATE / "classifier.safetensors").read_bytes())
    assert load_comparison(described_again(system.folder)) is None


@pytest.mark.parametrize("name", [SHARED, SEPARATE])
def test_the_shipped_run_is_of_these_weights_small_and_of_the_default_settings(name: str) -> None:
    system = aatviz.load_system(name)
    found = load_comparison(system)
    assert found is not None, f"run: python tools/build_showcase.py {name}"
    assert result_file(system, "compare", "npz").stat().st_size < 300_000
    for model in found.comparison.settings.models:
        summary = found.comparison.summary(system, model, found.natural[model])
        assert summary.after > summary.before
        assert summary.linf == pytest.approx(0.4, abs=1e-3)


@pytest.mark.slow
def test_the_printed_command_and_python_give_these_numbers(
    tiny_system_folder: Path,
    sample: tuple[Tensor, Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    system = aatviz.load_system(SHARED)
    settings = CompareSettings(models=("robust",), digit=2, seed=3, norm="L2", eps=1.5, steps=2, step_size=0.5)
    direct = compare(system, settings, *sample)
    found = direct.summary(system, "robust", natural_logits(system, "robust", *sample))

    table = tmp_path / "pairs.csv"
    command = [*shlex.split(comparison_command(SHARED, settings))[1:], "--out", str(table)]
    monkeypatch.setattr(sys, "argv", ["aatviz", *command])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert f"mean perturbation: Linf {found.linf:.4f}, L2 {found.l2:.4f}" in said
    assert f"decides for the target in {found.reached}\n" in said
    assert f"5 % of the natural samples of that class: {found.among}\n" in said
    with table.open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == CSV_HEAD
    expected = direct.rows(system)
    assert len(rows) == 1 + len(expected) == 101
    for row, wanted in zip(rows[1:], expected, strict=True):
        assert row[:5] == [str(value) for value in wanted[:5]]
        assert [float(value) for value in row[5:]] == pytest.approx(wanted[5:], abs=1e-3)
    images = read_arrays(tmp_path / "pairs.npz")
    for name, values in exact(direct).items():
        if name == "settings":
            assert json.loads(str(images[name])) == json.loads(str(values))
        else:
            np.testing.assert_allclose(images[name], values, atol=1e-3)

    exec(compile(comparison_code(SHARED, settings), "shown", "exec"), {})
    printed = capsys.readouterr().out
    assert re.search(rf"pairs=90, .*reached={found.reached}, among={found.among}, above={found.above}\)", printed)
    assert float(re.findall(r"\bl2=([0-9.]+)", printed)[0]) == pytest.approx(found.l2, abs=1e-4)


def test_the_command_refuses_what_there_is_not(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["aatviz", "compare", SHARED, "--models", "generative,cleverest"])
    with pytest.raises(SystemExit, match="aatviz: A model is one of generative, robust, natural; got 'cleverest'"):
        main()
