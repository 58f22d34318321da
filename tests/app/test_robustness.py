"""The Robustness page without a browser: without records, with them, a run of one's own, and what can be taken home."""

import contextlib
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
from streamlit.testing.v1 import AppTest

from aatviz.data import open_split
from aatviz.evaluate import finish, images, parts, real_images, run_part
from aatviz.evaluate.honest import trial
from aatviz.models.detectors import DetectorBank
from aatviz.recipes.evaluation import HonestEvaluation, RealImagesEvaluation, ThoroughEvaluation
from aatviz.recipes.paper import evaluations
from aatviz.recipes.published import PUBLISHED
from aatviz.report.card_readme import readme_of
from aatviz.runtime.files import write_json
from aatviz.store.cards import update_card
from aatviz.store.results import result_file
from aatviz.store.systems import System, load_system
from aatviz.ui.common import takeaway
from aatviz.ui.robustness import paper, run, words
from aatviz.ui.session import stored

APP = Path(__file__).parents[2] / "app.py"
NAME = "mnist-linf-0.3-shared"
SMALL = HonestEvaluation(
    count=3,
    steps=2,
    restarts=1,
    queries=3,
    held_out="test",
    sweep_count=3,
    sweep_steps=(1, 3),
    sweep_step_sizes=(0.1, 0.3),
    sweep_eps=(1.0,),
    planted_count=2,
    planted_inner=5,
)
SUBSAMPLE = ThoroughEvaluation(count=3, steps=2, restarts=2, queries=3, radii=(0.5, 1.0), held_out="test")
MEASURE = run._seconds_per_call


@pytest.fixture(autouse=True)
def fresh_caches(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a folder of its own; how long a run takes is measured in a test of its own."""
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setattr(run, "_seconds_per_call", lambda *_: 0.01)


@pytest.fixture
def honest(measured_detectors: System, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A record of a tiny protocol beside those of the detectors; from now on there is no data set."""
    monkeypatch.setitem(evaluations("mnist", "Linf", 0.3), "honest", SMALL)
    with monkeypatch.context() as patch:
        patch.setenv("AATVIZ_DATA", str(data_folder))
        for part in parts(measured_detectors, SMALL):
            run_part(measured_detectors, SMALL, part)
        return finish(measured_detectors, SMALL)


def open_page(**url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run()
    app.switch_page("pages/robustness.py")
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))


def test_without_the_honest_protocol_the_page_opens_with_what_has_been_measured(measured_detectors: System) -> None:
    app = open_page()
    assert app.session_state["robustness.show"] == "paper"
    assert any("AUC of the detectors" in header.value for header in app.subheader)


def test_without_any_record_it_says_how_to_get_one() -> None:
    app = open_page()
    assert f"aatviz evaluate {NAME} --recipe honest" in text(app)
    assert f"aatviz evaluate {NAME}" in text(open_page(show="paper"))


def test_the_verdict_says_what_the_record_says_and_calls_no_model(
    honest: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DetectorBank, "forward", None)
    app = open_page(clean="1%")
    shown = text(app)
    row = honest["victims"]["generative"]["at"][1]
    worst = row["error"]["worst of all"]
    assert f"**{worst['value']:.1%}** ({worst['low']:.1%} to {worst['high']:.1%}, n = 3)" in shown
    assert f"right and accepted on {row['accuracy']['value']:.1%} of natural images" in shown
    assert "1% of held-out natural images rejected" in shown
    assert len(app.get("plotly_chart")) == 4
    for check in row["checks"]:
        assert f"{'✓ passed' if check['passed'] else '✗ **failed**'}: {check['check']}" in shown
    assert "Without rejection" in text(open_page(clean="none"))


def test_the_subsample_shows_what_rejecting_costs_and_what_more_effort_finds(
    honest: dict[str, Any], measured_detectors: System, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(evaluations("mnist", "Linf", 0.3), "thorough", SUBSAMPLE)
    with monkeypatch.context() as patch:
        patch.setenv("AATVIZ_DATA", str(data_folder))
        for part in parts(measured_detectors, SUBSAMPLE):
            run_part(measured_detectors, SUBSAMPLE, part)
        record = finish(measured_detectors, SUBSAMPLE)
    for asked in (record, honest):  # more than the test set has: n is what was attacked
        asked["recipe"] |= {"count": 987, "sweep_count": 987}
        write_json(result_file(measured_detectors, asked["recipe"]["name"], "json"), asked)
    app = open_page(clean="5%")
    assert any("If rejecting costs" in header.value for header in app.subheader)
    assert len(app.get("plotly_chart")) == 5
    found = record["victims"]["integrated"][1]["error"]["many restarts"]
    assert f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})" in text(app)
    assert "the paper's loss, 2 restarts" in text(app)
    assert "987" not in text(app)
    pushed = record["victims"]["robust"][1]["rejected"][1]
    assert "within Linf 0.15 (0.5 of the ball of the training), or fooled within all of it" in text(app)
    assert f"**{pushed['value']:.0%}** ({pushed['low']:.0%} to {pushed['high']:.0%}) for the robust classifier" in text(app)
    assert "Choose 1 % or 5 %" in text(open_page(clean="none"))
    assert "n = 3 test images, a subsample" in "".join(caption.value for caption in app.caption)


def test_the_table_as_csv_holds_every_number(honest: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(takeaway.table(*words.csv(honest)))))
    found = [row for row in rows if (row["victim"], row["attack"], row["clean_rejection"]) == ("robust", "APGD", "0.05")]
    assert len(found) == 1
    assert float(found[0]["error"]) == honest["victims"]["robust"]["at"][2]["error"]["APGD"]["value"]


def test_the_papers_tables_stand_beside_the_papers_numbers(measured_detectors: System) -> None:
    app = open_page(show="paper", table="table-11")
    record = stored.records(measured_detectors)["table-11"]
    shown = text(app)
    row = record["rows"][9]
    (value,) = row["last"].values()
    assert f"| k = 9, Adam 200 x 0.01 | 0.99418 | {value['value']:.5f}" in shown
    assert len(app.get("plotly_chart")) == 2
    worst = text(open_page(show="paper", table="worst-case"))
    value = stored.records(measured_detectors)["worst-case"]["rows"][0]["worst"]
    assert f"| k = 0, worst of all |  | {value['value']:.5f}" in worst


def test_real_images_within_reach_are_told_with_what_they_do_to_the_auc(
    measured_detectors: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a ball without one, and in one with some; the sample's digits stand for the whole data set."""
    for module in (real_images, images):
        monkeypatch.setattr(module, "open_split", lambda _, split: open_split("mnist-sample", split))
    recipe = RealImagesEvaluation(count=20)
    for eps in (0.3, 0.99):
        card = dataclasses.replace(measured_detectors.card, eps=eps)
        for part in parts(measured_detectors, recipe):
            run_part(dataclasses.replace(measured_detectors, card=card), recipe, part)
        record = finish(dataclasses.replace(measured_detectors, card=card), recipe)
        shown = text(open_page(show="paper"))
        assert "Real digits within reach" in [s.value for s in open_page(show="paper").subheader]
        if eps == 0.3:
            assert "Of 200 pairs of an out-of-class test image and a class, none has a real" in shown
        else:
            assert f"mean AUC of these detectors to **{record['mean']['auc']:.4f}**" in shown
            assert f"| mean | {record['mean']['in_reach']:.4f} (" in shown


def test_where_the_paper_measured_another_system_its_numbers_say_so(
    measured_detectors: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the page, on that of the detectors, and in the README of the folder."""
    threat = measured_detectors.card.threat
    said = "its numbers are those of ten wide networks; here it is"
    assert said not in text(open_page(show="paper"))
    monkeypatch.setitem(PUBLISHED, threat, dataclasses.replace(PUBLISHED[threat], setting="ten wide networks"))
    assert said in text(open_page(show="paper"))
    assert said not in text(open_page(show="paper", table="worst-case"))
    detectors = AppTest.from_file(APP, default_timeout=60)
    detectors.switch_page("pages/detectors.py")
    assert said in text(detectors.run())
    update_card(measured_detectors.folder)
    tables = readme_of(measured_detectors.folder).split("## ")
    assert [said in table for name in ("table-11", "worst-case") for table in tables if table.startswith(name)] == [
        True,
        False,
    ]


def test_every_search_for_the_smallest_distortion_is_shown(
    measured_detectors: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = {"value": 2.5, "low": 2.0, "high": 3.0, "n": 40}
    rate = {"value": 0.75, "low": 0.6, "high": 0.9, "n": 40}
    mean = {"last": value | {"false_positive_rate": rate}, "best": value | {"false_positive_rate": rate}}
    found = {}
    for name, threshold in (("table-3", None), ("table-3-threshold", 3.0)):
        recipe = {"about": f"This is {name}.", "paper": 3.8, "threshold": threshold, "true_positive_rate": 0.95}
        found[name] = {"kind": "distortion", "recipe": recipe, "distortion": mean, "threshold": 3.0, "accepted": 0.875}
    monkeypatch.setattr(stored, "records", lambda *_: found)
    monkeypatch.setattr(paper.data, "distances", lambda *_: np.array([1.0, 2.0, 4.5]))
    app = open_page(show="paper")
    assert len(app.get("plotly_chart")) == 2
    assert "**Table 3.** This is table-3." in text(app)
    assert "**Table 3 threshold.** This is table-3-threshold." in text(app)
    assert "at the T that accepts 95.0% of natural images (T = 3.00): 75.0% of the images became" in text(app)
    assert "at T = 3.00, which accepts 87.5% of natural images" in text(app)
    none = {"value": None, "n": 0, "false_positive_rate": rate | {"value": 0.0, "low": 0.0, "high": 0.1}}
    del found["table-3-threshold"]
    found["table-3"] |= {"distortion": {"last": none, "best": none}}
    app = open_page(show="paper")
    assert len(app.get("plotly_chart")) == 0
    assert "0.0% of the images became false positives" in text(app)


def test_a_table_that_this_system_lacks_falls_back_to_one_it_has(measured_detectors: System) -> None:
    app = open_page(show="paper", table="table-12")
    assert app.session_state["robustness.table"] == "table-11"


def test_a_run_of_ones_own_gives_what_its_snippet_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "HonestEvaluation", lambda: SMALL)
    app = open_page(show="own", victim="integrated", attack="combined", count="4", eps="0.2")
    assert "4 images, 3 questions about each" in text(app)
    next(button for button in app.button if button.label == "Attack them").click().run()
    limit = time.monotonic() + 60
    while "robustness.running" in app.session_state and time.monotonic() < limit:
        time.sleep(0.05)
        app.run()
    scores = app.session_state["robustness.shown"].value
    assert scores.shape == (4,)
    assert "Integrated classifier" in text(app)
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(app.code[0].value, names)
    assert torch.equal(names["scores"], scores)


def test_an_attack_that_a_victim_is_not_offered_becomes_every_target() -> None:
    app = open_page(show="own", victim="robust", attack="combined surrogate")
    assert app.session_state["robustness.attack"] == "multi-targeted"


def test_the_cost_is_measured_on_a_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_seconds_per_call", MEASURE)
    system = load_system(NAME)
    chosen = trial.Trial(victim="generative", attack="APGD", count=2, eps=0.3)
    request = run.request(system, chosen, torch.rand(5, 1, 28, 28), torch.arange(5))
    assert request.total == 9 * 101
    assert request.seconds() > 0


def test_silly_links_get_a_kind_note_and_the_default() -> None:
    app = open_page(show="everything", clean="99%", count="0", eps="7", victim="me")
    assert "nobody" not in text(app)
    assert app.session_state["robustness.show"] == "verdict"
    assert len([note for note in app.caption if ":material/info:" in note.value]) >= 1
