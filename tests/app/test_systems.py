"""The choice of data set and system: grouped, in the URL on every page, through Back and links; a lesson decides it."""

import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from aatviz.data import dataset
from aatviz.ui.lessons.catalogue import LESSONS
from aatviz.ui.session import sidebar
from tests.made_systems import Made

APP = Path(__file__).parents[2] / "app.py"
FIRST, SEPARATE = "mnist-linf-0.3-shared", "mnist-linf-0.3"
PAGES = ("overview", "learn", "detectors", "thresholds", "robustness")


@pytest.fixture(autouse=True)
def several(made_systems: Made, tiny_systems: Path) -> Made:
    """MNIST's tiny systems, of which one comes first, beside the made ones."""
    st.cache_resource.clear()
    st.cache_data.clear()
    shutil.copytree(tiny_systems, made_systems.checkpoints, dirs_exist_ok=True)
    return made_systems


def open_page(page: str = "overview", **url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page(f"pages/{page}.py")
    app.query_params.update(url)
    return run(app)


def run(app: AppTest, **url: str | None) -> AppTest:
    """Run again as a browser's next message does, with this change of its URL; None takes a parameter out."""
    if "app.sent-to-frame" in app.session_state:
        del app.session_state["app.sent-to-frame"]
    for name, value in url.items():
        if value is None:
            app.query_params.pop(name, None)
        else:
            app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def chosen(app: AppTest) -> str:
    """The system that the page shows, as the widget and the URL have it."""
    name: str = app.selectbox(key="app.system").value
    given = app.query_params.get("system", FIRST)
    assert given in (name, [name])
    assert ("system" in app.query_params) == (name != FIRST)
    assert f"`{name}`" in text(app)
    return name


def text(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.error, app.text)
    return "\n".join(element.value for kind in kinds for element in kind)


def test_systems_are_grouped_by_data_set_and_named_by_their_ball() -> None:
    app = open_page()
    data, system = app.selectbox(key="app.dataset"), app.selectbox(key="app.system")
    assert data.options[0] == "MNIST"
    assert {"Fashion-MNIST", "CIFAR-10", "pets", "many"} == set(data.options[1:])
    assert system.options == ["L∞ 0.3, shared", "L∞ 0.3, separate"]
    data.set_value("pets")
    run(app)
    assert chosen(app) == "pets-made"
    assert app.selectbox(key="app.system").options == ["L∞ 8/255, separate", "L2 0.5, one detector"]


def test_two_systems_of_one_ball_are_told_apart_by_name(several: Made) -> None:
    shutil.copytree(several.checkpoints / "pets-made", several.checkpoints / "pets-again")
    app = open_page(system="pets-made")
    assert app.selectbox(key="app.system").options == [
        "L∞ 8/255, separate, pets-again",
        "L∞ 8/255, separate, pets-made",
        "L2 0.5, one detector",
    ]


@pytest.mark.parametrize("page", PAGES)
def test_a_cold_link_opens_its_system_on_every_page(page: str) -> None:
    assert chosen(open_page(page, system="fashion-mnist-made")) == "fashion-mnist-made"


def test_a_single_detector_is_called_neither_shared_nor_separate() -> None:
    said = text(open_page(system="dog-made"))
    assert "A single detector: **one network** of one logit" in said
    assert "Shared bank" not in said


@pytest.mark.parametrize("page", PAGES[1:])
def test_the_choice_stays_from_page_to_page(page: str) -> None:
    app = open_page()
    app.selectbox(key="app.dataset").set_value("many")
    run(app)
    app.switch_page(f"pages/{page}.py")
    run(app, system=None)
    assert chosen(app) == "many-made"


def test_a_system_that_is_not_there_gives_a_sentence_and_the_default() -> None:
    app = open_page(system="<b>none</b>")
    assert "There is no system `'<b>none</b>'` here" in "".join(caption.value for caption in app.sidebar.caption)
    assert chosen(app) == FIRST


def test_back_brings_the_system_of_that_url(monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page()
    app.selectbox(key="app.system").set_value(SEPARATE)
    assert chosen(run(app)) == SEPARATE
    monkeypatch.setattr(sidebar, "MOMENT", 0.0)  # a while later
    assert chosen(run(app, system=None)) == FIRST
    assert chosen(run(app, system=SEPARATE)) == SEPARATE  # and forward
    app.switch_page("pages/detectors.py")
    assert chosen(run(app, system=None)) == SEPARATE  # opened by the navigation
    assert chosen(run(app, system="pets-made")) == "pets-made"
    assert chosen(run(app, system=None)) == SEPARATE  # what this page began with


def test_a_click_with_the_url_of_a_moment_ago_leaves_the_choice() -> None:
    app = open_page(system="pets-made")
    app.selectbox(key="app.dataset").set_value("many")
    run(app)
    assert chosen(run(app, system="pets-made")) == "many-made"


@pytest.mark.parametrize("k", ["4", None])
def test_a_detector_stays_chosen_where_the_next_system_lists_its_classes(k: str | None) -> None:
    """Ten digits are buttons and ten longer names a list: another kind of widget under the same key."""
    app = open_page("detectors", **({"k": k} if k else {}))
    before = app.session_state["detectors.k"]
    for other, classes in (("CIFAR-10", dataset("cifar10").classes), ("MNIST", dataset("mnist").classes)):
        app.selectbox(key="app.dataset").select(other)
        run(app)
        assert app.header[0].value == f"Detector {classes[before]}"
        assert "".join(app.query_params.get("k", "")) == (k or "")


@pytest.mark.parametrize("page", PAGES)
def test_a_system_opens_where_its_data_set_is_not_here(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(tmp_path / "nothing"))
    app = open_page(page, system="pets-made")
    assert chosen(app) == "pets-made"
    assert "The data set `pets` is not on this machine" in text(app)
    if page in ("overview", "detectors"):
        assert "aatviz data import PATH --name pets" in text(app)


def test_a_damaged_system_says_so_and_another_one_can_be_chosen(several: Made) -> None:
    (several.checkpoints / "pets-made" / "classifier.safetensors").write_bytes(b"none")
    app = open_page(system="pets-made")
    assert "classifier.safetensors" in app.error[0].value
    app.selectbox(key="app.dataset").set_value("many")
    assert chosen(run(app)) == "many-made"


@pytest.mark.parametrize("page", ["overview", "learn", "attack"])
@pytest.mark.parametrize("file", ["card.json", "shared.safetensors"])
def test_the_first_system_is_broken_and_the_pages_of_the_others_are_whole(page: str, file: str, several: Made) -> None:
    (several.checkpoints / FIRST / file).write_bytes(b"none")
    app = open_page(page, system=SEPARATE)
    assert f"`{SEPARATE}`, trained against" in text(app)
    assert not app.error
    said = "".join(caption.value for caption in app.sidebar.caption)
    assert (f"The system `{FIRST}` is broken and left out." in said) == (file == "card.json")
    assert ("card.json is not valid JSON" in said) == (file == "card.json")


def test_every_card_is_broken(several: Made) -> None:
    for card in several.checkpoints.glob("*/card.json"):
        card.write_text("{}")
    app = open_page()
    assert "There is no trained system" in app.info[0].value
    assert '"system" is missing' in app.sidebar.caption[0].value


def test_a_lesson_opens_its_system_says_so_and_gives_it_free_again() -> None:
    lesson = LESSONS[0]
    app = open_page("learn", system="pets-made")
    assert f"This lesson is about the system `{lesson.system}`, not `pets-made`" in text(app)
    app.switch_page("pages/attack.py")
    run(app, **lesson.link, system="pets-made")
    assert chosen(app) == lesson.system
    assert "it was opened instead of `pets-made`" in text(app)
    assert app.selectbox(key="app.system").disabled
    next(button for button in app.button if button.label.startswith("Leave the lesson")).click()
    assert not run(app).selectbox(key="app.system").disabled


def test_lessons_whose_system_is_not_here_reveal_nothing(several: Made) -> None:
    shutil.rmtree(several.checkpoints / FIRST)
    shutil.rmtree(several.checkpoints / SEPARATE)
    app = open_page("learn")
    assert f"written for the system `{LESSONS[0].system}`, which is not here" in text(app)
    app.radio[0].set_value(0).run()
    next(button for button in app.button if button.label == "Reveal").click().run()
    assert not app.exception
    assert not app.success
    assert not app.warning
