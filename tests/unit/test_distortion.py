"""Table 3 on a tiny system: distances and rates as stored, only false positives counted."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from aatviz.data import load_data
from aatviz.evaluate import distortion, engine, finish, parts, refresh, run_part
from aatviz.recipes.evaluation import DistortionEvaluation
from aatviz.report.sections import SECTIONS
from aatviz.runtime.files import read_arrays
from aatviz.store.results import recipe_hash, result_file
from aatviz.store.systems import System, load_system

RECIPE = DistortionEvaluation(name="table-3", about="", count=6, depth=3, steps=25, step_size=0.1, paper=3.8)


@pytest.fixture
def system(tiny_system_folder: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    return load_system("mnist-linf-0.3-shared")


@pytest.mark.slow
def test_means_and_rates_are_those_of_the_stored_distances(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """In two parts, which hold the same images as one."""
    monkeypatch.setitem(engine.KINDS, DistortionEvaluation, dataclasses.replace(distortion.KIND, chunk=2))
    monkeypatch.setattr(distortion, "PART", 4)
    assert parts(system, RECIPE) == ["images from 0", "images from 4"]
    for part in reversed(parts(system, RECIPE)):
        run_part(system, RECIPE, part)
    record = finish(system, RECIPE)
    stored = read_arrays(result_file(system, "table-3", "npz"))
    kept = {name: np.concatenate([stored[f"{part}.{name}"] for part in parts(system, RECIPE)]) for name in ("last", "best")}
    x, _ = load_data("mnist", split="test")
    winning = system.generative.decide(system.detectors(x))[1]
    assert record["threshold"] == pytest.approx(float(winning.quantile(0.05)), abs=1e-5)
    assert 0.93 <= float((winning >= record["threshold"]).float().mean()) <= 0.97
    for name, row in record["distortion"].items():
        distance = torch.from_numpy(kept[name])
        found = distance[~distance.isnan()]
        assert len(found) >= 1
        assert row["value"] == pytest.approx(float(found.mean()), abs=1e-5)
        assert row["n"] == len(found)
        assert row["false_positive_rate"]["value"] == pytest.approx(len(found) / 6)
    last, best = (torch.from_numpy(kept[name]) for name in ("last", "best"))
    both = ~last.isnan()
    assert (best[both] <= last[both] + 1e-5).all()
    assert refresh(system, RECIPE, record) == record


@pytest.mark.parametrize("found", [0, 1, 2])
def test_a_mean_of_one_has_no_interval_and_of_none_no_value(found: int, system: System) -> None:
    distances = np.array([1.0, 3.0, np.nan, np.nan])[2 - found :][:3]
    parts = {"images from 0": {"last": distances, "best": distances, "accepted": np.array([0.95]), "threshold": np.zeros(1)}}
    record = distortion.summary(system, RECIPE, parts) | {"recipe": dataclasses.asdict(RECIPE), "seconds": 60.0}
    row = record["distortion"]["last"]
    assert row["n"] == found
    assert ("low" in row) == (found == 2)
    assert row["value"] == {0: None, 1: 3.0, 2: 2.0}[found]
    text = SECTIONS["distortion"](system, RECIPE, record)
    assert "nan" not in text
    assert ("mean L2 distortion" in text) == (found > 0)
    assert ("no interval" in text) == (found == 1)
    assert "false positive rate" in text


def test_a_threshold_that_is_given_is_kept_and_the_record_says_what_it_accepts(system: System) -> None:
    given = dataclasses.replace(RECIPE, name="table-3-threshold", threshold=-1.5, count=2, depth=1, steps=1)
    for part in parts(system, given):
        run_part(system, given, part)
    record = finish(system, given)
    winning = system.generative.decide(system.detectors(load_data("mnist", split="test")[0]))[1]
    assert record["threshold"] == -1.5
    assert record["accepted"] == pytest.approx(float((winning >= -1.5).float().mean()), abs=1e-3)
    assert recipe_hash(given) != recipe_hash(dataclasses.replace(given, threshold=None))


def test_towards_one_class_only_that_class_counts(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class is another than the image's own, and the same in whichever part the image is."""
    towards = dataclasses.replace(RECIPE, threshold=-100.0, count=60, depth=1, steps=1, one_target=True)
    found = []
    monkeypatch.setattr(distortion, "min_distortion", lambda goal, success, x, **_: found.append((goal, success, x)))
    (part,) = distortion.parts(system, towards)
    for rows in (slice(0, 60), slice(20, 40)):
        with pytest.raises(AttributeError):  # nothing was found
            distortion.compute(system, towards, part, rows, bf16=False)
    (goal, success, x), (_, some, _) = found
    test, y = load_data("mnist", split="test")
    hits = torch.stack([success(one.expand_as(x), torch.arange(60)) for one in test])
    label = system.generative.decide(system.detectors(test))[0]
    chosen = (goal(x)[0][:, None] + system.detectors(x)).abs().argmin(1)
    assert (chosen != y).all()
    assert len(chosen.unique()) > 5
    assert torch.equal(hits, chosen == label[:, None])
    assert torch.equal(some(x[20:40], torch.arange(20)), hits[torch.arange(20, 40), torch.arange(20, 40)])


def test_the_parts_cover_the_images_once_and_ask_for_no_more_than_there_are(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distortion, "PART", 25)
    parts = {"images from 0": 25, "images from 25": 25, "images from 50": 10}
    for count in (60, 230):
        found = distortion.parts(system, dataclasses.replace(RECIPE, count=count))
        assert {part.name: part.count for part in found} == parts
