"""The look-up of real in-class images in a ball: counted by hand, scored by the bank, and the bound that they imply."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from aatviz.data import load_data
from aatviz.evaluate import finish, parts, real_images, refresh, run_part
from aatviz.evaluate.images import evenly
from aatviz.recipes.evaluation import RealImagesEvaluation
from aatviz.recipes.paper import evaluations
from aatviz.report import report
from aatviz.store.files import read_arrays
from aatviz.store.results import result_file
from aatviz.store.systems import System, load_system
from aatviz.ui.robustness.words import reach

RECIPE = RealImagesEvaluation(count=30, paper=(0.9, 0.99999))


@pytest.fixture
def system(tiny_system_folder: Path) -> System:
    found = load_system("mnist-linf-0.3-shared")
    return dataclasses.replace(found, card=found.card | {"dataset": "mnist-sample", "norm": "L2", "eps": 7.0})


def test_the_bound_is_that_of_the_equation() -> None:
    assert real_images.auc_bound(np.array([0, 1, 3])) == pytest.approx(1 - (0 + 1 / 2 + 3 / 4) / 3)
    assert real_images.auc_bound(np.zeros(5)) == 1.0


def test_detectors_that_treat_all_in_class_images_alike_stay_below_the_bound() -> None:
    """Scores drawn at random, in reach and not; all of 400 draws together, within three standard errors."""
    generator = torch.Generator().manual_seed(0)
    inside = torch.tensor([0, 0, 1, 2, 5])
    wins = []
    for _ in range(400):
        positive = torch.randn(50, generator=generator)
        for m in inside.tolist():
            shown = torch.cat([torch.tensor([-100.0]), torch.randn(m, generator=generator)]).max()
            wins.append(float((positive > shown).float().mean()))
    bound, error = real_images.auc_bound(inside.numpy()), np.std(wins) / np.sqrt(len(wins))
    assert abs(np.mean(wins) - bound) < 3 * error


@pytest.mark.parametrize(("norm", "eps"), [("L2", 7.0), ("Linf", 0.99)])
def test_every_image_in_the_ball_is_counted_and_the_highest_logit_kept(
    system: System, monkeypatch: pytest.MonkeyPatch, norm: str, eps: float
) -> None:
    """In chunks, against loops over all pairs."""
    monkeypatch.setattr(real_images, "CHUNK", 8)
    system = dataclasses.replace(system, card=system.card | {"norm": norm, "eps": eps})
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
    assert record["rows"][0]["bound"] == real_images.auc_bound(scores["detector-0.inside"])
    assert refresh(system, RECIPE, record) == record


def test_words_and_report_say_where_the_papers_number_is_above_the_bound(system: System) -> None:
    for part in parts(system, RECIPE):
        run_part(system, RECIPE, part)
    record = finish(system, RECIPE)
    assert record["rows"][1]["bound"] < 0.99999
    assert "The paper's lowest AUC of detector 1, 0.99999, is above" in reach(record)
    nothing = dataclasses.replace(system, card=system.card | {"eps": 0.1})
    for part in parts(nothing, RECIPE):
        run_part(nothing, RECIPE, part)
    finish(nothing, RECIPE)
    text = report(system)
    assert "## real-images" in text
    assert f"{0.99999:.5f}" not in text.split("## real-images")[0]


def test_the_papers_lowest_numbers_go_with_each_threat() -> None:
    assert evaluations("L2", 5.0)["real-images"].paper == (0.99237, 0.99918)  # type: ignore[union-attr]
    assert evaluations("Linf", 0.2)["real-images"].paper == ()  # type: ignore[union-attr]
