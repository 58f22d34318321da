"""Attack, Compare, Generate and one's own photograph on data sets of several shapes, with 3, 10 and 200 classes."""

import contextlib
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

import aatviz
from aatviz.attacks import norm
from aatviz.data import dataset, load_data
from aatviz.data.own_image import photograph
from aatviz.data.own_image.link_text import from_text, to_image
from aatviz.data.spec import number
from aatviz.explore.snippets import OWN_PICTURE
from aatviz.ui.common.classes import a, leading
from aatviz.ui.common.words import literal
from aatviz.ui.player.take_home import logits_csv, png
from aatviz.ui.player.view import MOST_LINES, player_data
from aatviz.ui.session.showcase import default_settings
from tests.made_systems import NAMES, Made

APP = Path(__file__).parents[2] / "app.py"
*WHOLE, DOG = NAMES
FASHION, CIFAR, PETS, MANY = WHOLE


@pytest.fixture(autouse=True)
def fresh_caches(made_systems: Made) -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


def open_page(page: str, system: str, **url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120).run()
    app.session_state["app.chosen-system"] = system  # what the sidebar does, which is not there in these tests
    app.switch_page(f"pages/{page}.py")
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> Any:
    """Press the page's button and return what is on show when the run is over."""
    next(button for button in app.button if button.label == label).click().run()
    limit = time.monotonic() + 60
    while f"{label.lower()}.running" in app.session_state and time.monotonic() < limit:
        time.sleep(0.05)
        app.run()
    assert not app.exception
    return app.session_state[f"{label.lower()}.shown"].value


def said(app: AppTest) -> str:
    return " ".join(block.value for kind in (app.markdown, app.caption, app.info) for block in kind)


def photo() -> bytes:
    pixels = np.random.default_rng(3).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "jpeg")
    return buffer.getvalue()


BALLS = {FASHION: ("Linf", "0.1", "0.005"), CIFAR: ("L2", "0.5", "10/255")}
BALLS |= dict.fromkeys((PETS, MANY), ("Linf", "8/255", "1/255"))


@pytest.mark.parametrize("name", WHOLE)
def test_an_attack_is_set_up_run_shown_and_printed(name: str) -> None:
    app = open_page("attack", name)
    known = dataset(aatviz.load_system(name).card.dataset)
    assert tuple(app.session_state[f"attack.{field}"] for field in ("norm", "eps", "step_size")) == BALLS[name]
    asked = default_settings(aatviz.load_system(name))
    assert app.session_state["attack.target"] == asked.target != app.session_state["attack.digit"]
    assert (app.session_state["attack.steps"], number(app.session_state["attack.eps"])) == (asked.steps, asked.eps)
    chosen = known.classes[app.session_state["attack.digit"]]
    assert f"{literal(a(chosen))}: image ".lower() in said(app).lower()
    assert app.selectbox(key="attack.digit").options == list(known.classes)

    app = open_page("attack", name, steps="2")
    traces = press(app, "Attack")
    assert len(traces) == 2
    for trace in traces:
        assert trace.images.shape == (3, *known.shape)
        assert float(norm(trace.images - trace.natural, trace.settings.norm).max()) <= trace.settings.eps + 1e-5
    data = player_data(aatviz.load_system(name), traces, ["", ""], 0.0)
    assert data["shape"] == dict(zip(("channels", "height", "width"), known.shape, strict=True))
    assert list(data["names"]) == list(known.classes)
    for column in data["columns"]:
        assert {data["y"], column["towards"]} <= set(column["lines"])
        assert len(column["lines"]) == min(len(known.classes), MOST_LINES)
        assert column["frames"] == [0, 1, 2]
    picture = np.asarray(Image.open(io.BytesIO(png(traces[0]))).convert("RGB"))
    levels = (traces[0].perturbed.expand(3, -1, -1) * 255).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(picture[5::10, 5::10], levels)
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(app.code[1].value, names)
    torch.testing.assert_close(names["trace"].images, traces[0].images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", [CIFAR, PETS, MANY])
def test_a_comparison_has_a_column_for_a_few_classes_and_names_them(name: str) -> None:
    system = aatviz.load_system(name)
    known = dataset(system.card.dataset)
    many = len(known.classes) > 10
    url = {"classes": "7,150,199", "target": "150"} if many else {}
    app = open_page("compare", name, steps="2", models="robust", **url)
    grid = press(app, "Compare").comparison
    targets = [7, 150, 199] if many else list(range(len(known.classes)))
    assert grid.targets.tolist() == targets == grid.y.tolist()
    assert grid.images["robust"].shape == (len(targets), len(targets), *known.shape)
    x, y = load_data(known.name, "sample")
    assert torch.equal(grid.natural, x[grid.index])
    assert torch.equal(grid.y, y[grid.index])
    direct = system.robust_classifier(grid.images["robust"].flatten(0, 1)).view(len(targets), len(targets), -1)
    wanted = direct[:, torch.arange(len(targets)), targets]
    torch.testing.assert_close(grid.after("robust"), wanted, atol=1e-4, rtol=1e-4)
    assert known.noun in said(app)
    assert bool(app.multiselect) == many
    if many:
        assert app.query_params["classes"] == "7,150,199"
        assert app.session_state["compare.target"] == 150


def test_two_hundred_classes_begin_with_a_few_and_no_link_asks_for_too_many() -> None:
    app = open_page("compare", MANY)
    assert app.session_state["compare.classes"] == list(range(10))
    assert "classes" not in app.query_params
    for asked in (",".join(map(str, range(13))), "3,200", "x", "-1"):
        app = open_page("compare", MANY, classes=asked)
        assert "The link asks for classes = " in app.info[0].value
        assert "up to 12 of more than 10 classes, from 0 to 199" in app.info[0].value
    note = open_page("compare", PETS, classes="0,1").info[0].value
    assert note.endswith("possible is nothing: there are no more than 10 classes. all is used instead.")


@pytest.mark.parametrize("name", [CIFAR, PETS, MANY])
def test_images_out_of_noise_have_the_shape_and_the_names_of_the_data_set(name: str) -> None:
    known = dataset(aatviz.load_system(name).card.dataset)
    many = len(known.classes) > 10
    app = open_page("generate", name, steps="2", count="1", **({"classes": "0,198"} if many else {}))
    made = press(app, "Generate")
    assert made.noise.shape == (len(made.targets), 1, *known.shape)
    assert made.targets.tolist() == ([0, 198] if many else list(range(len(known.classes))))
    assert len(made.rows()) == 3 * len(made.targets)
    for model in made.paths:
        low, median = made.marks(model)
        assert (low <= median).all()
        assert made.natural(model).isfinite().all()


def test_another_system_takes_away_what_does_not_fit() -> None:
    app = open_page("attack", CIFAR, target="9", digit="9", pick="own", steps="2")
    app.session_state["attack.image"] = bytes(3 * 32 * 32)
    app.run()
    assert app.session_state["attack.image"]
    app.session_state["app.chosen-system"] = PETS
    app.run()
    assert not app.exception
    assert (app.session_state["attack.target"], app.session_state["attack.digit"]) in ((1, 0), (1, 2))
    assert app.session_state["attack.image"] == b""
    assert app.session_state["attack.eps"] == "8/255"


@pytest.mark.parametrize("name", [FASHION, CIFAR, PETS])
def test_a_photograph_becomes_an_image_of_the_data_set(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = aatviz.load_system(name)
    known = dataset(system.card.dataset)
    app = open_page("attack", name, pick="own", steps="2")
    assert "upload one; then it can be attacked" in app.info[0].value
    app.file_uploader[0].upload("photo.jpg", photo(), "image/jpeg").run()
    assert not app.exception
    prepared = photograph.prepare(photo(), known.shape)
    assert from_text(app.query_params["image"], known.shape) == prepared.pixels
    guess = int(system.classifier(prepared.image).argmax())
    assert f"says that it is **{literal(a(known.classes[guess]))}**" in said(app)
    assert all(note in said(app) for note in prepared.notes)
    app.selectbox(key="attack.label").set_value("1").run()
    traces = press(app, "Attack")
    assert torch.equal(traces[0].natural, to_image(prepared.pixels, known.shape)[0])
    (tmp_path / OWN_PICTURE).write_bytes(photo())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(app.code[1].value, names)
    torch.testing.assert_close(names["trace"].images, traces[0].images, atol=1e-5, rtol=0)


def test_a_system_of_one_detector_hides_what_cannot_be_and_says_so() -> None:
    system = aatviz.load_system(DOG)
    app = open_page("attack", DOG, steps="2")
    assert app.selectbox(key="attack.victim").options == ["natural classifier", "one base detector"]
    assert "a detector of every class and a robust classifier; the system" in said(app)
    trace, *others = press(app, "Attack")
    assert not others
    assert (trace.settings.victim, trace.settings.detector) == ("detector", 1)
    assert trace.z_h.shape == (3, 1)
    column = player_data(system, [trace], [""], 0.0)["columns"][0]
    assert (column["lines"], column["towards"], set(column["predicted"])) == ([1], 1, {1})
    assert column["score"] == pytest.approx(trace.z_h[:, 0].tolist())
    head = logits_csv([trace], system.card.bank).splitlines()[0]
    assert head.endswith("victim_logit_1,detector_logit_1")
    natural = press(open_page("attack", DOG, steps="2", victim="natural", target="0"), "Attack")
    assert [one.settings.victim for one in natural] == ["natural"]

    app = open_page("compare", DOG, steps="2")
    assert app.session_state["compare.models"] == ["natural"]
    grid = press(app, "Compare").comparison
    assert list(grid.images) == list(grid.logits["natural"]) == ["natural"]
    assert "This page needs" in open_page("generate", DOG).info[0].value


def test_of_many_values_the_chosen_and_the_highest_are_shown() -> None:
    assert leading([3, 1, 2]) == [0, 1, 2]
    assert leading([5, 9, 1, 7, 3], chosen=(2,), most=3) == [1, 2, 3]
    assert leading([0.0] * 200, chosen=(150, 7), most=2) == [7, 150]
    assert leading([1.0, 2.0], chosen=(0, 1), most=1) == [0, 1]
