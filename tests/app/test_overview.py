"""The Overview page without a browser: with and without a stored run, and what the stored run is worth."""

from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import aatviz
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.explore.attack_path import trace_attack
from aatviz.recipes.paper import SIDE_BY_SIDE
from aatviz.runtime.files import read_json, write_json
from aatviz.store.weights import build_network, save_network
from aatviz.ui.overview import card as overview_card
from aatviz.ui.session import caches
from aatviz.ui.session.showcase import SETTINGS, build_showcase, load_showcase
from tests.changed_systems import described_again

APP = Path(__file__).parents[2] / "app.py"
NAME = "mnist-linf-0.3-shared"


@pytest.fixture(autouse=True)
def fresh_caches(tiny_system_folder: Path) -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


def open_page(**url: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=30)
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return " ".join(element.value for kind in (app.markdown, app.info, app.caption, app.title) for element in kind)


def test_without_a_stored_run_it_names_the_command_and_shows_digits() -> None:
    app = open_page()
    assert app.title[0].value == "Asymmetrical adversarial training"
    assert f"tools/build_showcase.py {NAME}" in app.info[0].value
    assert len(app.image) == 1
    assert "No results are stored" in texts(app)


def test_it_leads_to_every_other_page() -> None:
    linked = {link.proto.page for link in open_page().get("page_link")}
    assert linked == {page.stem for page in APP.parent.glob("pages/*.py")} - {"overview"}


def test_with_a_stored_run_it_is_shown_at_once(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = aatviz.load_system(NAME)
    build_showcase(system)

    def no_call(*_: object) -> None:
        raise AssertionError("The page called a model.")

    monkeypatch.setattr(aatviz.DetectorBank, "forward", no_call)
    app = open_page()
    assert not app.info
    assert "A 3 pushed towards an 8" in texts(app)
    assert len(app.get("bidi_component")) == 1


def test_the_stored_run_is_the_attack_itself_and_belongs_to_its_weights(tiny_system_folder: Path) -> None:
    system = aatviz.load_system(NAME)
    assert load_showcase(system) is None
    build_showcase(system)
    stored = load_showcase(system)
    assert stored is not None
    x, y = aatviz.load_data("mnist", split="sample")
    fresh = trace_attack(system, SETTINGS, x[14:15], y[14])
    assert (stored.traces[0].images - fresh.images).abs().max() < 1e-4
    assert stored.traces[1].settings == SETTINGS.against("robust")
    note = {"network": "madry", "outputs": 10, "width": 16, "seconds": 1.0}
    save_network(system.folder / "robust.safetensors", build_network(note), note)
    assert load_showcase(described_again(system.folder)) is None


def test_the_figures_of_the_card_are_shown(tiny_system_folder: Path) -> None:
    file = tiny_system_folder / NAME / "card.json"
    proportion = {"value": 0.9912, "low": 0.989, "high": 0.993, "n": 10_000}
    worst = {"value": 0.99, "low": 0.98, "high": 0.995, "n": 2000}
    rows = [{"worst": worst, "last": {"Adam 200 x 0.01": worst | {"value": 0.9981}}}] * 10
    mean = worst | {"value": 0.9981, "n": 20_000}
    metrics = {
        "table-11": {"rows": rows, "mean_intervals": {"last": {}, "worst": mean}},
        "curves": {
            "accuracy": {"generative": proportion, "robust": proportion},
            "error_without_rejection": {"generative": proportion | {"value": 0.2}, "robust": proportion | {"value": 0.1}},
        },
    }
    write_json(file, read_json(file) | {"metrics": metrics})
    app = open_page()
    assert {metric.value for metric in app.metric} == {"1", "0.9981", "0.9912", "0.2000", "0.1000"}
    assert "n = 10,000" in texts(app)
    assert f"of 10 detectors; 95 % interval {mean['low']:.4f} to {mean['high']:.4f}, n = 20,000" in texts(app)


def test_the_error_is_that_under_all_attacks_where_it_has_been_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def row(rejection: float, value: float) -> dict[str, Any]:
        return {"clean_rejection": rejection, "error": {EVERY: {"value": value, "low": 0.1, "high": 0.3, "n": 500}}}

    at = {"generative": [row(0.0, 1.0), row(0.01, 0.17)], "robust": [row(0.0, 1.0), row(0.01, 0.25)]}
    record = {"victims": {victim: {"at": rows} for victim, rows in at.items()}}
    monkeypatch.setattr(overview_card, "records", lambda _, names: {name: record for name in names if name != "thorough"})
    app = open_page()
    assert {metric.value for metric in app.metric} == {"1", "0.1700", "0.2500"}
    assert "worst of all attacks, T rejects 1 % of clean images; 95 % interval 0.1000 to 0.3000, n = 500" in texts(app)


def test_what_a_small_push_gets_rejected_is_among_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    share = {"value": 0.99, "low": 0.95, "high": 1.0, "n": 100}
    rows = [{"clean_rejection": 0.05, "rejected": [share | {"value": 0.08}, share, share]}]
    record = {"radii": [0.0, 0.1, 1.0], "victims": {"generative": rows}}
    monkeypatch.setattr(overview_card, "records", lambda _, names: {"thorough": record} if "thorough" in names else {})
    shown = texts(open_page())
    assert "rejected within Linf 0.03 (0.1 of the ball of the training), or fooled within all of it are" in shown
    assert "**99%** (95% to 100%) for the generative classifier (n = 100), where 5% of clean images are rejected" in shown


def test_without_the_protocol_the_error_is_that_of_the_worst_of_three_optimizers(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(value: float) -> list[dict[str, Any]]:
        error = {"value": value, "low": 0.1, "high": 0.3, "n": 1000}
        return [{"error": error}, {"error": error | {"value": 0.05}}]

    record = {"victims": {"generative": rows(0.21), "robust": rows(0.28)}}
    monkeypatch.setattr(overview_card, "records", lambda *_: {SIDE_BY_SIDE: record})
    app = open_page()
    assert {metric.value for metric in app.metric} == {"1", "0.2100", "0.2800"}
    assert "worst of three optimizers, no rejection; 95 % interval 0.1000 to 0.3000, n = 1,000" in texts(app)


def test_a_card_without_figures_is_no_error() -> None:
    assert [metric.value for metric in open_page().metric] == ["1"]


def test_silly_links_get_a_kind_note() -> None:
    app = open_page(system="none", T="1e9")
    assert "There is no system `'none'` here" in texts(app)
    assert "T = `'1e9'`" in texts(app)
    assert not app.query_params


def test_the_other_bank_is_described_from_its_files() -> None:
    assert "**one network** with 10 logits" in texts(open_page())
    app = open_page(system="mnist-linf-0.3")
    assert "**10 networks** of one logit each" in texts(app)
    assert app.query_params["system"] == "mnist-linf-0.3"


def test_no_system_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(tmp_path / "empty"))
    assert "aatviz train mnist-linf-0.3-shared" in open_page().info[0].value


def test_the_limits_are_told() -> None:
    text = texts(open_page())
    assert "Beyond that radius" in text
    assert "Tramèr" in text


def test_the_caches_keep_systems_apart(tiny_system_folder: Path) -> None:
    """Two systems of different weights in one process: a cache that ignores the folder would mix them up."""
    systems = [caches.load_system(name) for name in aatviz.systems()]
    assert caches.fingerprint(systems[0]) != caches.fingerprint(systems[1])
    assert [system.name for system in systems] == aatviz.systems()
