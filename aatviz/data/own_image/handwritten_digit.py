"""A digit from anywhere, drawn, photographed or saved, prepared the way MNIST's were.

MNIST's digits were scaled into 20 x 20 pixels, keeping their proportions, with grey levels from anti-aliasing; then put
into 28 x 28 so that their centre of mass lies in the middle (LeCun, Cortes and Burges). They are light on black.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from aatviz.data.own_image.prepared import Prepared, is_coloured, open_picture
from aatviz.data.own_image.specks import without_specks

SIDE, BOX = 28, 20
SHAPE = (1, SIDE, SIDE)
_WORKING_SIDE, _STROKE_SIDE = 512, 100
_LOSSY = ("JPEG", "MPO", "WEBP", "AVIF")
_STRIP = 2**20
"""Pixels that are stretched at once."""
_LEAST_CONTRAST = 0.08
_THIN, _USUAL = 1.4, 2.3
"""Stroke widths in pixels of a 28 x 28 image, as `_stroke_width` measures them: 99 of 100 MNIST digits are above the first,
and half of them above the second."""

Grey = NDArray[np.float32]


def prepare(data: bytes) -> Prepared:
    """The picture in an image file's bytes, made like an MNIST image (1,28,28); a grey one of 28 x 28 is taken as it is.

    It is turned as its EXIF note says, made grey, inverted where the border is brighter than the digit, freed from uneven
    light and noise, stretched to full contrast, given bolder strokes where they are much thinner than MNIST's, then scaled
    and centred.

    Raises:
        ValueError: for a file that is empty, broken, too large or no image, and for a picture without any contrast.
    """
    found, notes = open_picture(data, 2 * _WORKING_SIDE)
    if found.picture.size == (SIDE, SIDE) and found.picture.mode in ("L", "RGB") and not is_coloured(found.picture):
        levels = found.picture.convert("L").tobytes()
        return Prepared(pixels=levels, shape=SHAPE, notes=(*notes, "It is grey and 28 x 28 already: taken as it is."))
    notes = ["Scaled and centred the MNIST way.", *notes]
    ink = _ink(_grey(found.picture, notes), found.format in _LOSSY, notes)
    return Prepared(pixels=_centred(_scaled(_bold(_cropped(ink, notes), notes))), shape=SHAPE, notes=tuple(notes))


def _grey(picture: Image.Image, notes: list[str]) -> Grey:
    """Brightness (H,W) in [0,1], at most 512 pixels a side."""
    if picture.mode in ("I;16", "I", "F"):  # Pillow would clip these to 8 bits
        picture = _stretched(np.asarray(picture))
    picture.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.BOX)
    if picture.mode == "RGBA":
        picture = _opaque(picture, notes)
    if is_coloured(picture):
        notes.append("Colours turned to grey.")
    return _floats(picture.convert("L"))


def _stretched(deep: NDArray[Any]) -> Image.Image:
    """Pixels (H,W) of 16 or 32 bits as 8 bits, from the darkest at 0 to the brightest at 255; NaN and infinity become 0. A
    strip at a time: all of a large picture as floats would take hundreds of megabytes."""
    step = max(_STRIP // deep.shape[1], 1)
    strips = [slice(top, top + step) for top in range(0, len(deep), step)]
    low, high, levels = math.inf, -math.inf, np.zeros(deep.shape, np.uint8)
    for strip in strips:
        part, there = _finite(deep[strip])
        low = min(low, float(np.min(part, where=there, initial=np.inf)))
        high = max(high, float(np.max(part, where=there, initial=-np.inf)))
    for strip in strips if low <= high else ():
        part, there = _finite(deep[strip])
        levels[strip] = np.uint8((np.where(there, part, low) - low) / max(high - low, 1e-9) * 255)
    return Image.fromarray(levels)


def _finite(deep: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The pixels as floats, and which of them are numbers."""
    with np.errstate(invalid="ignore"):  # a pixel may be NaN
        part = deep.astype(np.float64)
    return part, np.isfinite(part)


def _opaque(picture: Image.Image, notes: list[str]) -> Image.Image:
    """The picture on a black or white background, whichever its visible parts stand out from more."""
    alpha = np.asarray(picture.getchannel("A"), dtype=np.float32)
    if alpha.min() == 255:
        return picture.convert("RGB")
    grey = np.asarray(picture.convert("RGB").convert("L"), dtype=np.float32)
    bright = (alpha * grey).sum() > 127.5 * alpha.sum()
    notes.append(f"Transparent parts taken as {'black' if bright else 'white'}.")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "black" if bright else "white"), picture).convert("RGB")


def _ink(grey: Grey, lossy: bool, notes: list[str]) -> Grey:
    """How much of the digit each pixel (H,W) holds, in [0,1]: light on black, without paper, shadow and noise."""
    ground, noise = _background(grey)
    relief = grey - ground
    low, high = np.quantile(relief, (0.002, 0.998))
    if low < 0 and -low > high:
        relief = -relief / np.maximum(ground, 0.1)  # ink takes away a share of the light that the paper gets
        noise /= max(float(np.median(ground)), 0.1)
        notes.append("Inverted: it was dark on light, MNIST is light on black.")
    if noise > 0.01:
        relief = _filtered(relief, ImageFilter.MedianFilter(5 if min(grey.shape) > 100 else 3))
    cut = max(2 * noise, 0.05 if lossy else 0.0)
    inside = relief[relief > cut]
    full = float(np.quantile(inside, 0.9)) if len(inside) else 0.0
    if full - cut < _LEAST_CONTRAST:
        raise ValueError("There is no digit to be seen: the picture is nearly one grey everywhere. Try a clearer one.")
    peak = float(relief.max())
    if noise <= 0.01 and not lossy:  # a clean picture: its own grey levels are right
        cut, full = 0.0, peak if peak < 0.98 else 1.0
    if full < 0.98:
        notes.append("Contrast stretched.")
    return np.clip((relief - cut) / (full - cut), 0, 1).astype(np.float32)


def _background(grey: Grey) -> tuple[Grey, float]:
    """The brightness of the paper at every pixel (H,W), as a plane fitted to the border; and how far the border strays from
    that plane: the noise."""
    height, width = grey.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    rim = max(round(0.04 * min(height, width)), 1)
    edge = np.minimum.reduce([rows, columns, height - 1 - rows, width - 1 - columns]) < rim
    values, flat = grey[edge], np.full_like(grey, np.median(grey[edge]))
    near = np.abs(values - np.median(values)) < 0.25  # a digit may touch the border
    if not near.any() or np.ptp(values[near]) < 0.01:
        return flat, 0.0
    terms = np.stack([np.ones_like(grey), rows / height, columns / width], axis=-1)
    plane = terms @ np.linalg.lstsq(terms[edge][near], values[near], rcond=None)[0]
    stray = np.abs(values[near] - plane[edge][near])
    return plane.astype(np.float32), float(np.quantile(stray, 0.95))


def _cropped(ink: Grey, notes: list[str]) -> Grey:
    """The ink cut to the box around the digit. In a large picture half-bright fringes do not count, since NIST's originals
    were black and white. In a small picture no mark counts as a speck, since the digit may be one of MNIST's."""
    extent = _extent(ink > 0)
    least = 0.4 if extent > 2 * BOX else 0.0
    if extent > BOX:
        ink = without_specks(ink, least, notes)
    rows, columns = (np.flatnonzero((ink > least).any(axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _extent(marked: NDArray[np.bool_]) -> int:
    """The longer side of the box around the marked pixels."""
    return max(int(np.ptp(np.flatnonzero(marked.any(axis)))) + 1 for axis in (1, 0))


def _bold(ink: Grey, notes: list[str]) -> Grey:
    """The digit, with its strokes made as wide as MNIST's where they are far thinner: such thin strokes would all but vanish
    when the digit is scaled to 20 pixels."""
    if max(ink.shape) <= BOX:
        return ink
    small = _resized(ink, min(max(ink.shape), _STROKE_SIDE))
    small /= max(float(small.max()), 1e-6)
    pixel = max(small.shape) / BOX
    if (missing := _USUAL * pixel - (width := _stroke_width(small))) <= 0 or width >= _THIN * pixel:
        return ink
    radius = max(round(missing / 2), 1)
    notes.append("Thin strokes made bolder, as MNIST's are.")
    for _ in range(radius):
        small = _filtered(np.pad(small, 1), ImageFilter.MaxFilter(3))
    return small


def _stroke_width(ink: Grey) -> float:
    """The mean width of the strokes in pixels: twice their area by the length of their edges (the total variation)."""
    padded = np.pad(ink, 1)
    edges = np.hypot(np.diff(padded, axis=0)[:, :-1], np.diff(padded, axis=1)[:-1]).sum()
    return float(2 * ink.sum() / max(float(edges), 1e-6))


def _scaled(ink: Grey) -> Grey:
    """The longer side brought to 20 pixels, the shorter one in proportion."""
    return _resized(ink, BOX)


def _resized(ink: Grey, longer: int) -> Grey:
    factor = longer / max(ink.shape)
    height, width = (max(round(side * factor), 1) for side in ink.shape)
    method = Image.Resampling.BOX if factor <= 1 else Image.Resampling.BILINEAR
    return np.array(Image.fromarray(ink).resize((width, height), method))


def _centred(ink: Grey) -> bytes:
    """The pixels of 28 x 28 with the digit's centre of mass in the middle, at (14, 14) as MNIST has it."""
    canvas = np.zeros((SIDE, SIDE), np.float32)
    mass = float(ink.sum())
    corner = []
    for axis in (0, 1):
        side = ink.shape[axis]
        centre = float((ink.sum(1 - axis) * np.arange(side)).sum()) / mass
        corner.append(min(max(round(SIDE / 2 - centre), 0), SIDE - side))
    top, left = corner
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return np.round(canvas * 255).astype(np.uint8).tobytes()


def _filtered(values: Grey, kernel: ImageFilter.Filter) -> Grey:
    """Pillow's rank filter over values (H,W): it works on bytes, so that the values are scaled to 256 levels and back."""
    low, high = float(values.min()), float(values.max())
    span = max(high - low, 1e-6)
    picture = Image.fromarray(np.uint8(np.round((values - low) / span * 255)))
    filtered: Grey = _floats(picture.filter(kernel)) * np.float32(span) + np.float32(low)
    return filtered


def _floats(picture: Image.Image) -> Grey:
    """The bytes of a grey picture as brightness (H,W) in [0,1]."""
    return np.asarray(picture, dtype=np.float32) / np.float32(255)
