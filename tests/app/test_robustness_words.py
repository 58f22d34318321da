"""Words and figures of the Robustness page, from made-up records."""

from typing import Any

import pytest
import torch

from aatviz.store.systems import load_system
from aatviz.thresholds.curves import Curve
from aatviz.ui.robustness import figures, paper_figures, run, words


def test_an_attack_that_misses_planted_examples_is_called_weak() -> None:
    half = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100}
    lines = words.planted({"PGD, sign steps": half, "APGD": half | {"value": 0.95}, "random search": half}).splitlines()
    assert "**weak**" in lines[2]
    assert "weak" not in lines[3]
    assert "the control: it must not find them" in lines[4]
    easy = words.planted({"random search": half | {"value": 0.6}})
    assert "says little" in easy
    assert "must not" not in easy


def test_of_victims_whose_intervals_overlap_none_withstands_most() -> None:
    def of(**errors: tuple[float, float, float]) -> dict[str, dict[str, float]]:
        return {name: dict(zip(("low", "value", "high"), values, strict=True)) for name, values in errors.items()}

    low, near, far = (0.1, 0.2, 0.3), (0.25, 0.35, 0.45), (0.9, 0.95, 1.0)
    two = (
        "the **generative classifier** and **integrated classifier** withstand more than the other, and cannot be told apart"
    )
    assert words._most(of(generative=low, integrated=near, robust=far)).startswith(two)
    assert words._most(of(generative=far, robust=low)) == "the **robust classifier** withstands most."
    assert "more than" not in words._most(of(generative=low, robust=near))


def test_an_attack_on_the_classifier_alone_is_caught_only_where_the_record_says_so() -> None:
    def of(**errors: float) -> dict[str, Any]:
        return {"at_tpr": {"tpr": 0.95, "error": {name: {"value": value} for name, value in errors.items()}}}

    assert "left edge" in words.blind(of(**{words.BLIND: 0.0}))
    found = words.blind(of(**{words.BLIND: 0.44}))
    assert "gets 44% of the images past the detectors too, where T accepts 95% of natural ones" in found
    assert "left edge" not in found
    assert words.blind(of(generative=0.0)) == ""


def test_a_perfect_auc_has_its_place_on_the_log_axis() -> None:
    value = {"value": 1.0, "low": 0.99, "high": 1.0, "n": 100}
    fig = paper_figures.aucs([("k = 0", value, 1.0), ("k = 1", value | {"value": 0.995}, None)])
    assert fig.data[0].x[0] == fig.data[1].x[0] > 0
    assert dict(zip(fig.layout.xaxis.tickvals, fig.layout.xaxis.ticktext, strict=True))[fig.data[0].x[0]] == "0"
    assert fig.data[0].x[1] == pytest.approx(0.005)


@pytest.mark.parametrize(("highest", "lowest"), [(0.99, 0.49), (0.4, -0.01)])
def test_no_line_lies_outside_its_figure(highest: float, lowest: float) -> None:
    """A weak system's accuracy never reaches one half."""
    falling = torch.tensor([highest, 0.0])
    found = {"a": Curve(falling, falling, falling, falling, falling)}
    assert paper_figures.curves(found, "error").layout.yaxis.range[0] == lowest


def test_radii_in_the_figure_are_written_as_the_systems_own() -> None:
    error = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100}
    settings = [{"eps": radius} for radius in (0.0104, 8 / 255, 16 / 255, 1.0)]
    fig = figures.sweep({"robust": {"sweeps": {"eps": [error] * 4}}}, settings, "eps", 8 / 255)
    assert [row[3] for row in fig.data[0].customdata] == ["2.65/255", "8/255", "16/255", "1"]
    assert fig.layout.xaxis.ticktext == ("8/255", "1")  # and not 2.65/255, which would touch 8/255
    fig = figures.sweep({"robust": {"sweeps": {"eps": [error] * 2}}}, [{"eps": 0.201}, {"eps": 1.0}], "eps", 0.3)
    assert [row[3] for row in fig.data[0].customdata] == ["0.201", "1"]


def test_rows_are_put_into_words_for_each_victim() -> None:
    assert words.in_words("detectors", "generative") == "the paper's loss (loss 10)"
    assert words.in_words("detectors", "integrated") == "detectors alone (loss 10)"
    assert words.in_words("margin, 9 restarts", "robust") == "the same, 9 restarts"
    assert set(run.names(load_system("mnist-linf-0.3-shared"), "integrated")) <= set(words.every_name(10))
