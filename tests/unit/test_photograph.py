"""A visitor's photograph: turned, cut, scaled and coloured as the images of a data set were, and refused with a reason."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from aatviz.data import dataset
from aatviz.data.decode import decode
from aatviz.data.own_image import photograph, prepare, read_picture
from aatviz.data.own_image.link_text import LONGEST_TEXT, Shape, from_text, to_image, to_pixels, to_png, to_text
from aatviz.runtime.limits import MOST_OWN_BYTES

COLOUR, WIDE, GREY = (3, 32, 32), (3, 16, 24), (1, 20, 12)
ORIENTATION = 0x0112


def saved(picture: Image.Image, kind: str = "png", **how: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def scene(width: int, height: int) -> Image.Image:
    """Red to the right, green downwards, a blue corner at the top left: every turn and every crop of it shows."""
    rows, columns = np.mgrid[0:height, 0:width]
    corner = (rows < height / 3) & (columns < width / 3)
    pixels = np.stack([255 * columns / (width - 1), 255 * rows / (height - 1), 255 * corner], axis=2)
    return Image.fromarray(pixels.round().astype(np.uint8))


def array(pixels: bytes, shape: Shape) -> NDArray[np.int16]:
    """Levels (C,H,W)."""
    return np.frombuffer(pixels, np.uint8).reshape(shape).astype(np.int16)


@pytest.mark.parametrize("shape", [COLOUR, WIDE, (3, 24, 16)])
def test_it_is_treated_as_the_imported_images_of_a_data_set_are(shape: Shape) -> None:
    for size in ((640, 480), (480, 640), (30, 40), (31, 31)):
        data = saved(scene(*size))
        expected, _ = decode(data, shape[1:])
        assert np.array_equal(array(photograph.prepare(data, shape).pixels, shape), expected.transpose(2, 0, 1))


def test_the_middle_is_kept_in_the_proportions_of_the_data_set() -> None:
    """An image with the middle third white and black sides: of a square crop of a 3:1 picture, nothing is black."""
    picture = Image.new("RGB", (300, 100))
    picture.paste("white", (100, 0, 200, 100))
    prepared = photograph.prepare(saved(picture), COLOUR)
    assert array(prepared.pixels, COLOUR).min() == 255
    assert prepared.notes[:2] == ("The middle 33 % of its width is kept.", "Scaled down to 32 x 32 pixels.")


def test_every_value_is_the_mean_of_its_area() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (320, 320, 3), dtype=np.uint8)
    found = array(photograph.prepare(saved(Image.fromarray(pixels)), COLOUR).pixels, COLOUR)
    means = pixels.reshape(32, 10, 32, 10, 3).mean((1, 3)).transpose(2, 0, 1)
    assert np.abs(found - means).max() <= 1


@pytest.mark.parametrize("turn", range(2, 9))
def test_the_cameras_note_turns_it_upright(turn: int) -> None:
    upright = scene(96, 96)
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    prepared = photograph.prepare(saved(upright.transpose(back[turn]), "png", exif=exif), COLOUR)
    assert "Turned upright, as the camera noted." in prepared.notes
    assert prepared.pixels == photograph.prepare(saved(upright), COLOUR).pixels


def test_a_grey_data_set_gets_grey_and_a_colour_one_three_channels() -> None:
    data = saved(scene(120, 200))
    grey = photograph.prepare(data, GREY)
    assert grey.image.shape == (1, *GREY)
    assert "Colours turned to grey." in grey.notes
    levels = array(photograph.prepare(saved(scene(120, 200).convert("L")), COLOUR).pixels, COLOUR)
    assert (levels[0] == levels[1]).all()
    assert (levels[1] == levels[2]).all()


@pytest.mark.parametrize(
    ("mode", "kind", "note"),
    [
        ("RGBA", "png", "Transparent parts made white."),
        ("LA", "png", "Transparent parts made white."),
        ("P", "gif", ""),
        ("CMYK", "jpeg", "Made for print (CMYK): its colours are converted."),
        ("I;16", "png", "Of 16 bits a pixel, 8 are kept."),
        ("1", "png", ""),
        ("L", "webp", ""),
    ],
)
def test_every_kind_of_pixel_is_understood_and_said(mode: str, kind: str, note: str) -> None:
    level = {"1": 255, "P": 153}.get(mode, 180)  # 153 is in the palette that Pillow takes
    if mode == "I;16":
        picture = Image.fromarray(np.full((64, 64), level * 257, np.uint16))
    elif mode in ("RGBA", "LA"):
        picture = Image.new("RGBA", (64, 64), (level, level, level, 0)).convert(mode)
        level = 255  # what is transparent is white
    else:
        picture = Image.new("RGB", (64, 64), (level,) * 3).convert(mode)
    prepared = photograph.prepare(saved(picture, kind), COLOUR)
    assert np.abs(array(prepared.pixels, COLOUR) - level).max() <= 3
    assert note in (*prepared.notes, "")


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    prepared = photograph.prepare(saved(frames[0], "gif", save_all=True, append_images=frames[1:]), COLOUR)
    assert prepared.notes[0] == "Of several frames, the first is taken."
    assert array(prepared.pixels, COLOUR)[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty"),
        (b"This is a letter.", "no image that can be read. Send another one: PNG, JPEG"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "no image that can be read"),
        (saved(scene(90, 90))[:200], "damaged or cut off"),
        (saved(scene(90, 90), "jpeg")[:900], "damaged or cut off"),
        (b"0" * (MOST_OWN_BYTES + 1), "at most 10 MB"),
        (saved(Image.new("1", (6000, 6000))), "6000 x 6000 pixels, more than 25 million"),
        (saved(Image.new("1", (10_000, 10_000))), "more than 25 million"),
        (saved(Image.fromarray(np.zeros((9, 9), np.float32)), "tiff"), "32 bits a pixel; save it with 8"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        photograph.prepare(data, COLOUR)


def jpeg(width: int, height: int, **settings: object) -> bytes:
    return saved(Image.new("RGB", (width, height), "red"), "jpeg", **settings)


def in_three_scans(data: bytes) -> bytes:
    """A baseline JPEG of one colour whose first scan says that it holds one of the three colours alone."""
    place = data.index(b"\xff\xda\x00\x0c\x03")
    return data[:place] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + data[place + 14 :]


def test_a_jpeg_that_is_decoded_in_strips_may_be_large() -> None:
    for size, settings in (
        ((8000, 6000), {}),
        ((8000, 6000), {"comment": b"\xff\xda" * 99}),
        ((4000, 3000), {"progressive": True}),
    ):
        assert array(photograph.prepare(jpeg(*size, **settings), COLOUR).pixels, COLOUR)[0].min() > 250


@pytest.mark.parametrize("make", [lambda: jpeg(5200, 5000, progressive=True), lambda: in_three_scans(jpeg(5200, 5000))])
def test_a_jpeg_that_would_lie_in_memory_as_a_whole_may_not(make: Callable[[], bytes]) -> None:
    with pytest.raises(ValueError, match="5200 x 5000 pixels, more than 25 million"):
        photograph.prepare(make(), COLOUR)


def test_a_jpeg_has_bounds_before_and_after_its_size_is_reduced() -> None:
    with pytest.raises(ValueError, match="9000 x 9000 pixels, more than 64 million"):
        photograph.prepare(jpeg(9000, 9000), COLOUR)
    with pytest.raises(ValueError, match="500 x 60000 pixels, more than 25 million"):
        photograph.prepare(jpeg(500, 60_000), (3, 256, 256))


def test_a_tiff_in_tiles_that_are_larger_than_the_picture_is_refused() -> None:
    side, packed = 6000, zlib.compress(bytes(6000 * 6000))
    tags = [
        (256, 64),
        (257, 64),
        (258, 8),
        (259, 8),
        (262, 1),
        (277, 1),
        (322, side),
        (323, side),
        (324, 134),
        (325, len(packed)),
    ]
    listed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + listed + bytes(4) + packed
    with pytest.raises(ValueError, match="6000 x 6000 pixels, more than 25 million"):
        photograph.prepare(data, COLOUR)


def test_a_damaged_note_of_the_camera_costs_nothing() -> None:
    data = bytearray(saved(scene(64, 64), "jpeg", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff" + b"\xff" * 40))
    assert photograph.prepare(bytes(data), COLOUR).image.shape == (1, *COLOUR)


@pytest.mark.parametrize("shape", [COLOUR, WIDE, GREY, (3, 8, 8)])
def test_a_prepared_image_is_taken_as_it_is_and_travels_without_loss(shape: Shape) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, int(np.prod(shape)), dtype=np.uint8).tobytes()
    again = photograph.prepare(to_png(pixels, shape), shape)
    assert again.pixels == pixels
    assert again.notes == (f"It is {shape[2]} x {shape[1]} already: taken as it is.",)
    assert to_pixels(to_image(pixels, shape), shape) == pixels
    text = to_text(pixels)
    assert text is not None
    assert from_text(text, shape) == pixels
    with pytest.raises(ValueError, match="image as this app writes it"):
        from_text(text, (shape[0], shape[1], shape[2] + 1))


def test_what_is_too_big_for_a_link_has_no_text() -> None:
    shape = (3, 64, 64)
    noise = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
    assert to_text(to_pixels(noise, shape)) is None
    plain = to_text(to_pixels(torch.full(shape, 0.5), shape))
    assert plain is not None
    assert len(plain) < LONGEST_TEXT


def test_each_data_set_has_its_procedure(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(saved(scene(300, 200), "jpeg"))
    assert read_picture(file, "cifar10").image.shape == (1, 3, 32, 32)
    assert read_picture(file, "fashion-mnist").image.shape == (1, 1, 28, 28)
    stroke = Image.new("L", (90, 90))
    stroke.paste(255, (40, 20, 50, 70))
    assert "Scaled and centred the MNIST way." in prepare(saved(stroke), dataset("mnist")).notes
    with pytest.raises(FileNotFoundError, match="no picture"):
        read_picture(tmp_path / "elsewhere.png", "cifar10")
