"""Overview, Learn, Detectors, Thresholds and Robustness on images of several shapes, with three, ten and 200 classes."""

import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest
from torch import Tensor

import aatviz
from aatviz.data import dataset
from aatviz.explore import detector_records, example_images
from aatviz.explore.detector_records import Attacked, Profile
from aatviz.metrics import Interval
from aatviz.recipes.paper import SIDE_BY_SIDE, evaluations_of
from aatviz.runtime.files import read_json, write_arrays, write_json
from aatviz.store.results import recipe_hash, result_file, weights_hash
from aatviz.store.systems import System
from aatviz.ui.common.classes import a
from aatviz.ui.common.words import literal
from aatviz.ui.detectors import strips
from aatviz.ui.session import stored
from aatviz.ui.session.showcase import build_showcase, load_showcase
from tests.made_systems import NAMES, Made

APP = Path(__file__).parents[2] / "app.py"
PAGES = ("overview", "learn", "detectors", "thresholds", "robustness", "train")
WHOLE, DOG = NAMES[:4], NAMES[4]
MANY = WHOLE[3]


@pytest.fixture(autouse=True)
def fresh_caches(made_systems: Made) -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


def open_page(page: str, system: str, **url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page(f"pages/{page}.py")
    app.query_params.update(url | {"system": system})
    app.run()
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info)
    html = [element.proto.body for element in app.get("html")]
    return "\n".join([*(element.value for kind in kinds for element in kind), *html])


def logits(count: int, classes: int, seed: int) -> dict[str, Tensor]:
    """Random logits, higher for the true class most of the time."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % classes
    right = 9 * torch.nn.functional.one_hot(y, classes)
    return {"y": y} | {
        name: 3 * torch.randn(count, classes, generator=generator) - 4 + right for name in ("z_f", "z_h", "z_r")
    }


def write_curves(system: System) -> None:
    """The record behind the curves, of random logits."""
    recipe = evaluations_of(system.card)["curves"]
    note = {"kind": "system", "recipe": dataclasses.asdict(recipe), "recipe_hash": recipe_hash(recipe)}
    note |= {"weights_hash": weights_hash(system)}
    counts = {"natural": 400, "held_out": 300, "generative": 220, "integrated": 220, "robust": 220}
    parts = {part: logits(count, system.card.classes, seed) for seed, (part, count) in enumerate(counts.items())}
    arrays = {f"{part}.{name}": values.numpy() for part, scores in parts.items() for name, values in scores.items()}
    write_json(result_file(system, "curves", "json"), note)
    write_arrays(result_file(system, "curves", "npz"), arrays)


def interval(k: int) -> Interval:
    return Interval(value=1 - 0.001 * (k + 1), low=0.5, high=1.0, n=100)


def profiles(classes: int) -> list[Profile]:
    """Detectors of which the last one is the weakest."""
    z = torch.linspace(-3, 3, 40)
    attacked = {"paper": Attacked(about="an attack", scores=z, auc=interval(0))}
    return [
        Profile(
            k=k,
            positive=z + 5,
            negative=z - 5,
            natural=interval(0),
            attacked={"paper": dataclasses.replace(attacked["paper"], auc=interval(k))},
            paper=None,
        )
        for k in range(classes)
    ]


def record(system: System) -> dict[str, Any]:
    """What `aatviz evaluate` stores of all detectors, the last one the weakest."""
    recipe = evaluations_of(system.card)[detector_records.protocol(system)]
    (attack,) = recipe.attacks
    rows = [
        {"detector": k, "last": {attack: value}, "best": {attack: value}, "worst": value, "natural": value, "paper": {}}
        for k, value in ((k, interval(k)._asdict()) for k in system.card.bank)
    ]
    return {"kind": "detectors", "rows": rows, "recipe": dataclasses.asdict(recipe)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_records_in_its_data_sets_own_words(page: str, name: str) -> None:
    app = open_page(page, name)
    if page != "learn":  # its lessons are MNIST's
        assert not re.search(r"\b(digit|MNIST\b(?<!Fashion-MNIST))", text(app)), text(app)
    if page in ("thresholds", "robustness") and name == DOG:
        assert "the system dog-made has a detector of dog alone" in text(app)
    elif page in ("detectors", "thresholds", "robustness"):
        assert f"aatviz evaluate {name}" in text(app)


@pytest.mark.parametrize("name", NAMES)
def test_the_overview_shows_a_stored_run_of_any_image(name: str) -> None:
    system = aatviz.load_system(name)
    assert "tools/build_showcase.py" in text(open_page("overview", name))
    build_showcase(system)
    showcase = load_showcase(system)
    assert showcase is not None
    trace = showcase.traces[0]
    names = dataset(system.card.dataset).classes
    assert trace.natural.shape == dataset(system.card.dataset).shape
    goal = trace.settings.detector if name == DOG else trace.settings.target
    assert goal is not None
    assert goal != trace.y
    heading = f"pushed towards {literal(a(names[goal]))}"
    assert heading in text(open_page("overview", name))


@pytest.mark.parametrize("name", NAMES)
def test_a_detector_is_called_by_its_class_and_ranks_images_of_any_shape(name: str, tmp_path: Path) -> None:
    system = aatviz.load_system(name)
    detector_records.store_sample_logits(system)
    names, shape = dataset(system.card.dataset).classes, dataset(system.card.dataset).shape
    app = open_page("detectors", name, k="1")
    assert app.header[0].value == f"Detector {names[1]}"
    assert f'width="{shape[2]}" height="{shape[1]}"' in text(app)
    x, y = aatviz.load_data(system.card.dataset, split="sample")
    z = detector_records.sample_logits(system)[:, system.detectors.column(1)]
    picture = Image.open(io.BytesIO(strips.picture(x, z, detector_records.rankings(z[:, None], y * 0 + (y != 1).int(), 0))))
    assert picture.mode == "RGB"


@pytest.mark.parametrize("name", ["pets-made", MANY])
def test_all_detectors_are_on_the_page_and_a_figure_of_many_is_not_a_wall(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = aatviz.load_system(name)
    classes = system.card.classes
    monkeypatch.setattr(detector_records, "load", lambda _: profiles(classes))
    names = dataset(system.card.dataset).classes
    app = open_page("detectors", name, k="1")
    assert f"**detector {names[-1]}**" in text(app)
    if classes > 20:
        (table,) = app.dataframe
        assert table.value["detector"].tolist() == list(reversed(names))
        assert "8 weakest and the 8 strongest of 200" in text(app)
    else:
        assert not app.dataframe


@pytest.mark.parametrize("name", WHOLE)
def test_thresholds_of_any_number_of_classes(name: str) -> None:
    system = aatviz.load_system(name)
    write_curves(system)
    example_images.build_examples(system)
    classes = system.card.classes
    app = open_page("thresholds", name)
    assert f"The numbers at T = {app.session_state[f'thresholds.{name}.T']:g}" in text(app)
    app = open_page("thresholds", name, mode="per_class", Tk=",".join(["0.5"] * (classes - 1) + ["7"]))
    assert app.session_state[f"thresholds.{name}.Tk"] == (0.5,) * (classes - 1) + (7.0,)
    assert ("200 thresholds from 0.5 to 7" in text(app)) == (classes == 200)
    app.button(key="choose-rejection-each").click().run()
    assert not app.exception
    assert len(app.session_state[f"thresholds.{name}.Tk"]) == classes


@pytest.mark.parametrize("name", ["pets-made", MANY])
def test_tables_of_the_detectors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    system = aatviz.load_system(name)
    protocol = detector_records.protocol(system)
    value = interval(41)._asdict()
    victim = [{"clean_rejection": 0.0, "threshold": None, "accuracy": value, "error": value, "alone": {"one loss": value}}]
    beside = {"kind": "side by side", "recipe": {"about": "Two victims."}, "victims": {"generative": victim}}
    monkeypatch.setattr(stored, "records", lambda *_: {protocol: record(system), SIDE_BY_SIDE: beside})
    app = open_page("robustness", name)
    names = dataset(system.card.dataset).classes
    assert app.session_state["robustness.show"] == "paper"
    assert any(header.value == "AUC of the detectors" for header in app.subheader)
    assert names[-1] in text(app)
    assert "| generative | 0% | none | 0.9580 (0.5000 to 1.0000)" in text(app)
    if name == MANY:
        assert len(app.dataframe[0].value) == 200
        assert "The 20 weakest detectors under every attack" in text(app)


def test_the_detectors_of_some_classes_bear_their_own_names(made_systems: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"detectors": [f"detector-{k}.safetensors" for k in (1, 2)]}
    edit_card(made_systems.checkpoints / "pets-made", kept, detector_classes=[1, 2])
    system = aatviz.load_system("pets-made")
    monkeypatch.setattr(stored, "records", lambda *_: {detector_records.protocol(system): record(system)})
    app = open_page("robustness", "pets-made", show="paper")
    specs = [json.loads(chart.proto.spec)["data"][0] for chart in app.get("plotly_chart")]
    assert [spec["y"] for spec in specs if spec["type"] == "heatmap"] == [["dog", "eel"]]
    assert "In the first column eel is the hardest." in text(app)


def edit_card(folder: Path, files: dict[str, Any], **changes: Any) -> None:
    """Give a system other files, and other words about itself; None takes a file out."""
    card = read_json(folder / "card.json")
    kept = {kind: file for kind, file in (card["files"] | files).items() if file is not None}
    write_json(folder / "card.json", card | changes | {"files": kept})


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_a_robust_classifier(page: str, made_systems: Made) -> None:
    edit_card(made_systems.checkpoints / "pets-made", {"robust": None})
    if page == "overview":
        build_showcase(aatviz.load_system("pets-made"))
    app = open_page(page, "pets-made", **({"show": "own", "victim": "robust"} if page == "robustness" else {}))
    if page == "overview":
        assert "robust classifier* are attacked" not in text(app)
        assert "pushed towards a dog" in text(app)
    if page == "robustness":
        assert app.selectbox(key="robustness.victim").options == ["generative classifier", "integrated classifier"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_a_single_detector(page: str, made_systems: Made) -> None:
    edit_card(made_systems.checkpoints / "pets-made", {"detectors": ["detector-1.safetensors"]}, detector_classes=[1])
    if page == "overview":
        build_showcase(aatviz.load_system("pets-made"))
    if page == "detectors":
        detector_records.store_sample_logits(aatviz.load_system("pets-made"))
    app = open_page(page, "pets-made", **({"show": "own"} if page == "robustness" else {}))
    if page == "overview":
        assert re.search(r"#### An? (cat|eel) pushed towards a dog: ", text(app))
    if page == "detectors":
        assert app.header[0].value == "Detector dog"
        assert "The link asks for k = `'0'`; possible is one of 1" in text(open_page("detectors", "pets-made", k="0"))
    if page in ("thresholds", "robustness"):
        assert "needs a detector of every class; the system pets-made has a detector of dog alone" in text(app)


@pytest.mark.parametrize("name", WHOLE)
def test_one_attack_of_the_protocol_on_any_images(name: str) -> None:
    app = open_page("robustness", name, show="own", count="2", attack="multi-targeted")
    names = [app.selectbox(key=f"robustness.{field}").value for field in ("victim", "attack")]
    assert names == ["generative", "multi-targeted"]
    assert dataset(aatviz.load_system(name).card.dataset).plural in text(app)
