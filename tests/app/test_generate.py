"""The Generate page without a browser: stored run, links, a whole run, the Attack page, and what can be taken home."""

import base64
import csv
import dataclasses
import io
import time
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

import aatviz
from aatviz.data import dataset
from aatviz.data.own_image.link_text import from_text, to_pixels
from aatviz.explore.attack_grid.result import MODELS
from aatviz.explore.generation.picture import ENLARGED, GAP, HEAD, MARGIN, picture
from aatviz.explore.generation.result import CSV_HEAD, Generated, GenerateSettings
from aatviz.explore.generation.run import generate, models_hash
from aatviz.explore.generation.scores import DRAWN, FILE, NOISE, REAL, SHOWN, Scores, to_arrays
from aatviz.explore.stored_run import store_run
from aatviz.metrics import Distance, Interval
from aatviz.runtime.files import read_json, write_arrays, write_json
from aatviz.store.results import result_file
from aatviz.ui.common import takeaway
from aatviz.ui.generate import figures as generate_figures
from aatviz.ui.generate import results as generate_results
from aatviz.ui.generate import run as generate_run
from aatviz.ui.generate import view as generate_view
from aatviz.ui.player.view import VICTIM_TITLES

APP = Path(__file__).parents[2] / "app.py"
NAME = "mnist-linf-0.3-shared"
MNIST = dataset("mnist")
SHORT = GenerateSettings(steps=2, seed=3)
MEASURE = generate_run._seconds_per_step


@pytest.fixture(autouse=True)
def fresh_caches(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a folder of its own; how long a run takes is measured in a test of its own."""
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setattr(generate_run, "_seconds_per_step", lambda *_: 0.01)


@pytest.fixture(scope="module")
def made(tiny_systems: Path) -> Generated:
    """A short run of the tiny system."""
    return generate(aatviz.load_system(tiny_systems / NAME), SHORT)


@pytest.fixture
def stored(made: Generated, tiny_system_folder: Path) -> None:
    """The short run lies where the stored one does, and says that it had the default settings."""
    system = aatviz.load_system(NAME)
    as_default = dataclasses.replace(made, settings=GenerateSettings())
    arrays = as_default.to_arrays() | {"models_hash": np.array(models_hash(system))}
    write_arrays(result_file(system, "generated", "npz"), arrays)


def text(app: AppTest) -> str:
    return "\n".join(block.value for kind in (app.markdown, app.caption, app.info) for block in kind)


def open_page(**url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run()
    app.switch_page("pages/generate.py")
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def test_without_a_stored_run_it_invites_to_press_the_button() -> None:
    app = open_page()
    assert "press **Generate**" in app.info[0].value
    assert any("3 models, 100 images each, 60 steps" in caption.value for caption in app.caption)


def test_a_system_that_cannot_generate_says_so(tiny_system_folder: Path) -> None:
    card = read_json(tiny_system_folder / NAME / "card.json")
    del card["files"]["judge"], card["files"]["gaussians"]
    write_json(tiny_system_folder / NAME / "card.json", card)
    app = open_page()
    assert "has no judge and no class Gaussians" in app.info[0].value
    assert not app.get("bidi_component")


@pytest.mark.usefixtures("stored")
def test_a_stored_run_is_there_at_once_and_no_model_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.nn.Module.__call__", None)
    app = open_page()
    assert len(app.get("bidi_component")) == 1
    assert len(app.get("plotly_chart")) == len(MODELS)
    assert not app.info
    assert any("a stored run of the default settings" in caption.value for caption in open_page(steps="7").caption)


def test_a_link_is_run_exactly_as_it_says() -> None:
    url = {"start": "uniform", "count": "1", "seed": "5", "norm": "Linf", "eps": "0.5", "steps": "2", "step_size": "0.2"}
    app = open_page(**url, optimizer="adam")
    assert app.query_params == url | {"optimizer": "adam"}
    next(button for button in app.button if button.label == "Generate").click().run()
    limit = time.monotonic() + 60
    while "generate.running" in app.session_state and time.monotonic() < limit:
        time.sleep(0.05)
        app.run()
    assert not app.exception
    done = app.session_state["generate.shown"]
    expected = GenerateSettings(
        start="uniform", norm="Linf", eps=0.5, steps=2, step_size=0.2, optimizer="adam", count=1, seed=5
    )
    assert done.choice == done.value.settings == expected
    assert done.value.rows() == generate(aatviz.load_system(NAME), expected).rows()
    code = " ".join(block.value for block in app.code)
    assert f"aatviz generate {NAME} --start uniform --norm Linf --eps 0.5 --steps 2" in code
    share = f"{100 * done.value.judged_as_target('robust').value:.0f} of 100** are the target"
    assert any(share in words.value for words in app.markdown)


def test_silly_links_get_a_kind_note_and_the_default() -> None:
    silly = {"start": "fog", "count": "99", "seed": "-1", "eps": "nan", "steps": "1e9", "target": "x", "sample": "-2"}
    app = open_page(**silly)
    for name in silly:
        assert f"The link asks for {name} = " in app.info[0].value
    assert not app.query_params


def test_a_linf_radius_above_one_is_put_right() -> None:
    app = open_page(norm="Linf", eps="5")
    assert "[0,1] scale" in app.info[0].value
    assert app.session_state["generate.eps"] == "0.3"


def test_a_rubbish_start_brings_its_own_ball_and_class_noise_the_default_one() -> None:
    app = open_page()
    app.get("button_group")[0].set_value("uniform").run()
    assert (app.session_state["generate.eps"], app.session_state["generate.step_size"]) == ("28", "0.5")
    assert app.query_params["start"] == "uniform"
    app.get("button_group")[0].set_value("gaussian").run()
    assert not app.query_params
    assert not app.exception


def test_other_noise_is_another_seed() -> None:
    app = open_page()
    next(button for button in app.button if button.label == "Other noise").click().run()
    assert app.query_params == {"seed": "1"}


def test_the_browser_gets_every_frame_once_in_one_picture(made: Generated) -> None:
    data = generate_view.view_data(made, MNIST, VICTIM_TITLES, {"number": 0, "target": 8, "sample": 1})
    raw = base64.b64decode(data["sprite"].removeprefix("data:image/png;base64,"))
    sprite = np.asarray(Image.open(io.BytesIO(raw)))
    frames, classes, count = len(SHORT.frames), len(made.targets), SHORT.count
    assert sprite.shape == (frames * classes * 28, len(MODELS) * count * 28)
    for frame, k, place, i in ((0, 0, 0, 0), (1, 9, 1, 1), (frames - 1, 4, 2, 0)):
        y, x = (frame * classes + k) * 28, (place * count + i) * 28
        assert np.array_equal(sprite[y : y + 28, x : x + 28], made.paths[MODELS[place]][frame, k, i, 0].numpy())
    moved = generate_view.view_data(made, MNIST, VICTIM_TITLES, {"number": 1, "target": 0, "sample": 0})
    assert moved["id"] == data["id"]
    assert moved["place"] != data["place"]


def test_a_cell_opens_on_the_attack_page_as_the_very_image(made: Generated) -> None:
    params = generate_results.attack_params(made, {"model": "robust", "target": 7, "sample": 1}, MNIST)
    assert params["label"] == "7"
    assert from_text(params["image"], MNIST.shape) == to_pixels(made.results("robust")[7, 1] / 255, MNIST.shape)
    silly = generate_results.attack_params(made, {"model": "zebra", "target": 99, "sample": -3}, MNIST)
    assert from_text(silly["image"], MNIST.shape) == to_pixels(made.results("generative")[0, 0] / 255, MNIST.shape)


def test_histograms_count_every_image(made: Generated) -> None:
    for target, share in ((None, len(made.targets)), (4, 1)):
        figure = generate_figures.histograms(made, MNIST, "natural", (4, 1), target)
        bars = [trace for trace in figure.data if trace.type == "bar"]
        natural = made.natural_logits["natural"].shape[1]
        assert [sum(bar.customdata) for bar in bars] == [share * natural, share * SHORT.count, share * SHORT.count]
    marked = [trace for trace in figure.data if trace.type == "scatter"]
    assert marked[1].x[0] == pytest.approx(float(made.logits["natural"][4, 1]))


def test_what_can_be_taken_home_is_the_result(made: Generated) -> None:
    sheet = np.asarray(picture(made, MNIST.classes))[..., 0]
    side, top, left = ENLARGED * 28 + GAP, HEAD, MARGIN
    block = sheet[top + 3 * side : top + 3 * side + 28 * ENLARGED, left + side : left + side + 28 * ENLARGED]
    assert np.array_equal(block[::ENLARGED, ::ENLARGED], made.noise[3, 1, 0].numpy())
    table = list(csv.DictReader(io.StringIO(takeaway.table(CSV_HEAD, made.rows()))))
    assert len(table) == len(made.targets) * SHORT.count * len(MODELS)
    row = next(row for row in table if (row["target"], row["sample"], row["model"]) == ("5", "1", "generative"))
    assert float(row["target_logit"]) == pytest.approx(float(made.logits["generative"][5, 1]), abs=1e-4)
    assert int(row["judge"]) == int(made.judged["generative"][5, 1])


def test_the_cost_is_measured_before_the_run() -> None:
    system = aatviz.load_system(NAME)
    assert MEASURE(system, str(system.folder), 1) > 0
    request = generate_run.request(system, SHORT)
    assert request.total == len(MODELS) * 10 * (SHORT.steps + 2)
    assert request.steps == "3 models, 100 images each, 2 steps"
    assert request.seconds() == pytest.approx(0.01 * request.total)


def test_how_close_the_images_come_to_real_ones(stored: None) -> None:
    """Without a measurement only the nearest bundled image is shown; with one, the table and who draws better."""
    app = open_page()
    assert "KID" not in text(app)
    assert text(app).count("nearest, at L2") == 2
    assert "real image of the sample" in text(app)
    system = aatviz.load_system(NAME)
    rate, shape = Interval(0.5, 0.4, 0.6, 100), (10, SHOWN, 1, 28, 28)
    kept = {NOISE: 9.0, "generative": 2.0, "robust": 4.0, "natural": 5.0, REAL: 0.0}
    better, worse = "draws better than the robust one** from", "does not draw better"
    for ours, noise, said in ((2.0, 9.0, better), (3.9, 9.0, worse), (2.0, 1.0, better)):
        scores = Scores(
            distance={
                name: Distance(value, 0.1, 100) for name, value in (kept | {"generative": ours, NOISE: noise}).items()
            },
            accuracy=dict.fromkeys(kept, rate),
            nearest={model: torch.zeros(shape, dtype=torch.uint8) for model in DRAWN},
            away={model: torch.full(shape[:2], 7.25) for model in DRAWN},
        )
        store_run(system, FILE, to_arrays(scores), {"models_hash": models_hash(system)})
        st.cache_resource.clear()
        app = open_page()
        assert said in text(app)
        assert ("leads away from real images" in text(app)) == (noise < ours)
        assert "| real test digits | 0 ± 0.1 | 50% (40% to 60%) | 100 |" in text(app)
        assert text(app).count("nearest, at L2 7.25") == 2
        assert "training image" in text(app)
