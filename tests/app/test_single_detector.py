"""Pages of a system with one detector: thresholds of detection alone, and images of its class alone."""

import csv
import io
import time
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

import aatviz
from aatviz.explore import detector_records
from aatviz.explore.detector_records import Attacked, Profile
from aatviz.explore.generation.run import default_settings, generate
from aatviz.metrics import Interval
from aatviz.store.systems import System
from aatviz.ui.session import stored
from aatviz.ui.thresholds import detection
from tests.app.test_made_pages import edit_card, text
from tests.made_systems import Made

APP = Path(__file__).parents[2] / "app.py"
NAME = "pets-made"


@pytest.fixture
def system(made_systems: Made) -> System:
    """The dog detector, with a robust classifier, a judge and class Gaussians."""
    st.cache_resource.clear()
    st.cache_data.clear()
    edit_card(made_systems.checkpoints / NAME, {"detectors": ["detector-1.safetensors"]}, detector_classes=[1])
    return aatviz.load_system(NAME)


def open_page(page: str, **url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page(f"pages/{page}.py")
    app.query_params.update(url | {"system": NAME})
    app.run()
    assert not app.exception
    return app


def profile() -> Profile:
    """20 images of the class at 1 to 20, as many others at -20 to -1, and attacked ones at -10 to 9."""
    auc = Interval(0.9, 0.8, 1.0, 20)
    attacked = {name: Attacked(about="ten steps", scores=torch.arange(20.0) - 10, auc=auc) for name in ("paper", "worst")}
    return Profile(
        k=1, positive=torch.arange(20.0) + 1, negative=torch.arange(20.0) - 20, natural=auc, attacked=attacked, paper=None
    )


def test_thresholds_of_detection_alone_count_what_a_threshold_accepts(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector_records, "load", lambda _: [profile()])
    app = open_page("thresholds")
    assert "has a detector of dog alone" in text(app)
    assert app.slider[0].value == 2.0  # of 20, the lowest is rejected: 19 of 20 are accepted
    assert "| natural, of the class | 95.0%" in text(app)
    assert "| natural, of other classes | 0.0%" in text(app)
    assert "| of other classes, attacked | 40.0%" in text(app)  # 2 to 9
    app = open_page("thresholds", T="-3", attack="worst")
    assert "| natural, of other classes | 15.0%" in text(app)  # -3, -2, -1
    assert (app.query_params["T"], app.query_params["attack"]) == ("-3", "worst")
    assert 'profile.attacked["worst"].scores' in app.code[0].value
    assert "The link asks for T" in text(open_page("thresholds", T="high"))


def test_every_detector_begins_at_a_threshold_of_its_own(made_systems: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"detectors": ["detector-1.safetensors", "detector-2.safetensors"]}
    edit_card(made_systems.checkpoints / NAME, kept, detector_classes=[1, 2])
    st.cache_resource.clear()
    st.cache_data.clear()
    other = replace(profile(), k=2, positive=torch.arange(20.0) + 4)
    monkeypatch.setattr(detector_records, "load", lambda _: [profile(), other])
    for url, begins in (({}, 2.0), ({"k": "2"}, 5.0), ({"k": "2", "T": "3"}, 3.0)):
        app = open_page("thresholds", **url)
        assert app.slider[0].value == begins
        assert app.query_params == url | {"system": NAME}
    assert "| natural, of the class | 100.0%" in text(app)
    app = open_page("thresholds")
    app.button_group(key=f"thresholds.{NAME}.k").set_value(2).run()
    assert app.slider[0].value == 5.0


def test_pages_of_a_single_detector_speak_of_one(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_records, "load", lambda _: [profile()])
    app = open_page("detectors", k="1")
    assert "All detectors" not in [header.value for header in app.header]
    assert "The detector's AUC" in text(app)
    assert "The weakest here" not in text(app)
    assert "second highest bar" not in text(open_page("attack", pick="own", source="example"))
    value = {"value": 0.9, "low": 0.8, "high": 1.0, "n": 20}
    row = {"detector": 1, "last": {"ten": value}, "best": {"ten": value}, "worst": value, "natural": value, "paper": {}}
    recipe = {"name": "detectors", "about": "One detector.", "attacks": {"ten": {"steps": 10}}}
    monkeypatch.setattr(stored, "records", lambda *_: {"detectors": {"kind": "detectors", "recipe": recipe, "rows": [row]}})
    app = open_page("robustness", show="paper")
    assert {"AUC of the detector", "The detector under every attack"} <= {header.value for header in app.subheader}
    assert "the hardest" not in text(app)


def test_a_comparison_of_classifiers_alone_speaks_of_no_detectors(system: System) -> None:
    app = open_page("compare", steps="1")
    next(button for button in app.button if button.label == "Compare").click().run()
    for _ in range(100):
        if "compare.running" not in app.session_state:
            break
        time.sleep(0.5)
        app.run()
    assert not app.exception
    assert "These classifiers reject nothing" in text(app)
    assert "Attacks on the generative classifier" not in text(app)


def test_the_table_to_take_home_has_every_threshold() -> None:
    rows = list(csv.DictReader(io.StringIO(detection.csv(profile(), "paper"))))
    assert [rows[0]["T"], rows[-1]["T"]] == ["-20.0", "21.0"]
    assert {**next(row for row in rows if row["T"] == "2.0")} == {
        "T": "2.0",
        "own": "0.950000",
        "others": "0.000000",
        "attacked": "0.400000",
    }
    assert [rows[0][kind] for kind in ("own", "others", "attacked")] == ["1.000000"] * 3
    assert [rows[-1][kind] for kind in ("own", "others", "attacked")] == ["0.000000"] * 3


def test_without_a_record_the_page_says_how_to_measure_one(system: System) -> None:
    assert f"aatviz evaluate {NAME} --recipe detectors" in text(open_page("thresholds"))


def test_a_single_detector_generates_images_of_its_own_class(system: System) -> None:
    settings = default_settings(system)
    assert settings.targets == (1,)
    made = generate(system, replace(settings, steps=3, count=2, targets=None))
    assert made.targets.tolist() == [1]
    assert made.natural_logits["generative"].isnan().all(1).tolist() == [True, False, True]
    assert not made.natural_logits["robust"].isnan().all(1).any()
    assert (made.logits["generative"] >= made.noise_logits["generative"]).all()
    with pytest.raises(ValueError, match="no detector of class 0; it has those of 1"):
        generate(system, replace(settings, steps=3, count=2, targets=(0,)))


def test_the_page_says_that_its_images_are_of_one_class(system: System) -> None:
    app = open_page("generate", steps="2", count="1")
    assert "So the images are of that alone" in text(app)
    next(button for button in app.button if button.label == "Generate").click().run()
    for _ in range(100):
        if "generate.running" not in app.session_state:
            break
        time.sleep(0.5)
        app.run()
    assert not app.exception
    assert app.session_state["generate.shown"].value.targets.tolist() == [1]
    assert "**Base detector**" in text(app)
    assert "enerative classifier" not in text(app)
