"""Damaged image files of every accepted format, sent through every door that pictures come in by.

`python -m benchmarks.fuzz_pictures --files 300000` ends with a status of 1 where anything but a picture or the one error
with a sentence came out, and prints how to make that file again. The same number gives the same file everywhere.
"""

import argparse
import io
import json
import logging
import random
import re
import struct
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin, __version__

from aatviz.data import dataset
from aatviz.data.decode import FORMATS, Unreadable, decode
from aatviz.data.own_image import prepare

HEAD = 300
"""Bytes at a file's beginning, where most of what readers trust stands: half of the damage is done there."""
STRETCH = 10_000
"""Files after which it says how far it is."""
REASONS = (
    r"The file is empty\.",
    r"The picture cannot be used: (no image that can be read|damaged or cut off|too large for the memory of this machine"
    r"|(\d+ x \d+ pixels, )?more than 25 million( pixels)?|32 bits a pixel; save it with 8)\. ",
    r"There is no digit to be seen: ",
)
"""What a visitor may be told of a damaged picture."""


def sound_files() -> dict[str, list[bytes]]:
    """Small files in order, by format: every kind of pixels, packing and note that a format may have."""
    sheet = Image.new("RGB", (60, 44), "white")
    ImageDraw.Draw(sheet).line([(14, 8), (44, 8), (26, 40)], fill=(20, 30, 120), width=5)
    clear = sheet.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(sheet.size))
    deep = Image.fromarray(np.asarray(sheet.convert("L")).astype(np.uint16) * 257)
    real = Image.fromarray(np.asarray(sheet.convert("L"), np.float32) / 255)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    about = {"icc_profile": profile[:24] + bytes(12) + profile[36:], "exif": _exif()}  # without the time of day
    several = {"save_all": True, "append_images": [sheet.rotate(90), sheet.rotate(180)]}
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "a digit", zip=True)
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="3"/>')
    found = {
        "PNG": [_saved(sheet.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB")]
        + [_saved(clear, "PNG", **about, pnginfo=text, dpi=(72, 72)), _saved(deep, "PNG"), _saved(sheet, "PNG", **several)],
        "JPEG": [_saved(sheet.convert(mode), "JPEG") for mode in ("L", "CMYK")]
        + [
            _saved(sheet, "JPEG", **about, progressive=True, comment=b"drawn"),
            _saved(sheet, "MPO", exif=_exif(), **several),
        ],
        "GIF": [_saved(sheet, "GIF"), _saved(sheet.convert("P"), "GIF", transparency=0, comment=b"drawn", **several)],
        "BMP": [_saved(sheet.convert(mode), "BMP") for mode in ("1", "L", "P", "RGB")],
        "WEBP": [_saved(sheet, "WEBP", **about), _saved(clear, "WEBP", lossless=True), _saved(sheet, "WEBP", **several)],
        "TIFF": [_saved(sheet, "TIFF", compression=how, **about) for how in (None, "tiff_lzw", "tiff_adobe_deflate", "jpeg")]
        + [_saved(picture, "TIFF") for picture in (deep, real, clear, sheet.convert("P"), sheet.convert("1"))],
        "PPM": [_saved(picture, "PPM") for picture in (sheet, deep, real, sheet.convert("L"), sheet.convert("1"))],
        "AVIF": [_saved(sheet, "AVIF", **about), _saved(clear, "AVIF")] if "AVIF" in FORMATS else [],
    }
    return {kind: found[kind] for kind in FORMATS}


def damaged(files: dict[str, list[bytes]], number: int) -> tuple[str, bytes]:
    """Damaged file `number`: the format that it was, and its bytes."""
    chance = random.Random(number)
    kind = FORMATS[number % len(FORMATS)]
    data = bytearray(chance.choice(files[kind]))
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        near = min(len(data), HEAD) if chance.random() < 0.5 else len(data)
        at = chance.randrange(near) if near else 0
        match chance.randrange(8):
            case 0:
                del data[at:]
            case 1:
                del data[at : at + chance.randrange(1, 40)]
            case 2:
                data[at:at] = chance.randbytes(chance.randrange(1, 40))
            case 3:
                other = chance.choice(files[chance.choice(FORMATS)])
                start = chance.randrange(len(other))
                data[at : at + chance.randrange(100)] = other[start : start + chance.randrange(200)]
            case 4:
                data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\x01"))
            case _:
                data[at : at + 1] = bytes([chance.randrange(256)])
    repaired = bytes(data)
    return kind, _with_sums(repaired) if kind == "PNG" and chance.random() < 0.7 else repaired


def outcomes(data: bytes) -> Iterator[str]:
    """What comes out at each door: "read" or "refused"; a ValueError says, of anything else, what it was."""
    for name in ("mnist", "cifar10"):
        try:
            prepared = prepare(data, dataset(name))
            if len(prepared.pixels) != np.prod(dataset(name).shape):
                raise TypeError(f"{len(prepared.pixels)} levels")
            yield "read"
        except ValueError as error:
            if not any(re.match(reason, str(error)) for reason in REASONS):
                raise ValueError(f"{name}: the visitor is told {str(error)!r}") from error
            yield "refused"
        except Exception as error:
            raise ValueError(f"{name}: {type(error).__name__}: {error}") from error
    try:
        decode(data, (32, 32))
        yield "read"
    except Unreadable:
        yield "refused"
    except Exception as error:
        raise ValueError(f"import: {type(error).__name__}: {error}") from error


def fuzz(numbers: range) -> tuple[dict[str, Counter[str]], list[str]]:
    """The outcomes of these damaged files by format, and every wrong one with the number of its file."""
    files, counts, wrong = sound_files(), {kind: Counter[str]() for kind in FORMATS}, list[str]()
    for number in numbers:
        kind, data = damaged(files, number)
        counts[kind]["files"] += 1
        try:
            for outcome in outcomes(data):
                counts[kind][outcome] += 1
        except ValueError as error:
            counts[kind]["wrong"] += 1
            wrong.append(f"{number} ({kind}): {error}")
    return counts, wrong


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "a camera", 72.0
    return exif


def _saved(picture: Image.Image, kind: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def _with_sums(png: bytes) -> bytes:
    """A PNG whose chunks have the check sums of what is in them now: damage that a reader does not notice at once."""
    content, at = bytearray(png), 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            break
        struct.pack_into(">I", content, end, zlib.crc32(content[at + 4 : end]))
        at = end + 4
    return bytes(content)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=3000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one's number")
    parser.add_argument("--out", type=Path, help="a JSON file for the counts")
    asked = parser.parse_args()
    logging.disable()  # Pillow's remarks on damaged files
    warnings.simplefilter("ignore")
    started = time.monotonic()
    counts, wrong = {kind: Counter[str]() for kind in FORMATS}, list[str]()
    for begin in range(asked.first, asked.first + asked.files, STRETCH):
        some, faults = fuzz(range(begin, min(begin + STRETCH, asked.first + asked.files)))
        counts, wrong = {kind: counts[kind] + some[kind] for kind in FORMATS}, wrong + faults
        print(f"up to {begin + STRETCH}: {len(wrong)} wrong, {time.monotonic() - started:.0f} s", file=sys.stderr)
    for kind, count in counts.items():
        print(kind, *(f"{name} {n}" for name, n in sorted(count.items())), sep="  ")
    print(*wrong[:20], f"{asked.files} files, {len(wrong)} wrong, {time.monotonic() - started:.0f} s", sep="\n")
    if asked.out:
        found = {"files": asked.files, "first": asked.first, "pillow": __version__, "wrong": len(wrong), "counts": counts}
        asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
