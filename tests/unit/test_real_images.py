"""The look-up of real in-class images in a ball: counted by hand, scored by the bank, told in words."""

import dataclasses
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from aatviz.data import dataset, load_data
from aatviz.evaluate import engine, finish, parts, real_images, refresh, run_part
from aatviz.evaluate.images import evenly
from aatviz.metrics import auc
from aatviz.recipes.evaluation import RealImagesEvaluation
from aatviz.report import report
from aatviz.runtime.files import read_arrays
from aatviz.store.results import result_file
from aatviz.store.systems import System, load_system
from aatviz.ui.robustness.words import reach
from tools import limit_table

pytestmark = pytest.mark.slow

RECIPE = RealImagesEvaluation(count=30)


@pytest.fixture
def system(tiny_system_folder: Path) -> System:
    found = load_system("mnist-linf-0.3-shared")
    return dataclasses.replace(found, card=dataclasses.replace(found.card, dataset="mnist-sample", norm="L2", eps=7.0))


@pytest.mark.parametrize(("norm", "eps"), [("L2", 7.0), ("Linf", 0.99)])
def test_every_image_in_the_ball_is_counted_and_the_highest_logit_kept(
    system: System, monkeypatch: pytest.MonkeyPatch, norm: str, eps: float
) -> None:
    """In chunks, against loops over all pairs."""
    monkeypatch.setitem(engine.KINDS, RealImagesEvaluation, dataclasses.replace(real_images.KIND, chunk=8))
    system = dataclasses.replace(system, card=dataclasses.replace(system.card, norm=norm, eps=eps))
    for part in parts(system, RECIPE):
        run_part(system, RECIPE, part)
    record = finish(system, RECIPE)
    scores = read_arrays(result_file(system, "real-images", "npz"))
    (x, y), (real, labels) = load_data("mnist-sample", split="test"), load_data("mnist-sample", split="train")
    for k in (0, 7):
        negative, candidates = evenly(x[y != k], 30), real[labels == k]
        order = torch.inf if norm == "Linf" else 2
        for row, image in enumerate(negative):
            near = torch.linalg.vector_norm((candidates - image).flatten(1), order, dim=1) <= eps
            shown = torch.cat([image[None], candidates[near]])
            assert scores[f"detector-{k}.inside"][row] == near.sum()
            with torch.no_grad():
                highest = system.detectors.logit(shown, k).max()
            assert scores[f"detector-{k}.highest"][row] == pytest.approx(float(highest), abs=1e-4)
    assert 0 < record["mean"]["in_reach"] < 1
    first = record["rows"][0]
    assert first["in_reach"]["value"] == np.mean(scores["detector-0.inside"] > 0)
    assert first["auc"]["value"] == auc(
        *(torch.from_numpy(scores[f"detector-0.{name}"]) for name in ("positive", "highest"))
    )
    assert refresh(system, RECIPE, record) == record


def test_words_and_report_hold_the_numbers_of_the_record(system: System) -> None:
    for part in parts(system, RECIPE):
        run_part(system, RECIPE, part)
    record = finish(system, RECIPE)
    words = reach(record, dataset("mnist-sample"))
    assert f"**{record['mean']['in_reach']:.1%}** of the out-of-class test images" in words
    assert f"**{record['mean']['auc']:.4f}**" in words
    means = [rf"{record['mean'][name]:.{digits}f} \([\d.]+ to [\d.]+\)" for name, digits in (("in_reach", 4), ("auc", 5))]
    n = sum(row["auc"]["n"] for row in record["rows"])
    assert re.search(rf"\| mean \| {means[0]} \| {means[1]} \| {n} \|", report(system))
    assert "none has a real training image" in reach(
        record | {"mean": record["mean"] | {"in_reach": 0.0}}, dataset("mnist-sample")
    )


def test_the_table_of_what_an_attack_can_have_left_takes_a_ball_without_a_real_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    value = {"value": 0.99, "low": 0.98, "high": 1.0, "n": 20}
    attacked = {"paper": {limit_table.ATTACK: 0.99}, "last": {limit_table.ATTACK: value}, "worst": value}
    reach = [value | {"value": found} for found in (0.0, 0.04, 0.005)]
    records = {
        limit_table.TABLE: {"rows": [attacked | {"detector": k} for k in range(3)]},
        limit_table.LOOKED_UP: {"rows": [{"detector": k, "in_reach": found, "auc": value} for k, found in enumerate(reach)]},
    }
    monkeypatch.setattr(limit_table, "load_system", lambda _: SimpleNamespace(folder=None, card=None))
    monkeypatch.setattr(limit_table, "valid_records", lambda *_: records)
    last = [line.split("|")[-2].strip() for line in limit_table.table()[-1].splitlines()[2:]]
    assert last == ["no limit: none in reach", "25.0%", "100.0%"]
