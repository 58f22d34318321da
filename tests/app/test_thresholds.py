"""The Thresholds page without a browser: cold, deep links, T, no record; and never a model call."""

import dataclasses
import re
from pathlib import Path

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor

import aatviz
from aatviz import curves
from aatviz.detectors import DetectorBank
from aatviz.evaluate import recipe_hash, result_file, weights_hash
from aatviz.recipes.evaluation import EVALUATIONS
from aatviz.store.files import write_arrays, write_json
from aatviz.ui import threshold_data

NAME = "mnist-linf-0.3-shared"
PAGE = Path(__file__).parents[2] / "pages" / "thresholds.py"
SLIDER = f"thresholds.{NAME}.T"


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    """The app's caches outlive a test; each test has a folder of its own."""
    st.cache_resource.clear()


def logits(count: int, seed: int) -> dict[str, Tensor]:
    """Random logits of ten classes, higher for the true one most of the time."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % 10
    scores = {"y": y}
    for name in ("z_f", "z_h", "z_r"):
        scores[name] = 3 * torch.randn(count, 10, generator=generator) - 4 + 9 * torch.nn.functional.one_hot(y, 10)
    return scores


@pytest.fixture
def measured(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> curves.CurveRecord:
    """A tiny system with a record; from now on every call of a detector fails."""
    system = aatviz.load_system(NAME)
    recipe = EVALUATIONS["curves"]
    note = {"recipe": dataclasses.asdict(recipe), "recipe_hash": recipe_hash(recipe), "weights_hash": weights_hash(system)}
    parts = {"natural": logits(400, 0), "generative": logits(120, 1), "integrated": logits(120, 2), "robust": logits(120, 3)}
    arrays = {f"{part}.{name}": a.numpy() for part, scores in parts.items() for name, a in scores.items()}
    write_json(result_file(system, "curves", "json"), note)
    write_arrays(result_file(system, "curves", "npz"), arrays)

    def no_call(*_: object) -> Tensor:
        raise AssertionError("The page called a model.")

    monkeypatch.setattr(DetectorBank, "forward", no_call)
    return curves.load(system)


def open_page(**url: str) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=30)
    app.session_state["app.sent-to-frame"] = True  # no frame around the page: it stands alone here
    for name, value in url.items():
        app.query_params[name] = value
    return app.run()


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption))


def test_a_cold_load_shows_the_numbers_at_the_default(measured: curves.CurveRecord) -> None:
    app = open_page()
    assert not app.exception
    threshold = app.slider(key=SLIDER).value
    point = curves.at(measured.generative, threshold)
    assert point.tpr.value >= threshold_data.DEFAULT_SHARE > curves.at(measured.generative, threshold + 0.11).tpr.value
    assert f"**{threshold_data.per_hundred(point.accuracy)} of 100** natural digits are accepted and right" in words(app)
    assert f"| accepted, **fooled** | {point.fooled} |" in words(app)
    assert "A stronger attack can only move the curves to the worse" in words(app)
    assert "loss 10, PGD with Adam, 100 steps of 0.01, L∞ ball of radius 0.3" in words(app)


def test_a_deep_link_sets_threshold_and_view(measured: curves.CurveRecord) -> None:
    app = open_page(T="2.5", logits="integrated", axis="linear", span="top", system=NAME)
    assert not app.exception
    assert app.slider(key=SLIDER).value == 2.5
    point = curves.at(measured.integrated, 2.5)
    assert (
        f"| At T = 2.5 | images |\n|---|--:|\n| **natural** | 400 |\n| accepted, right | {point.natural_right} |"
        in words(app)
    )
    assert (app.query_params["T"], app.query_params["axis"]) == ("2.5", "linear")


@pytest.mark.parametrize(("text", "end"), [("999", "max"), ("-1e9", "min"), ("inf", "max")])
def test_a_threshold_out_of_range_is_clamped(measured: curves.CurveRecord, text: str, end: str) -> None:
    app = open_page(T=text)
    slider = app.slider(key=SLIDER)
    assert not app.exception
    assert slider.value == getattr(slider, end)


@pytest.mark.parametrize("text", ["", "nan", "very high", "<b>1</b>"])
def test_a_threshold_that_is_no_number_is_the_default(measured: curves.CurveRecord, text: str) -> None:
    app = open_page(T=text)
    assert not app.exception
    assert app.slider(key=SLIDER).value == open_page().slider(key=SLIDER).value


def test_moving_the_threshold_moves_the_words_and_the_url(measured: curves.CurveRecord) -> None:
    app = open_page()
    top = app.slider(key=SLIDER).max
    app.slider(key=SLIDER).set_value(top).run()
    assert not app.exception
    assert "**0.0 of 100** natural digits are accepted and right" in words(app)
    assert "| accepted, **fooled** | 0 |" in words(app)
    assert app.query_params["T"] == f"{top:g}"


def test_the_shown_python_gives_the_shown_numbers(measured: curves.CurveRecord, capsys: pytest.CaptureFixture[str]) -> None:
    app = open_page(T="1.5")
    shown = [code.value for code in app.code]
    assert f"aatviz evaluate {NAME} --recipe curves" in shown
    exec(compile(shown[0], "shown", "exec"), {})
    fooled = re.findall(r"fooled=(\d+)", capsys.readouterr().out)
    assert [int(count) for count in fooled] == [
        curves.at(decisions, 1.5).fooled for decisions in (measured.generative, measured.integrated)
    ]


def test_the_csv_holds_every_point_of_the_curve(measured: curves.CurveRecord) -> None:
    curve = curves.curve(measured.integrated)
    rows = threshold_data.curve_csv(curve, measured.integrated).splitlines()
    assert len(rows) == 1 + len(curve.threshold)
    assert rows[0] == "threshold,tpr_eq7,fpr_eq8,accuracy_eq14,error_eq15,n_natural,n_attacked"
    assert rows[-1] == "inf,0,0,0,0,400,120"


def test_without_a_record_the_page_says_how_to_get_one(tiny_system_folder: Path) -> None:
    app = open_page()
    assert not app.exception
    assert f"aatviz evaluate {NAME} --recipe curves" in app.info[0].value
    assert not app.slider
