"""Marks beside a drawn digit: those that are none of it are left out wherever they are, its own strokes stay."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import aatviz
from aatviz.data.own_image.handwritten_digit import prepare

pytestmark = pytest.mark.slow

LEFT_OUT, KEPT = "left out", "taken as a part of the digit"
PLACES = ((12, 12), (268, 12), (268, 268), (12, 268))


def prepared(sheet: Image.Image) -> tuple[NDArray[np.uint8], str]:
    buffer = io.BytesIO()
    sheet.save(buffer, "png")
    found = prepare(buffer.getvalue())
    return np.frombuffer(found.pixels, np.uint8).reshape(28, 28), " ".join(found.notes)


def with_dab(sheet: Image.Image, place: tuple[int, int], radius: int) -> Image.Image:
    dabbed, (x, y) = sheet.copy(), place
    ImageDraw.Draw(dabbed).ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return dabbed


def strokes(*lines: list[tuple[int, int]], width: int = 22) -> Image.Image:
    sheet = Image.new("L", (280, 280))
    for line in lines:
        ImageDraw.Draw(sheet).line(line, fill=255, width=width, joint="curve")
    return sheet


def _length(digit: NDArray[np.uint8]) -> int:
    """The longer side of its box."""
    return max(int(np.ptp(np.flatnonzero(digit.max(axis)))) + 1 for axis in (0, 1))


@pytest.fixture(scope="module")
def sheets() -> list[Image.Image]:
    """Bundled digits, enlarged, in the middle of a drawing area."""
    x, _ = aatviz.load_data("mnist", split="sample")
    found = []
    for digit in (x[:20, 0] * 255).round().byte().numpy():
        sheet = Image.new("L", (280, 280))
        sheet.paste(Image.fromarray(digit).resize((140, 140), Image.Resampling.BICUBIC), (70, 70))
        found.append(sheet)
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("radius", [2, 5])
def test_a_dab_beside_a_digit_changes_nothing_wherever_it_is(
    sheets: list[Image.Image], place: tuple[int, int], radius: int
) -> None:
    for sheet in sheets:
        alone, _ = prepared(sheet)
        found, notes = prepared(with_dab(sheet, place, radius))
        assert np.array_equal(found, alone)
        assert LEFT_OUT in notes


def test_several_dabs_dark_on_light_are_left_out_too(sheets: list[Image.Image]) -> None:
    paper = Image.eval(sheets[3], lambda level: 255 - level)
    dabbed = sheets[3]
    for place in PLACES:
        dabbed = with_dab(dabbed, place, 4)
    found, notes = prepared(Image.eval(dabbed, lambda level: 255 - level))
    assert np.array_equal(found, prepared(paper)[0])
    assert "4 specks beside the digit left out." in notes


def test_a_five_with_a_loose_bar_keeps_it_and_that_is_said() -> None:
    body = [(120, 90), (115, 140), (160, 140), (175, 180), (150, 220), (105, 215)]
    with_bar, notes = prepared(strokes(body, [(150, 62), (200, 60)]))
    without, _ = prepared(strokes(body))
    assert KEPT in notes
    assert LEFT_OUT not in notes
    assert not np.array_equal(with_bar, without)
    assert with_bar[:8, 14:].max() > 200


def test_the_dot_of_a_one_like_an_i_stays_but_not_one_far_away() -> None:
    stem = strokes([(140, 120), (140, 240)])
    dotted, notes = prepared(with_dab(stem, (140, 80), 13))
    assert KEPT in notes
    assert _length(dotted) == 20
    assert not np.array_equal(dotted, prepared(stem)[0])
    far, notes = prepared(with_dab(stem, (40, 30), 13))
    assert LEFT_OUT in notes
    assert np.array_equal(far, prepared(stem)[0])


def test_a_digit_of_dabs_is_no_heap_of_specks() -> None:
    sheet = Image.new("L", (280, 280))
    for step in range(10):
        sheet = with_dab(sheet, (140, 40 + 22 * step), 9)
    assert _length(prepared(sheet)[0]) == 20


def test_where_it_is_unclear_what_the_digit_is_everything_is_taken_and_said() -> None:
    found, notes = prepared(strokes([(40, 40), (40, 100)], [(240, 180), (240, 240)]))
    assert "several shapes" in notes
    assert _length(found) == 20


def test_digits_as_mnist_has_them_keep_their_own_specks() -> None:
    x, _ = aatviz.load_data("mnist", split="sample")
    for digit in (x[:300, 0] * 255).round().byte().numpy():
        sheet = Image.new("RGB", (70, 50))
        sheet.paste(Image.fromarray(digit), (33, 4))
        assert np.abs(prepared(sheet)[0].astype(int) - digit).max() <= 1
