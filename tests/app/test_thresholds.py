"""The Thresholds page without a browser: cold, deep links, choosing T, no record; and never a model call."""

import base64
import csv
import dataclasses
import io
import re
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor
from typer.testing import CliRunner

import aatviz
from aatviz import cli
from aatviz.explore import example_images
from aatviz.models.detectors import DetectorBank
from aatviz.recipes.paper import evaluations
from aatviz.runtime.files import write_arrays, write_json
from aatviz.store.results import recipe_hash, result_file, weights_hash
from aatviz.thresholds import choose as operating_points
from aatviz.thresholds import curves
from aatviz.thresholds.choose import Costs
from aatviz.ui.thresholds import data as threshold_data
from aatviz.ui.thresholds import live as threshold_live

NAME = "mnist-linf-0.3-shared"
PAGE = Path(__file__).parents[2] / "pages" / "thresholds.py"
STATE = f"thresholds.{NAME}"
OWN = (-1.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 0.0, 4.0, 5.0)


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    """The app's caches outlive a test; each test has a folder of its own."""
    st.cache_resource.clear()
    st.cache_data.clear()


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
    recipe = evaluations("mnist", "Linf", 0.3)["curves"]
    note = {"kind": "system", "recipe": dataclasses.asdict(recipe), "recipe_hash": recipe_hash(recipe)}
    note |= {"weights_hash": weights_hash(system)}
    counts = {"natural": 400, "held_out": 300, "generative": 120, "integrated": 120, "robust": 120}
    parts = {part: logits(count, seed) for seed, (part, count) in enumerate(counts.items())}
    arrays = {f"{part}.{name}": a.numpy() for part, scores in parts.items() for name, a in scores.items()}
    write_json(result_file(system, "curves", "json"), note)
    write_arrays(result_file(system, "curves", "npz"), arrays)

    def no_call(*_: object) -> Tensor:
        raise AssertionError("The page called a model.")

    monkeypatch.setattr(DetectorBank, "forward", no_call)
    return curves.load(system)


def view_of() -> threshold_data.ThresholdView:
    return threshold_data.threshold_view(aatviz.load_system(NAME))


def open_page(**url: str) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=30)
    app.session_state["app.sent-to-frame"] = True  # no frame around the page: it stands alone here
    for name, value in url.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, key: str) -> None:
    app.button(key=key).click().run()
    assert not app.exception


def words(app: AppTest) -> str:
    elements = (*app.markdown, *app.caption, *app.subheader, *app.success)
    return "\n".join(element.value for element in elements)


def sent(app: AppTest) -> dict[str, str]:
    """The settings as they stand in the session."""
    return {name: app.session_state[f"{STATE}.{name}"] for name in ("mode", "T", "Tk", "axis", "span", "logits")}


def test_a_cold_load_shows_the_numbers_at_the_default(measured: curves.CurveRecord) -> None:
    app = open_page()
    threshold = sent(app)["T"]
    assert threshold == operating_points.accepting(measured.generative.held_out, operating_points.REJECTION)
    generative, integrated = (curves.at(d, threshold) for d in (measured.generative, measured.integrated))
    assert f"The numbers at T = {threshold:g}" in words(app)
    assert f"| fooled and accepted, images | {generative.fooled} | {integrated.fooled} |" in words(app)
    assert (
        f"{threshold_data.with_interval(generative.accuracy)} | {threshold_data.with_interval(integrated.accuracy)} |"
        in (words(app))
    )
    assert "A stronger attack can only move the curves to the worse" in words(app)
    assert "loss 10, PGD with Adam, 100 steps of 0.01, L∞ ball of radius 0.3" in words(app)
    assert len(app.get("bidi_component")) == 1
    assert "tools/build_showcase.py" in words(app)  # there are no stored examples in this folder


def test_a_deep_link_sets_everything(measured: curves.CurveRecord) -> None:
    url = {"T": "2.5", "logits": "integrated", "axis": "linear", "span": "top", "judge": "integrated", "prior": "0.3"}
    app = open_page(system=NAME, **url)
    assert sent(app) == {"mode": "one", "T": 2.5, "Tk": (), "axis": "linear", "span": "top", "logits": "integrated"}
    assert f"| accepted and right, images | {curves.at(measured.generative, 2.5).natural_right} |" in words(app)
    assert {name: app.query_params[name] for name in url} == url


def test_a_link_with_a_threshold_for_each_detector(measured: curves.CurveRecord) -> None:
    text = ",".join(f"{value:g}" for value in OWN)
    app = open_page(mode="per_class", Tk=text)
    point = curves.at(measured.generative, OWN)
    assert sent(app)["Tk"] == OWN
    assert f"| accepted and right, images | {point.natural_right} |" in words(app)
    assert f"T₀ … T₉ = {text.replace(',', ', ')}" in words(app)
    assert app.query_params == {"mode": "per_class", "Tk": text}


def test_without_own_thresholds_every_detector_has_the_one(measured: curves.CurveRecord) -> None:
    app = open_page(mode="per_class", T="1.5")
    point = curves.at(measured.integrated, 1.5)
    assert f"| {point.natural_rejected} |\n| **attacked" in words(app)


@pytest.mark.parametrize(("text", "end"), [("999", "high"), ("-1e9", "low"), ("inf", "high"), ("0.449", 0.4)])
def test_a_threshold_is_brought_onto_the_slider(measured: curves.CurveRecord, text: str, end: str | float) -> None:
    expected = getattr(view_of(), end) if isinstance(end, str) else end
    assert sent(open_page(T=text))["T"] == expected


@pytest.mark.parametrize(
    "url", [{"T": "nan"}, {"T": "<b>1</b>"}, {"mode": "per_class", "Tk": "1,2"}, {"prior": "2"}, {"rejection": "99"}]
)
def test_a_silly_link_gets_a_kind_note_and_the_default(measured: curves.CurveRecord, url: dict[str, str]) -> None:
    app = open_page(**url)
    assert f"The link asks for {list(url)[-1]} = " in words(app)
    assert sent(app)["T"] == view_of().default


@pytest.mark.parametrize(("percent", "share"), [("1", 0.01), ("5", 0.05), ("0", 0.0)])
def test_the_button_sets_t_for_a_share_of_held_out_images(measured: curves.CurveRecord, percent: str, share: float) -> None:
    app = open_page(rejection=percent, T="-3")
    press(app, "choose-rejection-one")
    expected = operating_points.accepting(measured.generative.held_out, share)
    assert sent(app)["T"] == expected
    rejected = int((~measured.generative.held_out.accepted(expected)).sum())
    assert f"**T = {expected:g}** rejects {rejected} of the 300 held-out clean digits" in words(app)
    assert f"The numbers at T = {expected:g}" in words(app)


def test_the_buttons_set_every_t_k(measured: curves.CurveRecord) -> None:
    app = open_page(rejection="5", judge="integrated", c_miss="3")
    press(app, "choose-rejection-each")
    assert sent(app)["mode"] == "per_class"
    assert sent(app)["Tk"] == operating_points.accepting_per_class(measured.integrated.held_out, 0.05, 10)
    press(app, "choose-costs-each")
    chosen = operating_points.choose(measured.integrated, Costs(miss=3.0), classes=10)
    assert sent(app)["Tk"] == chosen
    press(app, "choose-costs-one")
    assert sent(app)["mode"] == "one"


def test_costs_choose_on_one_half_and_report_on_the_other(measured: curves.CurveRecord) -> None:
    app = open_page(c_miss="20", c_alarm="2", prior="0.5")
    press(app, "choose-costs-one")
    costs, decisions = Costs(miss=20.0, false_alarm=2.0, prior=0.5), measured.generative
    choosing, reporting = operating_points.halves(decisions.perturbed)
    chosen = operating_points.cheapest(decisions.held_out, choosing, costs)
    assert sent(app)["T"] == chosen
    expected = operating_points.expected_cost(decisions.natural, reporting, chosen, costs)
    assert "on 60 attacked digits. On the 60 other" in words(app)
    assert f"Expected cost of one image: {expected:.4f}" in words(app)


def test_a_lesson_locks_t_and_the_buttons_that_set_it(measured: curves.CurveRecord) -> None:
    app = open_page(T="1", lesson="x", lock="T,mode,rejection", hide="Tk")
    assert all(
        app.button(key=f"choose-{rule}-{each}").disabled for rule in ("rejection", "costs") for each in ("one", "each")
    )
    assert app.number_input(key=f"{STATE}.rejection").disabled


def test_the_shown_commands_and_python_give_the_shown_numbers(
    measured: curves.CurveRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    app = open_page(mode="per_class", Tk=",".join(f"{value:g}" for value in OWN), rejection="5")
    shown = [code.value for code in app.code]
    assert f"aatviz evaluate {NAME} --recipe curves" in shown
    outputs = []
    for code in shown:
        if code.startswith("import"):
            exec(compile(code, "shown", "exec"), {})
            outputs.append(capsys.readouterr().out)
    points = [curves.at(decisions, OWN) for decisions in (measured.generative, measured.integrated)]
    assert re.findall(r"fooled=(\d+)", outputs[0]) == [str(point.fooled) for point in points]
    share = operating_points.choose(measured.generative, 0.05)
    assert outputs[1].strip() == str(share)
    cheapest = operating_points.choose(measured.generative, Costs())
    assert outputs[2].strip() == str(cheapest)
    by_command = {code.split()[3]: run(code) for code in shown if code.startswith("aatviz thresholds")}
    assert f"{points[1].fooled} fooled, {points[1].caught} rejected" in by_command["--T-per-class"]
    assert f"T = {share:g}\n" in by_command["--clean-rejection"]
    assert f"T = {cheapest:g}\n" in by_command["--costs"]


def run(command: str) -> str:
    result = CliRunner().invoke(cli.app, command.split()[1:], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_browser_gets_every_score_once_and_in_order(measured: curves.CurveRecord) -> None:
    data = threshold_live.static_data(NAME, view_of())
    for name, decisions in (("generative", measured.generative), ("integrated", measured.integrated)):
        for part, decided in (("natural", decisions.natural), ("attacked", decisions.perturbed)):
            packed = data["classifiers"][name][part]
            logit = np.frombuffer(base64.b64decode(packed["logits"]), "<f4")
            tags = np.frombuffer(base64.b64decode(packed["tags"]), "<u2")
            assert logit.tolist() == decided.logit.sort().values.tolist()
            triples = sorted(zip(logit.tolist(), (tags & 0x7FFF).tolist(), (tags >> 15).tolist(), strict=True))
            columns = (decided.logit, decided.label, decided.right.int())
            assert triples == sorted(zip(*(column.tolist() for column in columns), strict=True))
    assert data["examples"] is None
    assert data["id"] == threshold_live.static_data(NAME, view_of())["id"]


def test_the_csvs_hold_every_point_and_every_logit(measured: curves.CurveRecord) -> None:
    curve = curves.curve(measured.integrated)
    rows = threshold_data.curve_csv(curve, measured.integrated).splitlines()
    assert len(rows) == 1 + len(curve.threshold)
    assert rows[0] == "threshold,tpr_eq7,fpr_eq8,accuracy_eq14,error_eq15,n_natural,n_attacked"
    assert rows[-1] == "inf,0,0,0,0,400,120"
    found = list(csv.DictReader(io.StringIO(threshold_data.logits_csv(view_of(), OWN))))
    assert len(found) == 2 * (400 + 120)
    point = curves.at(measured.generative, OWN)
    fooled = [row for row in found if (row["classifier"], row["images"]) == ("generative", "attacked")]
    assert sum(row["accepted"] == "1" and row["right"] == "0" for row in fooled) == point.fooled


def test_stored_examples_are_sent_and_in_the_csv(measured: curves.CurveRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = measured.generative.natural[:20]
    stored = example_images.Examples(
        index=torch.arange(20) * 3,
        y=torch.arange(20) // 2,
        images=dict.fromkeys(("natural", "generative", "integrated"), torch.zeros(20, 28, 28, dtype=torch.uint8)),
        decided={victim: {"natural": decided, "perturbed": decided} for victim in curves.JUDGES},
    )
    view = dataclasses.replace(view_of(), examples=stored)
    assert threshold_live.static_data(NAME, view)["examples"]["decided"]["integrated"]["attacked"]["logit"] == (
        decided.logit.tolist()
    )
    rows = [row for row in threshold_data.logits_csv(view, 1.0).splitlines() if ",example perturbed," in row]
    assert len(rows) == 40
    assert rows[1].startswith("generative,example perturbed,3,")


def test_without_a_record_the_page_says_how_to_get_one(tiny_system_folder: Path) -> None:
    app = open_page()
    assert f"aatviz evaluate {NAME} --recipe curves" in app.info[0].value
    assert not app.get("bidi_component")


def test_damaged_examples_do_not_take_the_page_away(measured: curves.CurveRecord) -> None:
    result_file(aatviz.load_system(NAME), "examples", "npz").write_bytes(b"nothing")
    assert "tools/build_showcase.py" in words(open_page())


@pytest.mark.parametrize("page", ["overview", "attack"])
def test_other_pages_start_at_the_same_threshold(measured: curves.CurveRecord, page: str) -> None:
    app = AppTest.from_file(PAGE.parent.parent / "app.py", default_timeout=30)
    app.query_params["system"] = NAME
    app.run()
    if page != "overview":
        app.switch_page(f"pages/{page}.py").run()
    assert app.session_state[f"{page}.T"] == operating_points.accepting(measured.generative.held_out, 0.01)
    assert "T" not in app.query_params
