"""An image of one's own on the Attack page: by link and by upload, its class, its verdicts, and the printed commands."""

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import aatviz
from aatviz.cli import app as cli
from aatviz.data import dataset
from aatviz.data.own_image import read_picture
from aatviz.data.own_image.link_text import from_text, to_image, to_pixels, to_png
from aatviz.explore.attack_path import Trace
from aatviz.explore.snippets import OWN_PICTURE
from aatviz.ui.common.words import literal, without_marks
from aatviz.ui.own.link import own_link
from aatviz.ui.own.verdicts import FirstLook, decisions, firing, logits_csv

from .test_attack import NAME, fresh_caches, open_page, press_and_wait

__all__ = ["fresh_caches"]  # used by name only
DIGITS = dataset("mnist")
CLASSES, SHAPE = DIGITS.classes, DIGITS.shape
QUICK = {"steps": "3", "step_size": "0.05"}


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    """A bundled digit with a stroke of its own (1,1,28,28): no image of the sample."""
    x, _ = aatviz.load_data("mnist", split="sample")
    own = x[21:22].clone()
    own[..., 4:24, 13:15] = 1
    return own


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def test_without_an_image_it_asks_for_one() -> None:
    app = open_page(pick="own")
    assert "Draw a digit above, or upload one" in app.info[0].value
    assert not [button for button in app.button if button.label == "Attack"]
    assert app.query_params == {"pick": "own"}


def test_a_link_brings_image_and_class_and_is_attacked_as_it_is(image: torch.Tensor) -> None:
    link = own_link(image, 6, DIGITS) | QUICK
    app = open_page(**link)
    assert app.query_params == link
    assert "It came with the link" in captions(app)
    trace = press_and_wait(app)[0]
    assert trace.y == 6
    assert torch.equal(trace.natural, to_image(to_pixels(image, SHAPE), SHAPE)[0])
    again = open_page(**link)
    assert not any("of other settings" in caption.value for caption in again.caption)
    assert again.session_state["attack.shown"].value[0] is trace


@pytest.mark.parametrize("bad", ["zebra", "A" * 3000])
def test_a_broken_image_in_a_link_gets_a_kind_note(bad: str) -> None:
    app = open_page(pick="own", image=bad, label="ten")
    assert "The link asks for image = " in app.info[0].value
    assert "28 x 28 image" in app.info[0].value
    assert "The link asks for label = `'ten'`" in app.info[0].value
    assert app.query_params == {"pick": "own"}


def test_the_class_is_the_natural_classifiers_until_the_visitor_says_it(image: torch.Tensor) -> None:
    guess = int(aatviz.load_system(NAME).classifier(image).argmax())
    app = open_page(pick="own", image=own_link(image, 0, DIGITS)["image"], **QUICK)
    assert f"The natural classifier says that it is **a {guess}**" in captions(app)
    assert press_and_wait(app)[0].y == guess
    other = (guess + 1) % 10
    app.selectbox(key="attack.label").set_value(str(other)).run()
    assert app.query_params["label"] == str(other)
    assert f"The natural classifier would say **{guess}**" in captions(app)
    assert press_and_wait(app)[0].y == other


def test_an_upload_is_prepared_and_shown_and_travels_in_the_url(image: torch.Tensor) -> None:
    app = open_page(pick="own", source="upload", label="4", **QUICK)
    sheet = Image.new("RGB", (60, 60), "white")
    sheet.paste(
        Image.eval(Image.open(io.BytesIO(to_png(to_pixels(image, SHAPE), SHAPE))), lambda level: 255 - level), (20, 3)
    )
    buffer = io.BytesIO()
    sheet.save(buffer, "png")
    app.file_uploader[0].upload("photo.png", buffer.getvalue(), "image/png").run()
    assert not app.exception
    assert "Inverted: it was dark on light" in captions(app)
    assert "label" not in app.query_params  # what was said of another image does not hold for this one
    pixels = from_text(app.query_params["image"], SHAPE)
    assert int((to_image(pixels, SHAPE) > 0.5).sum()) > 30
    assert torch.equal(press_and_wait(app)[0].natural, to_image(pixels, SHAPE)[0])


@pytest.mark.parametrize(("data", "sentence"), [(b"no image", "no image that can be read"), (b"", "The file is empty")])
def test_a_useless_upload_is_refused_in_a_sentence(image: torch.Tensor, data: bytes, sentence: str) -> None:
    app = open_page(**own_link(image, 6, DIGITS), source="upload")
    app.file_uploader[0].upload("broken.png", data, "image/png").run()
    assert not app.exception
    assert sentence in app.warning[0].value
    assert "image" not in app.query_params


def test_a_lesson_may_lock_the_image(image: torch.Tensor) -> None:
    app = open_page(**own_link(image, 6, DIGITS), source="upload", lesson="own", lock="pick,image,label")
    assert not app.file_uploader
    assert app.selectbox(key="attack.label").disabled


@pytest.mark.parametrize("own", [False, True], ids=["bundled", "own"])
def test_the_printed_command_and_python_give_the_numbers_on_screen(
    own: bool, image: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(**(own_link(image, 6, DIGITS) if own else {"pick": "index", "index": "7"}), **QUICK)
    traces = press_and_wait(app)
    if own:
        (tmp_path / OWN_PICTURE).write_bytes(to_png(to_pixels(image, SHAPE), SHAPE))
    monkeypatch.chdir(tmp_path)
    blocks = [block.value for block in app.code]
    assert len(blocks) == 2 * len(traces) == 4
    for trace, shell, python in zip(traces, blocks[::2], blocks[1::2], strict=True):
        _compare_python(python, trace)
        _compare_command(shell, trace)


def _compare_python(code: str, trace: Trace) -> None:
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)
    assert torch.equal(names["trace"].natural, trace.natural)
    torch.testing.assert_close(names["trace"].z_h, trace.z_h)
    assert (names["trace"].kept, names["trace"].y) == (trace.kept, trace.y)


def _compare_command(shell: str, trace: Trace) -> None:
    program, *arguments = shlex.split(shell)
    assert program == "aatviz"
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert f"digit {trace.y}, " in result.stdout
    assert f"Linf {trace.linf:.4f}, L2 {trace.l2:.4f}" in result.stdout
    for k, logit in enumerate(trace.z_h[trace.kept].tolist()):
        printed = next(line for line in result.stdout.splitlines() if line.startswith(f"{k:5}  "))
        assert float(printed.split("->")[1]) == pytest.approx(logit, abs=2e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image", "elsewhere.png"], "no picture"),
        (["--index", "3", "--image", "digit.png"], "give one of them"),
        (["--index", "3", "--label", "2"], "Leave it out"),
        (["--index", "5000"], r"lies in 0\.\.4999"),
    ],
)
def test_the_command_refuses_what_does_not_fit_together(arguments: list[str], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        CliRunner().invoke(cli, ["attack", NAME, *arguments], catch_exceptions=False)


def test_the_command_says_what_it_did_to_a_picture(image: torch.Tensor, tmp_path: Path) -> None:
    photo = Image.open(io.BytesIO(to_png(to_pixels(1 - image, SHAPE), SHAPE))).resize((280, 280))
    photo.save(tmp_path / "photo.png")
    result = CliRunner().invoke(cli, ["attack", NAME, "--image", str(tmp_path / "photo.png"), "--steps", "2"])
    assert result.exit_code == 0, result.output
    assert "photo.png: Scaled and centred the MNIST way." in result.stdout
    assert "photo.png: Inverted" in result.stdout
    guess = int(aatviz.load_system(NAME).classifier(read_picture(tmp_path / "photo.png", "mnist").image).argmax())
    assert f"says that it is a {guess}" in result.stdout
    assert f"digit {guess}, image " in result.stdout


def test_the_verdicts_before_any_attack_are_those_of_the_networks(image: torch.Tensor) -> None:
    app = open_page(**own_link(image, 6, DIGITS))
    system = aatviz.load_system(NAME)
    own = to_image(to_pixels(image, SHAPE), SHAPE)
    z_h = system.detectors(own)[0].tolist()
    table = next(block.value for block in app.markdown if "rejected?" in block.value)
    for who, predict in (("generative", system.generative.predict), ("integrated", system.integrated.predict)):
        threshold = app.session_state["attack.T"]
        row = next(line for line in table.splitlines() if line.startswith(f"| {who} "))
        assert f"| {int(predict(own))} " in row
        assert ("■ yes" in row) == (int(predict(own, threshold)) == -1)
    sentence = next(block.value for block in app.markdown if "fire" in block.value and "T =" in block.value)
    assert ("No detector fires" in sentence) == (max(z_h) < threshold)


def test_words_of_the_verdicts() -> None:
    look = FirstLook(bank=(0, 1, 2, 3), z_h=(-3.0, 2.04, -1.0, 1.0), generative=1, natural=3, robust=0)
    assert firing(look, CLASSES, 1.5).startswith("**Detector 1 fires** at T = 1.5: its logit is 2.0")
    assert "**Detectors 1 and 3 fire**" in firing(look, CLASSES, 0)
    assert "**No detector fires** at T = 3. The highest logit is detector 1's: 2.0" in firing(look, CLASSES, 3)
    rows = decisions(look, CLASSES, 1, 1.5).splitlines()[2:]
    assert rows[0] == "| generative | 1 ✓ right | ○ no, accepted |"
    assert rows[1] == "| integrated | 3 ✗ wrong, it is a 1 | ■ yes |"
    assert rows[3] == "| robust | 0 ✗ wrong, it is a 1 | cannot reject |"
    assert logits_csv(look, CLASSES, 1.5).splitlines()[2] == "1,1,2.04,1.5,1"


def test_a_class_of_any_name_is_shown_by_its_name() -> None:
    names = ("a|b", "*odd*", "[x](y)", "1. $5 or $6")
    look = FirstLook(bank=(0, 1, 2, 3), z_h=(2.0, 3.0, 1.0, 2.5), generative=1, natural=0, robust=3)
    rows = [re.split(r"(?<!\\)\|", row)[1:-1] for row in decisions(look, names, 2, 0.0).splitlines()]
    assert {len(row) for row in rows} == {3}
    cells = [without_marks(row[1].strip()) for row in rows[2:]]
    assert cells[1] == cells[2] == "a|b ✗ wrong, it is a [x](y)"
    assert [cells[0].split(" ✗")[0], cells[3].split(" ✗")[0]] == ["*odd*", "1. $5 or $6"]
    sentence = firing(look, names, 0.0)
    assert without_marks(sentence).startswith("Detectors a|b, *odd*, [x](y) and 1. $5 or $6 fire at T = 0")
    for mark in "*[$":
        escaped = sentence.replace(f"\\{mark}", "").replace("**Detectors", "").replace("fire**", "")
        assert mark not in escaped
    assert [literal(name) for name in ("T-shirt/top", "kind 003", "- x", "12. x")] == [
        "T-shirt/top",
        "kind 003",
        r"\- x",
        r"12\. x",
    ]
