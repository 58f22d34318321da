"""The Attack page without a browser: first loads, links, a whole attack, cancelling, and what can be taken home."""

import csv
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
from aatviz.attacks.settings import AttackSettings
from aatviz.explore import work
from aatviz.explore.attack_path import Trace, trace_attack
from aatviz.runtime.files import read_json, write_json
from aatviz.ui.own.attacked import Choice
from aatviz.ui.own.attacked import request as request_for
from aatviz.ui.own.picked import bundled
from aatviz.ui.player.take_home import logits_csv, png
from aatviz.ui.session.runs import cost
from aatviz.ui.session.showcase import build_showcase

APP = Path(__file__).parents[2] / "app.py"
NAME = "mnist-linf-0.3-shared"


@pytest.fixture(autouse=True)
def fresh_caches(tiny_system_folder: Path) -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


def open_page(**url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=30).run()
    app.switch_page("pages/attack.py")
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def press_and_wait(app: AppTest) -> list[Trace]:
    """Press Attack and return the traces on show when it is over."""
    next(button for button in app.button if button.label == "Attack").click().run()
    limit = time.monotonic() + 30
    while "attack.running" in app.session_state and time.monotonic() < limit:
        time.sleep(0.05)
        app.run()
    assert not app.exception
    return app.session_state["attack.shown"].value


def test_without_a_stored_run_it_invites_to_press_the_button() -> None:
    app = open_page()
    assert "press **Attack**" in app.info[0].value
    assert any("on this machine: 2 times 100 steps" in caption.value for caption in app.caption)


def test_a_stored_run_is_there_at_once(tiny_system_folder: Path) -> None:
    build_showcase(aatviz.load_system(NAME))
    app = open_page()
    assert not app.info
    assert len(app.get("bidi_component")) == 1
    changed = open_page(steps="7")
    assert any("a stored run of the default settings" in caption.value for caption in changed.caption)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            {"victim": "generative", "goal": "untargeted", "steps": "3", "pick": "index", "index": "7"},
            AttackSettings(loss="detectors_max", steps=3),
        ),
        (
            {"victim": "integrated", "goal": "untargeted", "steps": "3", "pick": "shuffle", "shuffle": "5"},
            AttackSettings(victim="integrated", loss="combined", steps=3),
        ),
        (
            {"victim": "detector", "detector": "4", "steps": "3", "compare": "0"},
            AttackSettings(victim="detector", detector=4, loss="detector_logit", steps=3),
        ),
        (
            {
                "victim": "natural",
                "goal": "untargeted",
                "loss": "cw",
                "norm": "L2",
                "eps": "2",
                "step_size": "0.5",
                "steps": "3",
            },
            AttackSettings(victim="natural", loss="cw", norm="L2", eps=2.0, step_size=0.5, steps=3),
        ),
        (
            {"victim": "robust", "target": "5", "steps": "3", "random_start": "1", "restarts": "2", "seed": "8"},
            AttackSettings(victim="robust", loss="target_logit", target=5, steps=3, random_start=True, restarts=2, seed=8),
        ),
    ],
)
def test_a_link_is_run_exactly_as_it_says(url: dict[str, str], expected: AttackSettings) -> None:
    app = open_page(**url)
    assert app.query_params == {key: value for key, value in url.items() if (key, value) != ("victim", "generative")}
    traces = press_and_wait(app)
    shown = app.session_state["attack.shown"].choice
    assert shown.settings == expected
    assert shown.compare == ("compare" not in url and expected.victim != "robust")
    assert [trace.settings for trace in traces] == shown.attacks
    system = aatviz.load_system(NAME)
    x, y = aatviz.load_data("mnist", split="sample")
    index = shown.picked.index
    for trace in traces:
        direct = trace_attack(system, trace.settings, x[index : index + 1], y[index])
        torch.testing.assert_close(trace.images, direct.images)
        torch.testing.assert_close(trace.z_h, direct.z_h)
        assert trace.kept == direct.kept
    code = " ".join(block.value for block in app.code)
    assert f"--index {index} --victim {expected.victim}" in code


def test_silly_links_get_a_kind_note_and_the_default() -> None:
    app = open_page(
        steps="99999",
        restarts="21",
        eps="abc",
        victim="zebra",
        target="12",
        T="nan",
        seed="-1",
        compare="maybe",
        digit="2.5",
    )
    note = app.info[0].value
    for name in ("steps", "restarts", "eps", "victim", "target", "T", "seed", "compare", "digit"):
        assert f"The link asks for {name} = " in note
    assert "from 1 to 2000" in note
    assert not app.query_params


def test_a_linf_radius_above_one_is_put_right() -> None:
    app = open_page(eps="8")
    assert "[0,1] scale" in app.info[0].value
    assert app.session_state["attack.eps"] == "0.3"


def test_another_victim_brings_its_own_loss_and_the_url_follows() -> None:
    app = open_page(goal="untargeted")
    app.selectbox(key="attack.victim").set_value("integrated").run()
    assert app.session_state["attack.loss"] == "combined"
    assert app.query_params == {"goal": "untargeted", "victim": "integrated"}
    app.selectbox(key="attack.loss").set_value("classifier_margin").run()
    assert app.query_params["loss"] == "classifier_margin"
    assert not app.exception


def test_a_radius_is_typed_as_the_field_writes_it_and_what_is_none_is_put_back() -> None:
    app = open_page(steps="2")
    app.text_input(key="attack.eps").set_value(" 16/255 ").run()
    assert app.query_params["eps"] == "16/255"
    assert press_and_wait(app)[0].settings.eps == 16 / 255
    for nonsense in ("abc", "8/0", "-1", "nan", "1e9"):
        app.text_input(key="attack.eps").set_value(nonsense).run()
        assert app.session_state["attack.eps"] == "16/255"
        assert f"`{nonsense!r}` is not a number from 0 to 28" in app.warning[0].value
    assert not app.exception


def test_another_norm_brings_a_sensible_ball() -> None:
    app = open_page()
    app.get("button_group")[-1].set_value("L2").run()
    assert (app.session_state["attack.eps"], app.session_state["attack.step_size"]) == ("2.5", "0.1")
    assert not app.exception


def test_the_ball_is_the_one_that_the_system_is_trained_for_until_somebody_changes_it(tiny_system_folder: Path) -> None:
    other = tiny_system_folder / "mnist-linf-0.3" / "card.json"
    write_json(other, read_json(other) | {"norm": "L2", "eps": 2.5})
    app = open_page()
    ball = ("norm", "eps", "step_size")
    assert [app.session_state[f"attack.{name}"] for name in ball] == ["Linf", "0.3", "0.01"]
    app.session_state["app.chosen-system"] = "mnist-linf-0.3"  # what the sidebar does, which is not there in this test
    app.run()
    assert [app.session_state[f"attack.{name}"] for name in ball] == ["L2", "2.5", "0.1"]
    assert not {*ball} & {*app.query_params}
    app.text_input(key="attack.eps").set_value("3").run()
    app.session_state["app.chosen-system"] = NAME
    app.run()
    assert [app.session_state[f"attack.{name}"] for name in ball] == ["Linf", "0.3", "0.01"]


def test_shuffle_is_deterministic() -> None:
    app = open_page(pick="shuffle", shuffle="5")
    before = [caption.value for caption in app.caption if "of the sample" in caption.value]
    next(button for button in app.button if button.label == "Shuffle").click().run()
    assert app.query_params["shuffle"] == "6"
    after = [caption.value for caption in app.caption if "of the sample" in caption.value]
    assert before != after
    again = open_page(pick="shuffle", shuffle="5")
    assert [caption.value for caption in again.caption if "of the sample" in caption.value] == before


def test_the_page_tells_of_a_cancelled_attack() -> None:
    app = open_page(steps="2000", restarts="20")
    next(button for button in app.button if button.label == "Attack").click().run()
    next(button for button in app.button if button.label == "Cancel").click().run()
    limit = time.monotonic() + 30
    while "attack.running" in app.session_state and time.monotonic() < limit:
        time.sleep(0.05)
        app.run()
    assert any("was cancelled" in info.value for info in app.info)
    assert not app.exception


def test_a_reloaded_page_takes_up_the_wait_for_its_run() -> None:
    settings = {"steps": "2000", "restarts": "20"}
    app = open_page(**settings)
    next(button for button in app.button if button.label == "Attack").click().run()
    again = open_page(**settings)
    assert again.session_state["attack.running"][0] is app.session_state["attack.running"][0]
    for visitor in (app, again):
        next(button for button in visitor.button if button.label == "Cancel").click().run()


def test_an_error_is_shown_on_the_page_that_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("the worker stumbled")

    app = open_page(steps="3")
    monkeypatch.setattr(work, "trace_together", broken)
    next(button for button in app.button if button.label == "Attack").click().run()
    limit = time.monotonic() + 30
    while "attack.running" in app.session_state and time.monotonic() < limit:
        time.sleep(0.05)
        app.run()
    assert any("the worker stumbled" in info.value for info in app.info)
    assert not app.exception


def test_cost_is_told_in_words() -> None:
    x, y = aatviz.load_data("mnist", split="sample")
    choice = Choice(picked=bundled(x, y, 0), settings=AttackSettings(steps=50, restarts=3), compare=True)
    request = request_for(aatviz.load_system(NAME), choice)
    assert cost(0.4, request.steps) == "Less than a second on this machine: 6 times 50 steps."
    assert cost(12.3, request.steps).startswith("About 12 s ")
    assert cost(600, request.steps).startswith("About 10 min ")
    assert request.total == 2 * 3 * 51
    assert request.seconds() > 0


def test_what_can_be_taken_home_is_the_result(tiny_system_folder: Path) -> None:
    x, y = aatviz.load_data("mnist", split="sample")
    trace = trace_attack(aatviz.load_system(NAME), AttackSettings(steps=3), x[:1], y[0])
    picture = np.asarray(Image.open(io.BytesIO(png(trace))))
    assert picture.shape == (280, 280)
    assert np.array_equal(picture[5::10, 5::10], (trace.perturbed[0] * 255).round().byte().numpy())
    rows = list(csv.DictReader(io.StringIO(logits_csv([trace], range(10)))))
    assert [int(row["step"]) for row in rows] == [0, 1, 2, 3]
    assert [row["kept"] for row in rows].index("1") == trace.kept
    assert float(rows[2]["detector_logit_4"]) == pytest.approx(float(trace.z_h[2, 4]))


def test_the_way_back_is_followed_and_a_click_with_the_url_of_before_is_not_taken_for_it() -> None:
    app = open_page(steps="2", eps="0.2")
    app.text_input(key="attack.eps").set_value("0.1").run()
    app.query_params["eps"] = "0.2"  # as the browser says after Back
    app.run()
    assert (app.session_state["attack.eps"], app.query_params["eps"]) == ("0.2", "0.2")
    app.text_input(key="attack.eps").set_value("0.15").run()
    app.query_params["eps"] = "0.2"  # the URL of before is still on its way when the next setting changes
    app.number_input(key="attack.steps").set_value(3).run()
    assert dict(app.query_params) == {"steps": "3", "eps": "0.15"}
    app.query_params["eps"] = "0.2"
    press_and_wait(app)  # and when a button is pressed
    assert dict(app.query_params) == {"steps": "3", "eps": "0.15"}
