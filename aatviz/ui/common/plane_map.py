"""One logit over the square as a picture: what `playground/map.js` draws, for files and for lessons."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

SIZE = 300
"""Pixels along a side."""
SHOWN = 300
"""Data points that are drawn."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Of the classes; each has a shape of its own as well."""
_ABOVE, _BELOW = (230, 159, 0), (86, 140, 190)
_FINE = 2
"""Everything is drawn so many times as large, and then made smaller: smooth edges."""
_CORNERS = {
    1: ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)),
    2: ((0.0, -1.3), (1.2, 0.9), (-1.2, 0.9)),
    3: ((0.0, -1.4), (1.4, 0.0), (0.0, 1.4), (-1.4, 0.0)),
}
"""Of a class's mark; class 0 is a circle."""


class PlaneMap:
    """A picture that begins with the landscape and T's line; points and ways are drawn onto it. Places lie in [0,1], and y
    grows upwards."""

    def __init__(self, landscape: Tensor, level: float) -> None:
        """`landscape` (side,side) has the logit at the centres of the cells, row 0 at the bottom; orange where it is above
        `level`, blue where it is below."""
        self._side = _FINE * SIZE
        cells = Image.fromarray(landscape.flip(0).numpy().astype(np.float32))
        height = np.asarray(cells.resize((self._side, self._side), Image.Resampling.BILINEAR)) - level
        spread = max(float(landscape.max()) - level, level - float(landscape.min()), 0.5) / 2
        strength = ((30 + 190 * np.tanh(np.abs(height) / spread)) / 255)[..., None]
        colour = np.where(height[..., None] >= 0, _ABOVE, _BELOW)
        self._picture = Image.fromarray((255 + (colour - 255) * strength).round().astype(np.uint8))
        line = _border(height >= 0)
        for shade, half in (("#fff", 2 * _FINE), ("#222", _FINE - 1)):
            self._picture.paste(shade, mask=Image.fromarray(np.where(_grown(line, half), np.uint8(255), np.uint8(0))))
        self._pen = ImageDraw.Draw(self._picture, "RGBA")

    def points(self, x: Tensor, labels: Sequence[int], k: int) -> None:
        """Draw data points x (n,2) of classes `labels`; those of class k stand out."""
        for place, label in zip(x.tolist(), labels, strict=True):
            own = label == k
            fill = COLOURS[label] + ("f2" if own else "80")
            (left, top), r = self._at(place), (3.4 if own else 2.6) * _FINE
            if label == 0:
                self._pen.ellipse((left - r, top - r, left + r, top + r), fill=fill)
            else:
                self._pen.polygon([(left + r * dx, top + r * dy) for dx, dy in _CORNERS[label]], fill=fill)

    def ways(self, paths: Tensor) -> None:
        """Draw the ways (steps,n,2) of negatives, each with a dot where it ends."""
        for way in paths.transpose(0, 1).tolist():
            self._pen.line([self._at(place) for place in way], fill="#00000073", width=_FINE)
            self._dot(way[-1], 2.6, fill="#000")

    def noise(self, ends: Tensor, landed: Sequence[bool]) -> None:
        """Draw where noise (n,2) has ended: filled where it has climbed onto the data."""
        for place, is_there in zip(ends.tolist(), landed, strict=True):
            self._dot(place, 4, fill="#000" if is_there else None)

    def cross(self, place: tuple[float, float], label: int) -> None:
        """Draw a cross in the colour of a class."""
        (left, top), arm = self._at(place), 10 * _FINE
        for colour, width in (("#fff", 6 * _FINE), (COLOURS[label], 3 * _FINE)):
            self._pen.line([(left - arm, top), (left + arm, top)], fill=colour, width=width)
            self._pen.line([(left, top - arm), (left, top + arm)], fill=colour, width=width)

    def picture(self) -> Image.Image:
        """The picture, `SIZE` x `SIZE`."""
        return self._picture.resize((SIZE, SIZE), Image.Resampling.BOX)

    def _at(self, place: Sequence[float]) -> tuple[float, float]:
        return place[0] * self._side, (1 - place[1]) * self._side

    def _dot(self, place: Sequence[float], radius: float, fill: str | None) -> None:
        (left, top), r = self._at(place), radius * _FINE
        self._pen.ellipse((left - r, top - r, left + r, top + r), fill=fill, outline="#000", width=_FINE)


def drawn(landscape: Tensor, level: float, x: Tensor, labels: Sequence[int], k: int) -> PlaneMap:
    """A map of the logit of class k with data points x (n,2)."""
    found = PlaneMap(landscape, level)
    found.points(x, labels, k)
    return found


def _border(above: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where `above` changes between a pixel and the next."""
    edge = np.zeros_like(above)
    edge[:, 1:] |= above[:, 1:] != above[:, :-1]
    edge[1:] |= above[1:] != above[:-1]
    return edge


def _grown(line: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """A line made thicker by so many pixels on each side."""
    for _ in range(by):
        wider = line.copy()
        for into, of in ((wider, line), (wider.T, line.T)):
            into[1:] |= of[:-1]
            into[:-1] |= of[1:]
        line = wider
    return line
