"""Points of the plane as a data set: each is an image of two channels and one pixel, (2,1,1), in the unit square.

A name says all of it, so that a command, a link and a page mean the same points:

    plane-moons
    plane-rings-k3-n40-s7-m500      3 rings, noise of 40 thousandths, seed 7, 500 points to train on
    plane-drawn-k2-p1e280a0c81      points around places of your own: x and y as bytes and the class, five hex digits each
"""

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from aatviz.data.spec import Dataset, Movement, SplitInfo, Threat
from aatviz.data.split import Split

Kind = Literal["moons", "rings", "spirals", "blobs", "drawn"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TITLES: dict[Kind, str] = {"moons": "Two moons", "rings": "Rings", "spirals": "Spirals", "blobs": "Blobs", "drawn": "Drawn"}
USUAL_NOISE: dict[Kind, int] = {"moons": 20, "rings": 15, "spirals": 12, "blobs": 55, "drawn": 30}
"""In thousandths of the square's side."""
CLASSES = ("A", "B", "C", "D")
MOST_NOISE, MOST_COUNT, MOST_PLACES, LARGEST_SEED = 200, 5000, 60, 9999
LEAST_COUNT = 200
SOURCE = "computed by this package"
_SPLITS = {"train": 1.0, "validation": 0.5, "test": 1.0, "sample": 0.2}
"""How many points each has, as a share of the training points."""
_NAME = re.compile(r"plane-([a-z]+)((?:-[knsmp][0-9a-f]+)*)")
Place = tuple[int, int, int]
"""x and y from 0 to 255, and a class."""


@dataclass(frozen=True, kw_only=True)
class Plane:
    """Which points. ValueError for settings out of bounds; `named` makes one of a name."""

    kind: Kind = "moons"
    classes: int = 2
    """2 to 4; two moons are 2."""
    noise: int | None = None
    """The standard deviation of each coordinate, in thousandths of the square's side; None: the kind's usual one."""
    seed: int = 0
    count: int = 1000
    """The points to train on, of all classes together."""
    places: tuple[Place, ...] = ()
    """For "drawn": the points are scattered around these places, as many around each place of a class."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"The points are one of {', '.join(KINDS)}; got {self.kind!r}.")
        most = 2 if self.kind == "moons" else len(CLASSES)
        if not 2 <= self.classes <= most:
            raise ValueError(f"{TITLES[self.kind]} have 2{f' to {most}' if most > 2 else ''} classes; got {self.classes}.")
        if not 0 <= self.spread <= MOST_NOISE or not 0 <= self.seed <= LARGEST_SEED:
            raise ValueError(f"noise is 0 to {MOST_NOISE}, seed 0 to {LARGEST_SEED}; got {self.noise} and {self.seed}.")
        if not LEAST_COUNT <= self.count <= MOST_COUNT:
            raise ValueError(f"{LEAST_COUNT} to {MOST_COUNT} points fit; got {self.count}.")
        self._check_places()

    def _check_places(self) -> None:
        if self.kind != "drawn":
            if self.places:
                raise ValueError("places belong to drawn points.")
            return
        inside = all(0 <= x <= 255 and 0 <= y <= 255 and 0 <= k < self.classes for x, y, k in self.places)
        if not inside or len(self.places) > MOST_PLACES or {k for _, _, k in self.places} != {*range(self.classes)}:
            raise ValueError(
                f"Drawn points have at least one place for each of {self.classes} classes, {MOST_PLACES} in all at most, "
                f"with x and y from 0 to 255; got {str(self.places)[:60]}."
            )

    @property
    def spread(self) -> int:
        """The noise, or the kind's usual one."""
        return USUAL_NOISE[self.kind] if self.noise is None else self.noise

    @property
    def name(self) -> str:
        """The data set's name; what is as usual is not said."""
        said = [
            ("k", self.classes, 2),
            ("n", self.spread, USUAL_NOISE[self.kind]),
            ("s", self.seed, 0),
            ("m", self.count, 1000),
        ]
        parts = [f"plane-{self.kind}", *(f"{letter}{value}" for letter, value, usual in said if value != usual)]
        return "-".join(parts + ([f"p{_hex(self.places)}"] if self.places else []))

    def points(self, split: str) -> tuple[Tensor, Tensor]:
        """The points (N,2), float32 in [0,1], and classes (N,) of a split, in a random order; always the same."""
        number = list(_SPLITS).index(split)
        generator = torch.Generator().manual_seed(self.seed * len(_SPLITS) + number)
        n = max(round(self.count * _SPLITS[split]), 2 * self.classes)
        y = torch.arange(n) % self.classes
        t = torch.rand(n, generator=generator)
        centre = torch.empty(n, 2)
        for k in range(self.classes):
            centre[y == k] = self._centres(k, t[y == k])
        points = centre + self.spread / 1000 * torch.randn(n, 2, generator=generator)
        order = torch.randperm(n, generator=generator)
        return points.clamp(0, 1)[order], y[order]

    def _centres(self, k: int, t: Tensor) -> Tensor:
        """Places (n,2) of class k without noise, for t (n,) drawn from U(0,1)."""
        if self.kind == "moons":
            angle, side = math.pi * t, 1 - 2 * k
            x, y = side * angle.cos() + k, side * angle.sin() + k / 2  # from -1 to 2, and from -0.5 to 1
            return torch.stack([0.5 + 0.8 / 3 * (x - 0.5), 0.5 + 0.8 / 3 * (y - 0.25)], 1)
        if self.kind == "blobs":
            angle, radius = torch.full_like(t, 2 * math.pi * k / self.classes + 0.6), torch.full_like(t, 0.27)
        elif self.kind == "rings":
            angle, radius = 2 * math.pi * t, torch.full_like(t, 0.42 * (k + 1) / self.classes)
        elif self.kind == "spirals":
            grown = t.sqrt()  # as dense outside as inside
            angle, radius = 2 * math.pi * (k / self.classes + 1.1 * grown), 0.06 + 0.36 * grown
        else:
            own = torch.tensor([place[:2] for place in self.places if place[2] == k]) / 255
            return own[(t * len(own)).long().clamp_max(len(own) - 1)]
        return 0.5 + radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)


def named(name: str) -> Plane | None:
    """The points of that name; None where it is not a name of this kind. ValueError where it is one, and asks for settings
    out of bounds."""
    found = _NAME.fullmatch(name)
    if not found or found[1] not in KINDS or len(name) > 400:
        return None
    said = dict.fromkeys("knsmp", "") | {part[0]: part[1:] for part in found[2].split("-")[1:]}
    if not all(said[letter].isdigit() or not said[letter] for letter in "knsm") or len(said["p"]) % 5:
        return None
    numbers = {letter: int(said[letter]) for letter in "knsm" if said[letter]}
    return Plane(
        kind=next(kind for kind in KINDS if kind == found[1]),
        classes=numbers.get("k", 2),
        noise=numbers.get("n"),
        seed=numbers.get("s", 0),
        count=numbers.get("m", 1000),
        places=tuple(_place(said["p"][i : i + 5]) for i in range(0, len(said["p"]), 5)),
    )


def dataset(plane: Plane) -> Dataset:
    """These points as a data set."""
    return Dataset(
        name=plane.name,
        title=f"{TITLES[plane.kind]} in the plane",
        shape=(2, 1, 1),
        classes=CLASSES[: plane.classes],
        noun="point",
        plural="points",
        splits={
            split: SplitInfo(count=len(_opened(plane, split)), provenance=f"Drawn at random, seed {plane.seed}.")
            for split in _SPLITS
        },
        licence="none needed: computed, not collected",
        source=SOURCE,
        threats=(Threat(norm="Linf", eps="0.15", step_size="0.0375", steps=10, optimizer="steepest"),),
        movement=Movement(),
        own_image="photograph",
        opener=lambda split: _opened(plane, split),
    )


NAMES = tuple(Plane(kind=kind).name for kind in KINDS if kind != "drawn")
"""The usual ones."""


def with_place(plane: Plane, place: Place) -> Plane:
    """The drawn points with one place more. ValueError where there are enough."""
    return replace(plane, places=(*plane.places, place))


@lru_cache(maxsize=32)
def _opened(plane: Plane, split: str) -> Split:
    points, labels = plane.points(split)
    pixels = (points * 255).round().byte().numpy().reshape(-1, 2, 1, 1)
    return Split(pixels, labels.numpy().astype(np.uint8), source=SOURCE)


def _hex(places: tuple[Place, ...]) -> str:
    return "".join(f"{x:02x}{y:02x}{k:x}" for x, y, k in places)


def _place(text: str) -> Place:
    return int(text[:2], 16), int(text[2:4], 16), int(text[4], 16)
