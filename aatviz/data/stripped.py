"""An image file without its metadata: for files in which only the metadata is damaged."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF_PIXELS = {*range(254, 260), 262, 266, 273, *range(277, 281), 284, 292, 293, 317, *range(320, 326), 338, 339, 347}
_TIFF_PIXELS |= {*range(529, 533)}
"""The tags that say where and how a TIFF stores its pixels and what they mean, and some of their neighbours."""
_WHOLE_TURN = (274, 3, 1)
"""The tag, type and count of an undamaged orientation note, by which a camera says how to turn the picture."""
_TIFF_TAG = 12
"""Bytes of one tag in a TIFF's directory: number, type, count, and the value or its place in the file."""


def without_metadata(data: bytes) -> bytes:
    """The bytes of a PNG, AVIF or TIFF file in which the parts that its pixels do not need are left out or hidden from
    readers. Other formats come back unchanged: in JPEG, GIF, BMP and WEBP, metadata does not stop a reader.
    """
    with suppress(struct.error, IndexError):  # a file that is cut off comes back unchanged
        if data.startswith(_PNG):
            return _PNG + b"".join(_png_chunks(data))
        if data[4:8] == b"ftyp":  # AVIF: to a reader, items of an unknown type are not there
            return data.replace(b"Exif", b"exif").replace(b"mime", b"Mime")
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(data, "<" if data[:1] == b"I" else ">")
    return data


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """The critical chunks (their names begin with a capital), and transparency and the EXIF note where they are whole."""
    at = len(_PNG)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunk = data[at : at + 12 + length]
        whole = chunk[-4:] == struct.pack(">I", zlib.crc32(chunk[4:-4]))
        if kind[:1].isupper() or (kind in (b"tRNS", b"eXIf") and whole):
            yield chunk
        at += 12 + length


def _tiff(data: bytes, order: str) -> bytes:
    """All tags of the first directory that the pixels do not need get a type that does not exist: readers skip them."""
    content = bytearray(data)
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    for entry in range(at + 2, min(at + 2 + _TIFF_TAG * count, len(data) - _TIFF_TAG + 1), _TIFF_TAG):
        tag, *about = struct.unpack_from(f"{order}HHI", data, entry)
        if tag not in _TIFF_PIXELS and (tag, *about) != _WHOLE_TURN:
            struct.pack_into(f"{order}H", content, entry + 2, 0)
    return bytes(content)
