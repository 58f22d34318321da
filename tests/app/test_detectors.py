"""The Detectors page without a browser: what is stored at once and without a model, links, printed commands, files."""

import csv
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import aatviz
from aatviz import cli
from aatviz.explore import detector_records
from aatviz.models.detectors import DetectorBank
from aatviz.runtime.files import write_json
from aatviz.store.systems import System
from aatviz.ui.common.plots import bin_edges
from aatviz.ui.common.words import literal
from aatviz.ui.detectors import data, figures, strips
from tests.changed_systems import edited_card

PAGE = Path(__file__).parents[2] / "pages" / "detectors.py"
NAME = "mnist-linf-0.3-shared"


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def stored(measured_detectors: System, monkeypatch: pytest.MonkeyPatch) -> System:
    """A tiny system with everything that the page shows, sample logits made up; from now on calling a detector fails."""
    logits = 10 * torch.randn(5000, 10, generator=torch.Generator().manual_seed(0)).half().float()
    monkeypatch.setattr(detector_records, "_compute", lambda _: logits)
    detector_records.store_sample_logits(measured_detectors)
    names = ("validation_adversarial", "validation_natural", "train_adversarial", "train_natural")
    rows = [{"step": 10.0 * i, "seconds": 1.0, **dict.fromkeys(names, 0.9 + i / 100)} for i in (1, 2, 3)]
    write_json(measured_detectors.folder / "history" / "shared.json", rows)
    edited_card(measured_detectors.folder, recipe={"jobs": [{"name": "shared", "outputs": 10, "start_from": None}]})

    def no_call(*_: object) -> None:
        raise AssertionError("The page called a model.")

    monkeypatch.setattr(DetectorBank, "forward", no_call)
    return measured_detectors


def open_page(**url: str) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=30)
    app.session_state["app.sent-to-frame"] = True  # no frame around the page: it stands alone here
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption))


def logits_shown(app: AppTest) -> list[tuple[int, float]]:
    """Index and logit of every image in the strips."""
    html = "".join(element.proto.body for element in app.get("html"))
    return [(int(i), float(z)) for i, z in re.findall(r'aria-label="Attack image (\d+), an? \d, logit (-?[\d.]+)"', html)]


def test_a_cold_load_shows_all_that_is_stored_without_a_model(stored: System) -> None:
    app = open_page()
    assert not app.info
    assert app.header[0].value == "Detector 9"
    assert len(app.get("plotly_chart")) == 4
    profile = detector_records.load(stored)[9]
    for auc in (profile.natural, *(part.auc for part in profile.attacked.values())):
        assert f"{auc.value:.5f} ({auc.low:.5f} to {auc.high:.5f})" in words(app)
    assert "0.99418" in words(app)
    assert len(logits_shown(app)) == 40
    assert "the mean of its 10 detectors" in words(app)


def test_one_choice_drives_every_view_and_the_url(stored: System) -> None:
    app = open_page()
    before = logits_shown(app)
    app.button_group(key="detectors.k").set_value(2).run()
    assert app.header[0].value == "Detector 2"
    assert app.query_params == {"k": "2"}
    assert logits_shown(app) != before
    z, (_, y) = detector_records.sample_logits(stored), aatviz.load_data("mnist", split="sample")
    expected = [i for indices in detector_records.rankings(z, y, 2).values() for i in indices.tolist()]
    assert [i for i, _ in logits_shown(app)] == expected
    assert f"{detector_records.load(stored)[2].attacked['paper'].auc.value:.5f}" in words(app)


def test_a_link_sets_every_view(stored: System) -> None:
    url = {"k": "4", "attack": "worst", "axis": "linear", "counts": "log"}
    app = open_page(**url)
    assert app.query_params == url
    assert "**worst of several**" in words(app)
    assert "momentum 2 x 0.1" in words(app)


def test_silly_links_get_a_kind_note_and_the_default(stored: System) -> None:
    app = open_page(k="11", attack="none", counts="<b>")
    assert app.header[0].value == "Detector 9"
    for name in ("k", "attack", "counts"):
        assert f"The link asks for {name} = " in app.info[0].value


def test_an_attack_that_was_not_measured_is_replaced_by_one_that_was(stored: System) -> None:
    (stored.folder / "results" / "worst-case.json").unlink()
    app = open_page(attack="worst")
    assert "Worst of several has not been measured" in app.info[0].value
    assert app.button_group(key="detectors.attack").value == "paper"


def test_a_locked_lesson_locks_the_choice(stored: System) -> None:
    app = open_page(lesson="own", lock="k", k="3")
    assert app.button_group(key="detectors.k").disabled
    assert not app.button_group(key="detectors.attack").disabled


def test_without_any_record_the_page_names_the_commands(tiny_system_folder: Path) -> None:
    app = open_page()
    text = "\n".join(info.value for info in app.info)
    assert f"aatviz evaluate {NAME} --recipe table-11" in text
    assert f"python tools/build_showcase.py {NAME}" in text
    assert "No training history" in text
    assert not app.get("plotly_chart")


def test_without_a_record_the_bundled_sample_still_has_its_histograms(stored: System) -> None:
    for name in ("table-11", "worst-case"):
        (stored.folder / "results" / f"{name}.json").unlink()
    app = open_page()
    assert "Nobody has measured" in app.info[0].value
    assert "images of the sample, natural ones only" in words(app)
    assert len(app.get("plotly_chart")) == 3
    assert "detector_records.load" not in app.code[1].value


@pytest.mark.parametrize("name", ["results/table-11.npz", "results/sample_logits.npz", "history/shared.json"])
def test_a_damaged_file_is_named_and_the_rest_is_shown(stored: System, name: str) -> None:
    (stored.folder / name).write_text("not what it should be")
    app = open_page()
    assert literal(Path(name).name) in app.info[0].value
    assert app.header[0].value == "Detector 9"
    assert app.get("plotly_chart")


def test_the_printed_command_and_python_give_the_numbers_on_screen(
    stored: System, capsys: pytest.CaptureFixture[str]
) -> None:
    app = open_page(k="6")
    command, python = (code.value for code in app.code[:2])
    profile = detector_records.load(stored)[6]
    aucs = [profile.natural, *(part.auc for part in profile.attacked.values())]

    result = CliRunner().invoke(cli.app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    for auc in aucs:
        printed = f"{auc.value:.5f} ({auc.low:.5f} to {auc.high:.5f})"
        assert printed in result.output
        assert printed in words(app)
    assert [(int(i), float(z)) for i, z in re.findall(r"(\d+) \((-?[\d.]+)\)", result.output)] == logits_shown(app)

    exec(compile(python, "shown", "exec"), {})
    output = capsys.readouterr().out
    assert [float(value) for value in re.findall(r"Interval\(value=([\d.e-]+)", output)] == [auc.value for auc in aucs]
    indices = [int(i) for line in re.findall(r"^\w+ \[([\d, ]+)\]", output, re.MULTILINE) for i in line.split(",")]
    assert indices == [i for i, _ in logits_shown(app)]


def test_the_command_says_what_is_wrong_with_its_arguments(tiny_system_folder: Path) -> None:
    result = CliRunner().invoke(cli.app, ["detector", NAME, "--k", "12"])
    assert "has no detector of class 12; it has those of 0, 1" in str(result.exception)


def test_an_image_opens_on_the_attack_page_with_its_detector(stored: System) -> None:
    html = "".join(element.proto.body for element in open_page(k="5").get("html"))
    index = logits_shown(open_page(k="5"))[20][0]
    assert f'href="attack?pick=index&amp;index={index}&amp;victim=detector&amp;detector=5"' in html
    away = {"pick": "index", "index": "3", "goal": "untargeted"}
    assert strips.attack_settings(3, 5, 5) == away
    assert strips.attack_settings(3, 5, 5, full_bank=False) == away | {"victim": "natural"}


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_files_to_take_home_hold_what_is_shown(stored: System) -> None:
    found = data.detectors(stored)
    scores = found.scores(3, "paper")
    histogram = rows(data.histogram_csv(scores))
    for kind, z in scores.items():
        assert sum(int(row[kind]) for row in histogram) == len(z)
    assert float(histogram[0]["logit_from"]) <= min(float(z.min()) for z in scores.values())

    curves = {kind: detector_records.roc(scores["in-class"], scores[kind]) for kind in ("out-of-class", "attacked")}
    assert len(rows(data.roc_csv(curves))) == sum(len(curve.threshold) for curve in curves.values())

    aucs = rows(data.auc_csv(found.profiles))
    assert len(aucs) == 10 * 4
    assert [row["paper"] for row in aucs if row["out_of_class"] == "paper"][9] == "0.99418"

    assert found.sample_logits is not None
    ranked = rows(data.ranking_csv(found.sample_logits, found.sample_y, found.bank, 3))
    assert [int(row["index"]) for row in ranked[:10]] == detector_records.rankings(found.sample_logits, found.sample_y, 3)[
        "typical"
    ].tolist()
    assert [row["kept"] for row in rows(data.training_csv(found.training[0]))] == ["0", "0", "1"]

    x, y = aatviz.load_data("mnist", split="sample")
    rankings = detector_records.rankings(found.sample_logits, y, 3)
    sheet = np.asarray(Image.open(io.BytesIO(strips.picture(x, found.sample_logits[:, 3], rankings))))
    first = (x[rankings["typical"][0], 0] * 255).round().byte()
    assert np.array_equal(sheet[8 + 18 : 8 + 18 + 84 : 3, 8 : 8 + 84 : 3], first[:, :, None].repeat(1, 1, 3).numpy())


def test_a_new_record_is_read_without_a_restart(stored: System) -> None:
    before = data.detectors(stored)
    assert data.detectors(stored) is before
    (stored.folder / "results" / "worst-case.json").unlink()
    assert tuple(data.detectors(stored).profiles[0].attacked) == ("paper", "best")


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_the_histograms_hold_every_image(scale: figures.Scale) -> None:
    scores = {"in-class": torch.tensor([3.0, 3.0, 9.9]), "out-of-class": torch.tensor([-40.0, 0.0])}
    figure = figures.histograms(scores, scale)
    assert [sum(bar.y) for bar in figure.data] == pytest.approx([1, 1])
    assert [sum(bar.customdata) for bar in figure.data] == [3, 2]


def test_histograms_of_equal_logits_can_be_drawn() -> None:
    edges = bin_edges([torch.zeros(3), torch.zeros(2)])
    assert float(edges[0]) <= 0 < float(edges[-1])
