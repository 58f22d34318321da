"""Pictures that are damaged, or say odd things beside their pixels: read where their pixels can be, else one sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aatviz.data import dataset
from aatviz.data.decode import FORMATS, decode
from aatviz.data.own_image import prepare
from aatviz.data.own_image.handwritten_digit import SHAPE
from aatviz.data.own_image.link_text import to_png
from benchmarks.fuzz_pictures import fuzz

ORIENTATION, TURNED = 0x0112, "Turned upright, as the camera noted."
MNIST, PHOTOS = dataset("mnist"), dataset("cifar10")
TAKEN = "It is grey and 28 x 28 already: taken as it is."


def saved(picture: Image.Image, kind: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def seven(side: int = 28, ink: str = "blue", paper: str = "white") -> Image.Image:
    sheet = Image.new("RGB", (280, 280), paper)
    ImageDraw.Draw(sheet).line([(80, 60), (200, 60), (120, 220)], fill=ink, width=28)
    return sheet.resize((side, side), Image.Resampling.BOX)


def noted(turn: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    return exif


def chunk(kind: bytes, content: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def with_chunk(png: bytes, extra: bytes) -> bytes:
    """A PNG with another chunk right behind its head."""
    return png[:33] + extra + png[33:]


@pytest.mark.parametrize("extra", [
    chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\x01\x0f\0\x02\xff\xff\xff\xff\0"),
    chunk(b"eXIf", b"\xff" * 40),
    chunk(b"eXIf", b"MM\0*", crc=5),
    chunk(b"pHYs", b"\0\1"),
    chunk(b"tEXt", b"Title\0cut", crc=7),
    chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"a" * 3_000_000)),
    chunk(b"zTXt", b"Title\0\x07nothing packed"),
    chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"a" * 3_000_000)),
    chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b'tiff:Orientation="99"'),
])  # fmt: skip
def test_what_a_png_says_beside_its_pixels_never_costs_them(extra: bytes) -> None:
    sound = saved(seven(200), "PNG")
    for known in (MNIST, PHOTOS):
        found, expected = prepare(with_chunk(sound, extra), known), prepare(sound, known)
        assert (found.pixels, found.notes) == (expected.pixels, expected.notes)
    decode(with_chunk(sound, extra), (32, 32))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "MPO", "WEBP", "TIFF", "AVIF", "PNG"])
def test_every_byte_of_a_cameras_notes_may_be_wrong(kind: str) -> None:
    exif = noted(6)
    exif[0x010F], exif[0x011A] = "a camera", 72.0
    how = {"save_all": True, "append_images": [seven(90)]} if kind == "MPO" else {}
    sound = saved(seven(90), kind, exif=exif, **how)
    for where in _tags(sound) if kind == "TIFF" else range(44):
        where += max(sound.find(b"MM\0*"), sound.find(b"II*\0"))
        for wrong in (0, 1, 7, 255):
            data = sound[:where] + bytes([wrong]) + sound[where + 1 :]
            for known in (MNIST, PHOTOS):
                prepare(data, known)


def _tags(tiff: bytes) -> list[int]:
    """Where the types, counts and values of the notes stand."""
    first, count = struct.unpack("<I", tiff[4:8])[0] + 2, 13
    entries = range(first, first + 12 * count, 12)
    notes = [at for at in entries if struct.unpack_from("<H", tiff, at)[0] in (0x010F, ORIENTATION, 0x011A)]
    return [at + byte for at in notes for byte in range(2, 12)]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("turn", [0, 1, 9, 6])
def test_only_a_turn_that_was_made_is_said(kind: str, turn: int) -> None:
    upright = seven(96, paper="yellow")
    picture = upright.transpose(Image.Transpose.ROTATE_90) if turn == 6 else upright
    how = {} if kind == "TIFF" else {"quality": 95}
    for known in (MNIST, PHOTOS):
        found = prepare(saved(picture, kind, exif=noted(turn), **how), known)
        assert (TURNED in found.notes) == (turn == 6)
        expected = np.frombuffer(prepare(saved(upright, kind, **how), known).pixels, np.uint8).astype(int)
        assert np.abs(np.frombuffer(found.pixels, np.uint8) - expected).mean() < 4


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_picture_means_the_same_in_every_format(kind: str) -> None:
    """28 x 28: in colour it is a picture to be prepared, in grey it is taken as it is, however it was saved."""
    how = {"quality": 100} if kind in ("JPEG", "WEBP", "AVIF") else {}
    blue = prepare(saved(seven(), kind, **how), MNIST)
    assert "Colours turned to grey." in blue.notes
    assert any("Inverted" in note for note in blue.notes)
    reference = np.frombuffer(prepare(saved(seven(), "PNG"), MNIST).pixels, np.uint8).astype(int)
    assert np.abs(np.frombuffer(blue.pixels, np.uint8) - reference).mean() < 8
    grey = seven(ink="white", paper="black")
    for mode in ("L", "RGB"):
        found = prepare(saved(grey.convert(mode), kind, **how), MNIST)
        assert found.notes == (TAKEN,)
        assert np.abs(np.frombuffer(found.pixels, np.uint8).astype(int) - np.asarray(grey.convert("L")).ravel()).max() <= 8


def test_sixteen_bits_mean_the_same_in_every_format() -> None:
    deep = Image.fromarray(np.asarray(seven(90).convert("L")).astype(np.uint16) * 257)
    for known in (MNIST, PHOTOS):
        found = {prepare(saved(deep, kind), known).pixels for kind in ("PNG", "TIFF", "PPM")}
        assert len(found) == 1


@pytest.mark.parametrize("values", [(0, 255), (255, 0), (7, 7)])
@pytest.mark.parametrize("size", [(1, 2), (2, 1), (1, 1), (3, 2), (1, 3000), (3000, 1)])
def test_the_smallest_pictures_are_prepared_or_refused_in_a_sentence(size: tuple[int, int], values: tuple[int, int]) -> None:
    pixels = np.resize(np.array(values, np.uint8), size[::-1])
    told = ""
    try:
        prepare(saved(Image.fromarray(pixels), "PNG"), MNIST)
    except ValueError as error:
        told = str(error)
    assert told.startswith("There is no digit to be seen") or not told
    prepare(saved(Image.fromarray(pixels), "PNG"), PHOTOS)


@pytest.mark.parametrize("data", [
    b"P5\nten 10\n255\n",
    b"P5\n99999999999999999999 1\n255\n",
    b"Pf\n2 2\nnan\n" + bytes(16),
    b"Pf\n2 2\ninf\n" + bytes(16),
    b"GIF89a\x05\0\x05\0\xf7\0\0",
    b"II*\0\x08\0\0\0\x01\0\0\1\3\0\1\0\0\0\0\0\0\0\0\0\0\0",
    with_chunk(saved(seven(), "PNG"), chunk(b"IHDR", b"\0" * 13)),
    saved(seven(), "PNG")[:33] + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""),
])  # fmt: skip
def test_nobody_is_shown_the_words_of_a_library(data: bytes) -> None:
    for known in (MNIST, PHOTOS):
        with pytest.raises(ValueError, match=r"^The picture cannot be used: (no image that can be read|damaged or cut off)"):
            prepare(data, known)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38])
def test_a_picture_of_floats_may_hold_anything(value: float) -> None:
    pixels = np.asarray(seven(90).convert("L"), np.float32) / 255
    pixels[:3, :3] = value
    prepare(saved(Image.fromarray(pixels), "TIFF"), MNIST) if abs(value) != 3e38 else None
    with pytest.raises(ValueError, match="no digit to be seen"):
        prepare(saved(Image.fromarray(np.full((30, 30), value, np.float32)), "TIFF"), MNIST)


def test_a_float_that_signals_is_no_more_than_another_one() -> None:
    pixels = np.asarray(seven(90).convert("L"), np.float32) / 255
    pfm = b"Pf\n90 90\n-1.0\n" + pixels.tobytes()[:-4] + b"\x01\x00\x80\x7f"
    assert any("Inverted" in note for note in prepare(pfm, MNIST).notes)


def test_a_damaged_second_frame_does_not_cost_the_first() -> None:
    sound = saved(seven(60), "GIF", save_all=True, append_images=[seven(60, "red")])
    found = prepare(sound[:-40], PHOTOS)
    assert found.pixels == prepare(sound, PHOTOS).pixels


def test_an_image_of_the_app_comes_back_to_the_bit_whatever_it_shows() -> None:
    for pixels in (bytes(784), b"\xff" * 784, np.random.default_rng(0).integers(0, 256, 784, np.uint8).tobytes()):
        assert prepare(to_png(pixels, SHAPE), MNIST).pixels == pixels


@pytest.mark.slow
def test_damaged_files_of_every_format_are_read_or_refused_with_a_sentence() -> None:
    counts, wrong = fuzz(range(1200))
    assert wrong == []
    assert set(counts) == set(FORMATS)
    assert all(count["read"] and count["refused"] for count in counts.values())
