"""Images of one's own: prepared the MNIST way, carried by links and files without loss, and refused with a reason."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import aatviz
from aatviz.data.own_image import handwritten_digit, read_picture
from aatviz.data.own_image.handwritten_digit import BOX, SHAPE, prepare
from aatviz.data.own_image.link_text import LONGEST_TEXT, from_text, to_image, to_pixels, to_png, to_text
from aatviz.runtime.limits import MOST_OWN_BYTES

BLANK = "no digit to be seen"
INVERTED, BOLDER = "Inverted", "Thin strokes"


@pytest.fixture(scope="module")
def digits() -> NDArray[np.uint8]:
    """A few bundled digits (N,28,28)."""
    x, _ = aatviz.load_data("mnist", split="sample")
    return (x[:40, 0] * 255).round().byte().numpy()


def saved(picture: Image.Image, kind: str = "png", **how: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def array(pixels: bytes) -> NDArray[np.int16]:
    return np.frombuffer(pixels, np.uint8).reshape(28, 28).astype(np.int16)


def ink_on_paper(digit: NDArray[np.uint8], side: int = 280) -> Image.Image:
    """Dark on white, enlarged, off the middle of a larger sheet."""
    sheet = Image.new("L", (2 * side, side + 40), 255)
    sheet.paste(Image.fromarray(255 - digit).resize((side, side), Image.Resampling.BICUBIC), (30, 40))
    return sheet


def test_an_mnist_digit_moved_elsewhere_comes_back_as_mnist_had_it(digits: NDArray[np.uint8]) -> None:
    for digit in digits:
        sheet = Image.new("RGB", (70, 50))
        sheet.paste(Image.fromarray(digit), (33, 4))
        assert np.abs(array(prepare(saved(sheet)).pixels) - digit).max() <= 1


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp", "tiff", "ppm"])
def test_a_digit_enlarged_in_any_format_and_dark_on_light_comes_back_nearly(digits: NDArray[np.uint8], kind: str) -> None:
    for digit in digits[:8]:
        prepared = prepare(saved(ink_on_paper(digit), kind))
        assert any(INVERTED in note for note in prepared.notes)
        assert np.abs(array(prepared.pixels) - digit).mean() / 255 < 0.06  # a pixel's shift of the whole digit gives more


def test_a_photo_with_uneven_light_and_grain_is_cleaned(digits: NDArray[np.uint8]) -> None:
    grain = np.random.default_rng(0)
    for digit in digits[:8]:
        ink = 1 - np.asarray(ink_on_paper(digit), dtype=float) / 255
        rows, columns = np.mgrid[0 : ink.shape[0], 0 : ink.shape[1]]
        paper = 0.8 - 0.3 * columns / ink.shape[1] - 0.1 * rows / ink.shape[0]
        photo = paper * (1 - 0.6 * ink) + 0.02 * grain.standard_normal(ink.shape)
        prepared = prepare(saved(Image.fromarray(np.uint8(photo.clip(0, 1) * 255)), "jpeg"))
        assert {INVERTED in note or "Contrast" in note for note in prepared.notes[1:]} == {True}
        assert np.abs(array(prepared.pixels) - digit).mean() / 255 < 0.06


def test_the_frame_is_mnists() -> None:
    """20 pixels along the longer side, the proportions kept, the centre of mass in the middle."""
    sheet = Image.new("L", (300, 300), 0)
    ImageDraw.Draw(sheet).polygon([(20, 20), (120, 20), (20, 220)], fill=255)
    pixels = array(prepare(saved(sheet)).pixels).astype(float)
    rows, columns = np.flatnonzero(pixels.max(1)), np.flatnonzero(pixels.max(0))
    assert len(rows) == BOX
    assert len(columns) == BOX // 2
    for axis in (0, 1):
        centre = (pixels.sum(1 - axis) * np.arange(28)).sum() / pixels.sum()
        assert abs(centre - 14) <= 0.5


def test_hair_strokes_become_as_bold_as_mnists() -> None:
    sheet = Image.new("L", (400, 400), 255)
    ImageDraw.Draw(sheet).line([(100, 60), (300, 60), (160, 350)], fill=0, width=3)
    prepared = prepare(saved(sheet))
    assert any(BOLDER in note for note in prepared.notes)
    assert array(prepared.pixels).sum() / 255 > 50  # MNIST's digits hold about 100 pixels of ink, its ones about 60


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "CMYK", "I;16", "F", "1", "RGB"])
def test_every_kind_of_pixel_is_understood(digits: NDArray[np.uint8], mode: str) -> None:
    digit = np.where(digits[2] > 127, 255, 0).astype(np.uint8)
    dark = 255 - np.kron(digit, np.ones((4, 4), np.uint8))
    if mode in ("RGBA", "LA"):
        clear = Image.fromarray(255 - dark)
        picture = Image.merge("RGBA", [*[Image.new("L", clear.size, 0)] * 3, clear]).convert(mode)
    elif mode == "I;16":
        picture = Image.fromarray(dark.astype(np.uint16) * 250)
    elif mode == "F":
        picture = Image.fromarray(dark.astype(np.float32) / 255)
    else:
        picture = Image.fromarray(dark).convert(mode)
    prepared = prepare(saved(picture, "tiff"))
    expected = prepare(saved(Image.fromarray(255 - dark)))
    assert np.abs(array(prepared.pixels) - array(expected.pixels)).max() <= 1
    assert any("Transparent" in note for note in prepared.notes) == (mode in ("RGBA", "LA"))


def test_the_cameras_note_turns_a_photo_upright(digits: NDArray[np.uint8]) -> None:
    upright = ink_on_paper(digits[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    lying = saved(upright.transpose(Image.Transpose.ROTATE_90), "jpeg", exif=exif)
    prepared = prepare(lying)
    assert "Turned upright, as the camera noted." in prepared.notes
    assert np.abs(array(prepared.pixels) - array(prepare(saved(upright)).pixels)).mean() < 4


def test_light_strokes_on_nothing_are_put_on_black(digits: NDArray[np.uint8]) -> None:
    alpha = Image.fromarray(digits[1]).resize((280, 280))
    white = Image.merge("RGBA", [*[Image.new("L", alpha.size, 255)] * 3, alpha])
    assert "Transparent parts taken as black." in prepare(saved(white)).notes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty"),
        (b"This is a letter.", "no image that can be read"),
        (saved(Image.radial_gradient("L"))[:600], "damaged or cut off"),
        (saved(Image.radial_gradient("L"), "jpeg")[:900], "damaged or cut off"),
        (b"0" * (MOST_OWN_BYTES + 1), "at most 10 MB"),
        (saved(Image.new("1", (6000, 6000))), "at most 25 million"),
        (saved(Image.new("1", (10_000, 10_000))), "more than 25 million"),
        (saved(Image.new("RGB", (200, 100), "white")), BLANK),
        (saved(Image.new("RGBA", (200, 100))), BLANK),
        (saved(Image.new("L", (1, 1))), BLANK),
        (saved(Image.effect_noise((100, 100), 8)), BLANK),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare(data)


def test_a_prepared_image_is_taken_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, 784, dtype=np.uint8).tobytes()
    file = tmp_path / "digit.png"
    file.write_bytes(to_png(pixels, SHAPE))
    assert read_picture(file, "mnist").pixels == pixels
    assert torch.equal(read_picture(str(file), "mnist").image, to_image(pixels, SHAPE))
    with pytest.raises(FileNotFoundError, match="no picture"):
        read_picture(tmp_path / "elsewhere.png", "mnist")


def test_bundled_images_and_bytes_are_the_same_thing() -> None:
    x, _ = aatviz.load_data("mnist", split="sample")
    for image in x[:50]:
        assert torch.equal(to_image(to_pixels(image, SHAPE), SHAPE)[0], image)
    with pytest.raises(ValueError, match=r"\(1, 28, 28\) is needed; got the shape \(2, 1, 28, 28\)"):
        to_pixels(x[:2], SHAPE)
    with pytest.raises(ValueError, match=r"lies in \[0,1\]"):
        to_pixels(x[:1] * 255, SHAPE)


def test_a_link_carries_every_pixel_in_a_few_hundred_letters(digits: NDArray[np.uint8]) -> None:
    lengths = []
    for digit in digits:
        text = to_text(digit.tobytes())
        assert text is not None
        assert from_text(text, SHAPE) == digit.tobytes()
        lengths.append(len(text))
    assert max(lengths) < 450
    noise = np.random.default_rng(2).integers(0, 256, 784, dtype=np.uint8).tobytes()
    text = to_text(noise)
    assert text is not None
    assert from_text(text, SHAPE) == noise
    assert len(text) < LONGEST_TEXT


def test_bad_text_is_refused(digits: NDArray[np.uint8]) -> None:
    good = to_text(digits[0].tobytes())
    bombs = [to_text(bytes(4_000_000)), to_text(bytes(783)), to_text(bytes(785))]
    assert good is not None
    for text in ("", "zebra", "a", "ü", good[:-3], good[:40], "!" + good, "A" * 5000, *(bomb or "" for bomb in bombs)):
        with pytest.raises(ValueError, match="28 x 28 image"):
            from_text(text, SHAPE)


@pytest.mark.parametrize("kind", [np.uint16, np.float32, np.int32])
def test_deep_pixels_are_stretched_alike_in_strips_and_at_once(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = (np.random.default_rng(0).random((50, 30)) * 60_000).astype(kind)
    if kind is np.float32:
        deep[3, 4], deep[40, 5], deep[7] = np.nan, np.inf, -np.inf
    whole = np.asarray(handwritten_digit._stretched(deep))
    monkeypatch.setattr(handwritten_digit, "_STRIP", 70)
    assert np.array_equal(np.asarray(handwritten_digit._stretched(deep)), whole)
    assert (whole.min(), whole.max()) == (0, 255)
    assert not np.asarray(handwritten_digit._stretched(np.full((4, 4), np.nan, np.float32))).any()
