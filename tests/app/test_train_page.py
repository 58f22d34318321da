"""The Train page: choosing, training, reload and second tab, cancel and going on, uploads, two visitors, training off."""

import dataclasses
import io
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from aatviz.data import dataset
from aatviz.recipes.budget import read
from aatviz.runtime.worker import Outcome
from aatviz.store.packed import pack
from aatviz.store.systems import load_system
from aatviz.ui.session import caches, visitors
from aatviz.ui.session import limits as limits_module
from aatviz.ui.train import view
from tests.app.conftest import Inline
from tests.app.test_trainings import ByHand
from tests.unit.data_files import image_bytes, picture

APP = Path(__file__).parents[2] / "app.py"
QUICK = {"size": "tiny", "minutes": "0.05", "data": "mnist@sample", "classes": "1,7"}


@pytest.fixture(autouse=True)
def fresh(tiny_system_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of its own for each test, whose visitors' folder is the test's."""
    st.cache_resource.clear()
    st.cache_data.clear()
    folder = tmp_path / "visitors"
    folder.mkdir()
    monkeypatch.setattr(visitors, "folder", lambda: folder)
    monkeypatch.setenv("AATVIZ_VISITORS_DATA", str(folder / "data"))
    monkeypatch.setattr(caches, "trainer", Inline)
    yield
    st.cache_resource.clear()


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[ByHand]:
    runner = ByHand()
    monkeypatch.setattr(caches, "trainer", lambda: runner)
    yield runner
    for _ in range(9):
        runner.go.release()


def open_page(**url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120).run()
    app.switch_page("pages/train.py")
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    kinds: tuple[Any, ...] = (app.markdown, app.caption, app.info, app.success, app.warning, app.subheader)
    return " ".join(block.value for kind in kinds for block in kind)


def param(app: AppTest, name: str) -> str:
    value: str | list[str] = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def until(app: AppTest, holds: Callable[[], object]) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit, said(app)
        time.sleep(0.05)
        app.run()
    assert not app.exception


def archive(counts: dict[str, int], damaged: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for kind, count in counts.items():
            for i in range(count):
                packed.writestr(f"pets/{kind}/{i}.png", image_bytes(picture(hash((len(kind), i)) % 10_000)))
        if damaged:
            packed.writestr("pets/cat/torn.png", b"no picture")
    return buffer.getvalue()


def test_before_anything_is_trained_it_shows_pictures_a_cost_and_what_to_expect() -> None:
    app = open_page()
    shown = said(app)
    assert "3 classes of 28 x 28 pixels, 1,050 training images" in shown
    assert "goes on for 15 minutes without you" in shown
    assert labels(app) == ["Train"]
    assert "Train on" in [box.label for box in app.selectbox]


def test_a_training_ends_as_the_system_of_all_pages_with_its_command() -> None:
    app = press(open_page(**QUICK), "Train")
    until(app, lambda: "It is trained" in said(app))
    name = param(app, "training")
    assert app.session_state["app.chosen-system"] == name
    shell = app.code[0].value
    assert f"--dataset mnist@sample+1+7 --workers 1 --out checkpoints/{name}" in shell
    assert read(shell.split()[2]).steps >= 10
    for page in ("overview", "attack", "compare", "generate", "thresholds", "detectors", "robustness"):
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, page
    again = AppTest.from_file(APP, default_timeout=120)
    again.query_params["system"] = name
    again.run()
    assert again.session_state["app.chosen-system"] == name  # a link, or a reload, in another session
    assert param(again, "system") == name
    assert next(box for box in again.selectbox if box.label == "System").options == ["L∞ 0.3, shared, yours"]
    assert "L∞ 0.3, shared, yours" not in str(AppTest.from_file(APP, default_timeout=120).run())  # a stranger


def test_reload_and_second_tab_find_it_again_and_nobody_else_does(by_hand: ByHand) -> None:
    app = press(open_page(**QUICK), "Train")
    until(app, lambda: by_hand.orders)
    name = param(app, "training")
    assert "Cancel" in labels(app)
    assert next(button for button in app.button if button.label == "Train").disabled
    tab = open_page(training=name)
    assert f"Your training `{name}`" in said(tab)
    assert "Cancel" in labels(tab)
    stranger = open_page()
    assert name not in said(stranger)
    press(tab, "Cancel")
    app.run()
    assert "It was cancelled" in said(app)


def test_a_cancelled_one_goes_on_and_another_can_be_begun(by_hand: ByHand) -> None:
    app = press(open_page(**QUICK), "Train")
    until(app, lambda: len(by_hand.orders) == 1)
    press(app, "Cancel")
    assert "What it has done is kept" in said(app)
    press(app, "Go on")
    until(app, lambda: len(by_hand.orders) == 2)
    assert by_hand.orders[0] == by_hand.orders[1]
    press(app, "Cancel")
    press(app, "Train")
    until(app, lambda: len(by_hand.orders) == 3)
    assert by_hand.orders[2].folder != by_hand.orders[0].folder


def test_two_visitors_each_see_their_place(by_hand: ByHand) -> None:
    first = press(open_page(**QUICK), "Train")
    until(first, lambda: by_hand.orders)
    # every session of these tests bears the same name, so the second visitor's training is put in by hand
    order = by_hand.orders[0]
    mine = order._replace(folder=order.folder.with_name("mine-0123456789"), notes=order.notes.with_name("mine-0123456789"))
    caches.trainings().submit(mine, "another", 60)
    second = open_page(training="mine-0123456789")
    assert "Waiting: 1 other training first" in second.get("progress")[0].proto.text
    press(first, "Cancel")
    until(second, lambda: len(by_hand.orders) == 2)


def test_an_old_link_says_that_the_training_is_gone() -> None:
    app = open_page(training="pets-0123456789")
    assert "The training of this link is gone" in said(app)
    assert "training" not in app.query_params


def test_switched_off_it_says_how_to_turn_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    off = dataclasses.replace(limits_module.LIMITS, training=False)
    monkeypatch.setattr(view, "LIMITS", off)
    app = open_page()
    assert "`AATVIZ_TRAINING=1`" in said(app)
    assert "Train" not in labels(app)


def test_one_class_is_too_few_and_impossible_links_are_friendly() -> None:
    app = open_page(**QUICK)
    app.multiselect[0].set_value([1]).run()
    assert "at least two classes" in said(app)
    assert next(button for button in app.button if button.label == "Train").disabled
    odd = open_page(data="../x", classes="99", minutes="1e9", size="x", eps="nan", norm="L7")
    assert said(odd).count("The link asks for") == 6


def test_an_archive_is_imported_shown_and_trained_on() -> None:
    app = open_page(size="tiny", minutes="0.05")
    data = archive({"cat": 20, "dog": 18, "eel": 16}, damaged=True)
    app.file_uploader[0].upload("my pets.zip", data, "application/zip").run()
    until(app, lambda: "Images a class" in said(app))
    assert "torn.png" in said(app)
    name = app.session_state["train.data"]
    assert dataset(name).classes == ("cat", "dog", "eel")
    assert app.session_state["train.classes"] == [0, 1, 2]
    app.multiselect[0].set_value([0, 2]).run()
    press(app, "Train")
    until(app, lambda: "It is trained" in said(app))
    folder = visitors.systems() / param(app, "training")
    assert load_system(folder).card.dataset == f"{name}@0+2"
    assert len(load_system(folder).card.bank) == 2
    again = open_page(data=name)
    assert again.session_state["train.data"] == name  # a reload finds the pictures by the address


def test_no_archive_is_a_sentence() -> None:
    app = open_page()
    app.file_uploader[0].upload("notes.zip", b"no archive at all", "application/zip").run()
    until(app, lambda: "notes.zip is no whole .tar" in said(app))


def test_a_system_is_brought_back_with_its_pictures_and_a_broken_one_is_not() -> None:
    app = open_page(size="tiny", minutes="0.05")
    app.file_uploader[0].upload("pets.zip", archive({"cat": 20, "dog": 18}), "application/zip").run()
    until(app, lambda: "Images a class" in said(app))
    press(app, "Train")
    until(app, lambda: "It is trained" in said(app))
    folder = visitors.systems() / param(app, "training")
    packed, before = pack(folder, visitors.data() / app.session_state["train.data"]), load_system(folder).card.weights_hash
    st.cache_resource.clear()
    for place in (visitors.systems(), visitors.data()):
        shutil.rmtree(place)  # another server
    app = open_page()
    app.file_uploader[1].upload("pets.zip", packed[:-50], "application/zip").run()
    assert "This is not taken" in said(app)
    app.file_uploader[1].upload("pets.zip", packed, "application/zip").run()
    assert "It is here" in said(app)
    name = app.session_state["app.chosen-system"]
    assert name != folder.name
    assert caches.load_system(name).card.weights_hash == before
    assert dataset(load_system(visitors.systems() / name).card.dataset).classes == ("cat", "dog")


def test_an_error_in_the_process_is_shown_and_it_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> list[Outcome]:
        return [Outcome(error="too little memory")]

    monkeypatch.setattr(Inline, "run", fails)
    app = press(open_page(**QUICK), "Train")
    until(app, lambda: "It failed. too little memory" in said(app))
    assert "Go on" in labels(app)
