"""The Retouch page: it begins with something real, raises the logit of the image's own class, and stays in its ball."""

import time
from pathlib import Path

import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

import aatviz
from aatviz.data import dataset
from aatviz.data.own_image import example
from aatviz.explore.attack_path import Trace
from aatviz.explore.retouch import default_settings
from aatviz.ui.session import caches
from tests.made_systems import Made

APP = Path(__file__).parents[2] / "app.py"
SHARED = "mnist-linf-0.3-shared"


@pytest.fixture(autouse=True)
def fresh_caches(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "estimate_seconds", lambda *_: 0.1)  # also where the machine is busy
    st.cache_resource.clear()
    st.cache_data.clear()


def open_page(**url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page("pages/retouch.py")
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def shown(app: AppTest) -> list[Trace]:
    """What the page shows, once its run is done: the page waits for it only for a moment."""
    for _ in range(100):
        if "retouch.running" not in app.session_state:
            break
        time.sleep(0.5)
        app.run()
    traces: list[Trace] = app.session_state["retouch.shown"].value
    return traces


def text(app: AppTest) -> str:
    return "\n".join(str(one.value) for kind in (app.markdown, app.caption, app.info, app.code) for one in kind)


def press(app: AppTest) -> AppTest:
    next(button for button in app.button if button.label == "Retouch").click().run()
    assert not app.exception
    return app


def test_the_first_visit_raises_the_logit_of_the_images_own_class_at_once() -> None:
    """In the paper's steps, in proportion to the size, with the robust classifier beside; nothing was pressed."""
    app = open_page()
    detector, robust = shown(app)
    usual = default_settings(dataset("mnist"), detector.y)
    assert detector.settings == usual
    assert (usual.norm, usual.eps, usual.steps, usual.step_size, usual.optimizer) == ("L2", 2.2, 100, 0.37, "steepest")
    assert robust.settings == usual.against("robust")
    for trace, z in ((detector, detector.z_h), (robust, robust.z_r)):
        assert z[trace.kept, trace.y] > z[0, trace.y]
        assert trace.l2 <= usual.eps + 1e-5
    assert "own class" in app.selectbox(key="retouch.k").format_func("image")


def test_a_link_keeps_every_setting_and_the_printed_command_says_them() -> None:
    asked = {"digit": "5", "nth": "1", "k": "7", "eps": "1.5", "steps": "3", "step_size": "0.4", "compare": "0"}
    app = open_page(**asked)
    (trace,) = shown(app)
    assert (trace.y, trace.settings.detector, trace.settings.eps, len(trace.images)) == (5, 7, 1.5, 4)
    assert {name: app.query_params[name] for name in asked} == asked
    command = next(one.value for one in app.code if one.value.startswith("aatviz attack"))
    assert "--victim detector --detector 7" in command
    assert "--norm L2 --eps 1.5 --steps 3 --step-size 0.4 --optimizer steepest" in command
    assert "it is pulled towards a 7" in text(app)


def test_only_the_first_visit_begins_by_itself_and_only_where_it_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page(steps="2")
    app.number_input(key="retouch.steps").set_value(3).run()
    assert [len(trace.images) for trace in shown(app)] == [3, 3]
    assert "of other settings" in text(app)
    assert [len(trace.images) for trace in shown(press(app))] == [4, 4]
    monkeypatch.setattr(caches, "estimate_seconds", lambda *_: 60.0)
    slow = open_page(steps="5")
    assert "retouch.shown" not in slow.session_state
    assert "press **Retouch**" in text(slow)


def test_a_single_detector_says_what_it_takes_in_the_place_of_the_images_class(made_systems: Made) -> None:
    app = open_page(system="dog-made", pick="index", index="0", steps="2")
    system = aatviz.load_system("dog-made")
    assert system.card.bank == (1,)
    (trace,) = shown(app)
    assert trace.settings.detector == 1
    y = aatviz.load_data("pets", split="sample")[1]
    assert ("There is no detector of" in text(app)) == (int(y[0]) != 1)
    assert app.toggle(key="retouch.compare").disabled
    assert "needs a robust classifier" in text(app)


def test_the_photograph_of_the_package_is_prepared_for_any_shape_and_its_link_reloads(made_systems: Made) -> None:
    app = open_page(system="pets-made", pick="own", source="example", label="0", steps="2")
    shape = dataset("pets").shape
    assert torch.equal(shown(app)[0].natural, example.prepared(shape).image[0])
    assert example.CREDIT in text(app)
    assert [app.query_params[name] for name in ("pick", "source", "label")] == ["own", "example", "0"]
    assert "image" not in app.query_params
    assert "aatviz attack pets-made --image own-image.png --label 0" in text(app)
    assert not [one for one in app.caption if "too big for a link" in one.value]


def test_the_photograph_is_a_photograph() -> None:
    with Image.open(Path(example.__file__).with_name("cat.jpg")) as file:
        assert file.size == (300, 300)
    assert len(example.prepared((3, 64, 64)).pixels) == 3 * 64 * 64
    assert example.prepared((3, 64, 64)).image.std() > 0.1
