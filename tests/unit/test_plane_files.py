"""What is taken home from the Playground: a map as a picture, all maps, and the curves."""

import csv
import io

import numpy as np
import pytest
import torch

from aatviz.data import toy
from aatviz.explore.plane import bundled
from aatviz.recipes.plane import PlaneSettings
from aatviz.ui.common.plane_map import SIZE, drawn
from aatviz.ui.playground import files, training
from aatviz.ui.playground.training import Run


@pytest.fixture(scope="module")
def run() -> Run:
    settings = PlaneSettings(anywhere=0.5)
    return training._fresh(bundled.POINTS, settings, bundled.trained(bundled.POINTS, settings))


def test_a_map_is_orange_above_t_and_blue_below_with_a_line_between_and_y_upwards() -> None:
    """A logit that rises with y alone, from 0 to 1; T lies at three quarters of the height."""
    landscape = ((torch.arange(48) + 0.5) / 48).view(48, 1).expand(48, 48)
    picture = drawn(landscape, 0.75, torch.tensor([[0.5, 0.1]]), [0], 0)
    pixels = np.asarray(picture.picture()).astype(int)
    top, bottom = pixels[10, 20], pixels[-10, 20]
    assert top[0] > top[2] + 50
    assert bottom[2] > bottom[0] + 50
    dark = pixels[:, 20].sum(-1).argmin()
    assert abs(dark - 0.25 * SIZE) <= 2
    assert pixels[round(0.9 * SIZE), SIZE // 2].tolist() == pytest.approx([0, 0x72, 0xB2], abs=16)


def test_the_sheet_has_a_map_for_each_model_and_class_and_the_cross(run: Run) -> None:
    before = np.asarray(files.maps(run))
    run.cross = "250,5,13,128"
    after = np.asarray(files.maps(run))
    assert before.shape == after.shape
    assert before.shape[0] > 3 * SIZE
    assert 2 * SIZE < before.shape[1] < 3 * SIZE
    changed = (before != after).any(-1)
    lower_right = files.MARGIN + files.HEAD + 2 * files.LINE + SIZE - 40
    assert changed[lower_right : lower_right + 40, files.MARGIN + SIZE - 30 : files.MARGIN + SIZE].any()


def test_the_curves_say_their_settings_and_join_loss_and_auc_of_an_update(run: Run) -> None:
    run.losses["robust"] = [(8, 0.7), (100, 0.25)]
    run.aucs["robust"] = [(100, 0.875, 0.5)]
    rows = list(csv.DictReader(io.StringIO(files.curves_csv(run))))
    assert {toy.named(row["points"]) for row in rows} == {run.points}
    assert {(row["recipe"], row["anywhere"], row["bank"]) for row in rows} == {("plane-a50", "0.5", "shared")}
    robust = [row for row in rows if row["model"] == "robust"]
    assert [(row["update"], row["loss"], row["auc_natural"], row["auc_attacked"]) for row in robust] == [
        ("8", "0.7", "", ""),
        ("100", "0.25", "0.875", "0.5"),
    ]
    assert [row["update"] for row in rows if row["model"] == "detectors"] == ["2000"]
