"""An image file without what it says beside its pixels: for files in which just that is damaged."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF_PIXELS = {*range(254, 260), 262, 266, 273, *range(277, 281), 284, 292, 293, 317, *range(320, 326), 338, 339, 347}
_TIFF_PIXELS |= {*range(529, 533)}
"""The tags that say how a TIFF's pixels lie in it and what they mean, and some of their neighbours."""
_WHOLE_TURN = (274, 3, 1)
"""The tag, type and count of the camera's note how to turn the picture, where that is not damaged."""
_TIFF_TAG = 12
"""Bytes of one tag in a TIFF's directory: its number, type and count, and its value or where that is."""


def without_metadata(data: bytes) -> bytes:
    """The file with what is not needed for its pixels left out or made unknown to a reader; as it is for other formats.

    JPEG, GIF, BMP and WEBP are as they are, too: there nothing beside the pixels keeps a reader from them.
    """
    with suppress(struct.error, IndexError):  # what is cut off stays so
        if data.startswith(_PNG):
            return _PNG + b"".join(_png_chunks(data))
        if data[4:8] == b"ftyp":  # AVIF: to a reader, items of an unknown type are not there
            return data.replace(b"Exif", b"exif").replace(b"mime", b"Mime")
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(data, "<" if data[:1] == b"I" else ">")
    return data


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """The chunks that no reader can do without (a capital first), transparency, and a whole note of the camera."""
    at = len(_PNG)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunk = data[at : at + 12 + length]
        whole = chunk[-4:] == struct.pack(">I", zlib.crc32(chunk[4:-4]))
        if kind[:1].isupper() or (kind in (b"tRNS", b"eXIf") and whole):
            yield chunk
        at += 12 + length


def _tiff(data: bytes, order: str) -> bytes:
    """The first directory's other tags get a type that does not exist: readers pass over those."""
    content = bytearray(data)
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    for entry in range(at + 2, min(at + 2 + _TIFF_TAG * count, len(data) - _TIFF_TAG + 1), _TIFF_TAG):
        tag, *about = struct.unpack_from(f"{order}HHI", data, entry)
        if tag not in _TIFF_PIXELS and (tag, *about) != _WHOLE_TURN:
            struct.pack_into(f"{order}H", content, entry + 2, 0)
    return bytes(content)
