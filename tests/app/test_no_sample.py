"""A system of a data set without a bundled sample, on a machine without the data set: every page opens and says so."""

import shutil
from pathlib import Path

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from aatviz.cli import app as cli
from aatviz.data import open_split, restricted_tiny_imagenet
from aatviz.data.importing import import_path
from aatviz.data.own_image import example
from aatviz.data.own_image.link_text import to_pixels
from aatviz.data.spec import OTHER
from aatviz.recipes import AttackSpec, Job, Recipe
from aatviz.store.cards import write_card
from aatviz.store.gaussians import build_gaussians
from aatviz.store.systems import load_system
from aatviz.train.loop import train
from aatviz.ui.own.link import HANDED, own_link
from aatviz.ui.session import stored
from aatviz.ui.session.showcase import EXAMPLE, build_showcase, load_showcase
from tests.made_systems import write_classes

APP = Path(__file__).parents[2] / "app.py"
NAME = restricted_tiny_imagenet.NAME
THREAT = restricted_tiny_imagenet.DATASET.threats[0]
ATTACK = AttackSpec(norm="Linf", eps=0.02, step_size=0.01, steps=2, random_start=True)


def _job(name: str, outputs: int, method: str, target: int | None = None) -> Job:
    return Job(
        name=name,
        method=method,  # type: ignore[arg-type]
        network="mlp",
        arch=(("widths", (4,)),),
        outputs=outputs,
        target=target,
        steps=2,
        batch=32,
        learning_rate=1e-3,
        attack=None if method == "natural" else ATTACK,
        validation_attack=ATTACK,
        validation_count=4,
        evaluations=1,
        seed=1,
    )


RECIPE = Recipe(
    name="dogs",
    system="dogs",
    dataset=NAME,
    norm="Linf",
    eps=0.02,
    about="One detector after two steps.",
    jobs=(_job("detector-0", 1, "aat", 0), _job("classifier", 6, "natural"), _job("robust", 6, "madry")),
)


@pytest.fixture(scope="module")
def dogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoints folder with a dog detector of two steps; its data set is imported beside it, in data/."""
    top = tmp_path_factory.mktemp("dogs")
    images = top / NAME
    for part, each in (("train", 20), ("test", 2)):
        write_classes(images / part, restricted_tiny_imagenet.CLASSES, each, (64, 64))
    write_classes(images, (OTHER,), 3, (64, 64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AATVIZ_DATA", str(top / "data"))
        patch.setattr(restricted_tiny_imagenet, "COUNTS", {"train": 120, "test": 12, OTHER: 3})
        import_path(images)
        folder = top / "checkpoints" / "dogs"
        for job in RECIPE.jobs:
            train(job, NAME, folder)
        build_gaussians(NAME, folder)
        assert write_card(RECIPE, folder)
    return top


def opened(page: str, dogs: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """All words of a page."""
    app = opened_app(page, dogs, data, monkeypatch)
    return " ".join(str(part.value) for part in (*app.markdown, *app.info, *app.caption, *app.warning, *app.code))


def opened_app(page: str, dogs: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """A page, with the data sets in the folder `data`."""
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(dogs / "checkpoints"))
    monkeypatch.setenv("AATVIZ_DATA", str(data))
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception
    return app


@pytest.mark.parametrize(
    "page",
    [
        "overview",
        "attack",
        "compare",
        "generate",
        "retouch",
        "detectors",
        "thresholds",
        "robustness",
        "playground",
        "train",
        "learn",
    ],
)
def test_every_page_opens_without_any_image(page: str, dogs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = opened(page, dogs, tmp_path / "nothing", monkeypatch)
    if page in ("attack", "retouch"):
        assert "Bring a photo of your own, or take the cat." in said
    if page in ("overview", "compare", "generate"):
        assert "Restricted Tiny ImageNet is not on this machine" in said
        assert "so there is no sample either" in said
    if page == "detectors":
        assert "split=" not in said  # no Python that needs images
    if page == "robustness":
        assert "aatviz report dogs" in said
        assert "--recipe honest" not in said  # of a detector of every class
    assert "bundled" not in said


@pytest.mark.parametrize("page", ["overview", "attack", "compare", "detectors", "generate", "retouch"])
def test_no_page_calls_images_bundled_that_are_not(page: str, dogs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "bundled" not in opened(page, dogs, dogs / "data", monkeypatch)


def test_images_of_another_class_are_no_start_where_there_are_no_images(
    dogs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "has_generated", lambda _: True)
    for data, offered in ((dogs / "data", True), (tmp_path / "nothing", False)):
        app = opened_app("generate", dogs, data, monkeypatch)
        starts = next(group for group in app.get("button_group") if group.label == "Start from").options
        assert ("another class" in starts) == offered


def test_the_stored_run_is_on_the_photograph_of_this_package(
    dogs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkpoints" / "dogs"
    shutil.copytree(dogs / "checkpoints" / "dogs", folder)
    monkeypatch.setenv("AATVIZ_DATA", str(tmp_path / "nothing"))
    build_showcase(load_system(folder))
    shown = load_showcase(load_system(folder))
    assert shown
    assert shown.index == EXAMPLE
    shape = restricted_tiny_imagenet.DATASET.shape
    assert to_pixels(shown.traces[0].natural, shape) == example.prepared(shape).pixels
    for page in ("overview", "attack"):
        said = opened(page, tmp_path, tmp_path / "nothing", monkeypatch)
        assert "cannot be shown" not in said
        assert "stored run for these weights" not in said
        assert "press **Attack**" not in said
    assert "pushed towards a dog" in opened("overview", tmp_path, tmp_path / "nothing", monkeypatch)


def test_an_image_of_another_page_takes_the_place_of_the_photograph_and_keeps_its_class_to_itself(
    dogs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = restricted_tiny_imagenet.DATASET
    image = torch.rand(known.shape, generator=torch.Generator().manual_seed(1))
    link = own_link(image, 0, known)
    assert "image" not in link  # too big: it is handed over
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(dogs / "checkpoints"))
    monkeypatch.setenv("AATVIZ_DATA", str(tmp_path / "nothing"))
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page("pages/attack.py")
    app.query_params.update(link)
    app.session_state[HANDED] = to_pixels(image, known.shape)
    app.run()
    assert not app.exception
    said = " ".join(caption.value for caption in app.caption)
    assert "It came with the link" in said
    assert example.CREDIT not in said
    assert app.session_state["attack.label"] == "0"
    next(group for group in app.get("button_group") if group.label == "Where from").set_value("example").run()
    assert not app.exception
    assert example.CREDIT in " ".join(caption.value for caption in app.caption)
    assert app.session_state["attack.label"] == "auto"


def test_the_command_of_a_detector_says_that_there_are_no_rankings_without_images(
    dogs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(tmp_path / "nothing"))
    result = CliRunner().invoke(cli, ["detector", str(dogs / "checkpoints" / "dogs"), "--k", "0"])
    assert result.exit_code == 0
    assert "No rankings: Restricted Tiny ImageNet is not on this machine" in result.output


def test_where_the_data_set_is_imported_the_detector_ranks_its_images(
    dogs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the page was opened before. No stored logits could be of every copy of the images."""
    opened_app("detectors", dogs, tmp_path / "nothing", monkeypatch)
    monkeypatch.setenv("AATVIZ_DATA", str(dogs / "data"))
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page("pages/detectors.py")
    app.run()
    assert not app.exception
    shown = "".join(element.proto.body for element in app.get("html"))
    assert shown.count('class="detector-strip"') == 4
    assert "goal=untargeted&amp;victim=natural" in shown
    assert not [info.value for info in app.info if "build_showcase" in info.value]


def test_where_the_data_set_is_imported_its_validation_images_are_the_sample(
    dogs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dogs / "data"
    assert "no sample either" not in opened("attack", dogs, data, monkeypatch)
    sample, validation = (open_split(NAME, split) for split in ("sample", "validation"))
    assert sample.bytes().equal(validation.bytes())
