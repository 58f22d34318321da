"""The Compare page without a browser: stored run, links, a whole run, the way to the Attack page, what can be taken home."""

import csv
import dataclasses
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest
from torch import Tensor

import aatviz
from aatviz.data import dataset
from aatviz.explore.attack_grid.result import MODELS, CompareSettings, Comparison, NaturalLogits
from aatviz.explore.attack_grid.run import Stored, compare, natural_logits, store_comparison
from aatviz.models.detectors import DetectorBank
from aatviz.ui.common import takeaway
from aatviz.ui.compare import figures as compare_figures
from aatviz.ui.compare import results as compare_results
from aatviz.ui.compare import run as compare_run
from aatviz.ui.compare import view as compare_view
from aatviz.ui.compare.controls import state
from aatviz.ui.compare.picture import ENLARGED, GAP, HEAD, MARGIN, picture

APP = Path(__file__).parents[2] / "app.py"
NAME = "mnist-linf-0.3-shared"
MNIST = dataset("mnist")
MEASURE = compare_run._seconds_per_call


@pytest.fixture(autouse=True)
def fresh_caches(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a folder of its own; how long a run takes is measured in a test of its own."""
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setattr(compare_run, "_seconds_per_call", lambda *_: 0.01)


@pytest.fixture(scope="module")
def short(tiny_systems: Path) -> tuple[Comparison, dict[Any, NaturalLogits]]:
    """A comparison of a single step that says it had the default settings, and the logits of a few natural digits."""
    system = aatviz.load_system(tiny_systems / NAME)
    x, y = aatviz.load_data("mnist", split="sample")
    grid = compare(system, CompareSettings(steps=1, step_size=0.2), x, y)
    natural = {model: natural_logits(system, model, x[:200], y[:200]) for model in MODELS}
    return dataclasses.replace(grid, settings=CompareSettings()), natural


@pytest.fixture
def stored(short: tuple[Comparison, dict[Any, NaturalLogits]], tiny_system_folder: Path) -> Comparison:
    store_comparison(aatviz.load_system(NAME), Stored(comparison=short[0], natural=short[1]))
    return short[0]


def open_page(page: str = "compare", **url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run()
    app.switch_page(f"pages/{page}.py")
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def press_and_wait(app: AppTest, page: str, label: str) -> Any:
    """Press the button and return what is on show when the run is over."""
    next(button for button in app.button if button.label == label).click().run()
    limit = time.monotonic() + 60
    while f"{page}.running" in app.session_state and time.monotonic() < limit:
        time.sleep(0.05)
        app.run()
    assert not app.exception
    return app.session_state[f"{page}.shown"].value


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))


def test_without_a_stored_run_it_invites_to_press_the_button() -> None:
    app = open_page()
    assert "press **Compare**" in app.info[0].value
    assert "on this machine: 2 models, 100 pairs each, 100 steps" in words(app)
    assert "10 models" not in words(app)


def test_a_stored_run_is_there_at_once_without_any_model(stored: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_call(*_: object) -> Tensor:
        raise AssertionError("The page called a model.")

    monkeypatch.setattr(DetectorBank, "forward", no_call)
    app = open_page()
    assert len(app.get("bidi_component")) == 1
    assert len(app.get("plotly_chart")) == 2
    assert "of 90** attacked ones get over the low mark" in words(app)
    assert f"aatviz compare {NAME} --models generative,robust --seed 0" in app.code[0].value
    changed = open_page(steps="7")
    assert "a stored run of the default settings" in words(changed)


def test_the_cost_is_measured_on_a_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_run, "_seconds_per_call", MEASURE)
    x, y = aatviz.load_data("mnist", split="sample")
    request = compare_run.request(aatviz.load_system(NAME), CompareSettings(steps=5), x, y)
    assert request.total == 2 * 6
    assert request.seconds() > 0


def test_a_link_is_run_exactly_as_it_says(stored: Comparison) -> None:
    url = {"rows": "class", "digit": "4", "seed": "2", "models": "natural", "norm": "L2", "eps": "1.5", "steps": "2"}
    url |= {"step_size": "0.5", "optimizer": "steepest", "row": "6", "target": "1", "view": "perturbation", "magnify": "5"}
    app = open_page(**url)
    assert app.query_params == url
    shown = press_and_wait(app, "compare", "Compare")
    fields = {"digit": 4, "seed": 2, "norm": "L2", "eps": 1.5, "steps": 2, "step_size": 0.5, "optimizer": "steepest"}
    settings = CompareSettings(models=("natural",), **fields)
    assert shown.comparison.settings == settings
    direct = compare(aatviz.load_system(NAME), settings, *aatviz.load_data("mnist", split="sample"))
    torch.testing.assert_close(shown.comparison.images["natural"], direct.images["natural"])
    torch.testing.assert_close(shown.comparison.after("natural"), direct.after("natural"))
    assert app.query_params == url


def test_silly_links_get_a_kind_note_and_the_default(stored: Comparison) -> None:
    url = {"models": "cleverest", "eps": "8", "steps": "1e9", "row": "10", "target": "-1", "magnify": "x", "view": "3d"}
    app = open_page(**url)
    note = app.info[0].value
    for name, value in (url | {"steps": "1e9"}).items():
        assert name == "eps" or f"{name} = `{value!r}`" in note
    assert "An Linf ε is on the [0,1] scale; 8 is too much. 0.4 is used instead." in note
    assert "some of generative, robust, natural" in note
    assert app.session_state["compare.models"] == ["generative", "robust"]


def test_without_any_model_the_generative_classifier_is_taken(stored: Comparison) -> None:
    app = open_page()
    app.get("button_group")[1].set_value([]).run()
    assert not app.exception
    assert "Choose at least one" in words(app)
    assert "1 model, 100 pairs" in words(app)


def test_a_cancelled_run_says_so(stored: Comparison) -> None:
    app = open_page(steps="500", models="generative,robust,natural")
    next(button for button in app.button if button.label == "Compare").click().run()
    next(button for button in app.button if button.label == "Cancel").click().run()
    assert "was cancelled" in words(app)
    assert not app.exception


@pytest.mark.parametrize(("model", "row", "target"), [("generative", 3, 8), ("robust", 9, 0)])
def test_a_cell_opens_on_the_attack_page_with_its_own_numbers(model: Any, row: int, target: int) -> None:
    system = aatviz.load_system(NAME)
    settings = CompareSettings(models=("generative", "robust"), eps=0.25, steps=3, step_size=0.1, optimizer="momentum")
    grid = compare(system, settings, *aatviz.load_data("mnist", split="sample"))
    params = compare_results.attack_params(grid, {"model": model, "row": row, "target": target}, 1.5)
    app = open_page("attack", **params)
    assert app.session_state["attack.T"] == 1.5
    trace = press_and_wait(app, "attack", "Attack")[0]
    assert trace.settings == settings.attack(model, target)
    torch.testing.assert_close(trace.perturbed, grid.images[model][row, target], atol=1e-4, rtol=0)
    own = trace.z_h if model == "generative" else trace.z_r
    assert float(own[trace.kept, target]) == pytest.approx(float(grid.after(model)[row, target]), abs=1e-3)
    assert trace.l2 == pytest.approx(float(grid.norms(model, "L2")[row, target]), abs=1e-3)


@pytest.mark.parametrize("cell", [{"model": "x", "row": -4, "target": 99}, {"model": "natural", "row": 0, "target": 0}])
def test_a_cell_that_is_none_opens_the_nearest(short: tuple[Comparison, Any], cell: dict[str, Any]) -> None:
    params = compare_results.attack_params(short[0], cell, 0.0)
    assert (params["victim"], params["index"]) == ("generative", str(int(short[0].index[0])))
    assert params["target"] in ("0", "9")


def test_the_browser_gets_everything_once_and_its_id_changes_with_the_run_only(
    short: tuple[Comparison, dict[Any, NaturalLogits]],
) -> None:
    grid, natural = short
    system = aatviz.load_system(NAME)

    def data(grid: Comparison, threshold: float, view: str) -> dict[str, Any]:
        place = {"row": 0, "target": 1, "view": view, "magnify": 2}
        limits = {"most_magnified": 20, "locked": [], "hidden": []}
        return compare_view.view_data(system, MNIST, grid, natural, place=place, threshold=threshold, **limits)

    first, second = data(grid, 0.0, "perturbed"), data(grid, 3.0, "perturbation")
    assert first["id"] == second["id"]
    other = dataclasses.replace(grid, images={model: 1 - images for model, images in grid.images.items()})
    assert data(other, 0.0, "perturbed")["id"] != first["id"]
    assert first["scale"] == pytest.approx(float((grid.images["robust"] - grid.natural[:, None]).abs().max()), abs=1e-6)
    robust = first["models"][1]
    assert robust["after"][37] == pytest.approx(float(grid.after("robust")[3, 7]))
    assert robust["verdicts"]["generative"]["score"] is not None
    assert robust["verdicts"]["robust"]["score"] is None


def test_a_histogram_counts_every_digit_and_keeps_its_axis(short: tuple[Comparison, dict[Any, NaturalLogits]]) -> None:
    grid, natural = short
    everything = compare_figures.histograms(grid, MNIST, "robust", natural["robust"], (3, 8), None)
    one = compare_figures.histograms(grid, MNIST, "robust", natural["robust"], (3, 8), 8)
    assert [sum(bar.customdata) for bar in everything.data[:3]] == [200, 1800, 90]
    own = int(natural["robust"].own[8].sum())
    assert [sum(bar.customdata) for bar in one.data[:3]] == [own, 200 - own, 9]
    assert everything.layout.xaxis.range == one.layout.xaxis.range
    low, high = one.layout.xaxis.range
    marks = [float(mark.x[0]) for mark in one.data[3:]]
    assert marks == pytest.approx([float(grid.before("robust")[3, 8]), float(grid.after("robust")[3, 8])])
    assert all(low <= mark <= high for mark in marks)


def test_what_can_be_taken_home_is_the_result(short: tuple[Comparison, dict[Any, NaturalLogits]]) -> None:
    grid = short[0]
    step = ENLARGED * 28 + GAP
    top, left = MARGIN + HEAD + 3 * step, MARGIN + (8 + 1) * step + GAP
    cell = np.s_[top : top + ENLARGED * 28 : ENLARGED, left : left + ENLARGED * 28 : ENLARGED]
    perturbed = np.asarray(Image.open(io.BytesIO(takeaway.png(picture(grid, MNIST, "perturbed", 1)))))
    assert np.array_equal(perturbed[cell][..., 0], (grid.images["generative"][3, 8, 0] * 255).round().byte().numpy())
    signed = np.asarray(picture(grid, MNIST, "perturbation", 4)).astype(int)[cell]
    delta = grid.delta("generative")[3, 8, 0].numpy()
    assert (signed[delta == 0] == 255).all()
    assert (signed[delta > 0.05][:, 0] > signed[delta > 0.05][:, 2]).all()  # orange: more red than blue
    assert (signed[delta < -0.05][:, 0] < signed[delta < -0.05][:, 2]).all()

    rows = list(csv.DictReader(io.StringIO(compare_results.pairs_csv(aatviz.load_system(NAME), grid))))
    assert len(rows) == 2 * 100
    row = rows[100 + 38]
    assert (row["model"], row["row"], row["class"], row["target"]) == ("robust", "3", "3", "8")
    assert float(row["target_logit"]) == pytest.approx(float(grid.after("robust")[3, 8]), abs=1e-4)


def test_what_the_browser_says_is_taken_over_as_far_as_it_makes_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    session: dict[str, Any] = {}
    monkeypatch.setattr(compare_results.st, "session_state", session)
    state.take({"row": 4, "target": 12, "view": "perturbation", "magnify": "many", "seed": 7}, compare_results.PLACE)
    assert session == {state.key("row"): 4, state.key("view"): "perturbation"}
