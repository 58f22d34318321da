"""A data set as one frozen object, so that no other code knows a size, a class name or a data set's name."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from aatviz.data.split import Split

SPLITS = ("train", "validation", "test", "sample")
OTHER = "other"
"""A further split that some data sets have: images of none of their classes, whose label is the number of classes."""
SplitName = Literal["train", "validation", "test", "sample"]
OwnImage = Literal["handwritten digit", "photograph"]


class DataNotFound(FileNotFoundError):
    """A data set is not on this machine; the message names the command that gets it."""


class UnknownDataset(DataNotFound, ValueError):
    """No data set of that name is known; it may be one that was imported elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Threat:
    """A threat model and the attack that a page starts with. eps and step_size are texts, as papers write them. ValueError
    unless eps, step_size and steps are above 0."""

    norm: Literal["Linf", "L2"]
    eps: str
    """"0.3", or "8/255"; on the scale of images in [0,1]."""
    step_size: str
    steps: int
    optimizer: Literal["adam", "steepest", "momentum"] = "adam"

    def __post_init__(self) -> None:
        if not (number(self.eps) > 0 and number(self.step_size) > 0 and self.steps > 0):
            raise ValueError(f"eps, step_size and steps are above 0; got {self.eps}, {self.step_size}, {self.steps}.")


@dataclass(frozen=True, kw_only=True)
class Movement:
    """How training images are moved, at random."""

    shift: int = 0
    """Shifted by up to this many pixels in each direction; black comes in. The same as cropping from a padded image."""
    flip: bool = False
    """Half of the images are mirrored, left to right."""


@dataclass(frozen=True, kw_only=True)
class SplitInfo:
    """Where the images of a split come from, and how many there are."""

    count: int
    provenance: str
    """One sentence."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Everything that is known of a data set before its images are read."""

    name: str
    """In commands and links: "fashion-mnist"."""
    title: str
    """In sentences: "Fashion-MNIST"."""
    shape: tuple[int, int, int]
    """Channels, height, width."""
    classes: tuple[str, ...]
    """The name of every class, in the order of the labels."""
    noun: str
    """One sample: "digit", "garment", "photo"."""
    plural: str
    splits: dict[str, SplitInfo] = field(hash=False)
    licence: str
    passed_on: bool = True
    """Whether its images may be passed on. Otherwise no stored run of a system may hold any of them."""
    source: str
    """Where the images come from, with what was done to them; a number measured on a copy says so by it."""
    threats: tuple[Threat, ...]
    """The presets; the first is the usual one."""
    pushed: Threat | None = None
    """The attack that pushes images towards a class for the eye: with a larger ball than the usual one. None: the Compare
    page takes a ball a third larger, the Attack page the system's own."""
    drawn: Threat | None = None
    """The attack that turns class noise into images. None: a ball and steps in proportion to the size of an image."""
    drawn_far: Threat | None = None
    """Another one, which goes farther."""
    movement: Movement
    own_image: OwnImage
    """How a visitor's picture is made ready."""
    first_look: tuple[int, int] | None = None
    """What pages begin with: the index of an image in the sample, and the class that it is pushed towards. None: the first
    image that is not of the second class, towards the second class."""
    hashes: dict[str, str] = field(default_factory=dict, hash=False)
    """The content hash of every split that is known beforehand, or was computed at the import."""
    copies: dict[str, str] = field(default_factory=dict, hash=False)
    """Training splits that are not the original images: what they are, by their content hash."""
    opener: Callable[[str], Split] = field(repr=False, compare=False)

    def name_of(self, data_hash: str) -> str:
        """The title, and what is to be known about a training split of this content hash that is only a copy."""
        return self.title + (f" ({self.copies[data_hash]})" if data_hash in self.copies else "")

    def open(self, split: str) -> Split:
        """The images and labels of a split. DataNotFound where they are not here, ValueError for an unknown split."""
        known = dict.fromkeys((*SPLITS, *self.splits))
        if split not in known:
            raise ValueError(f"A split of {self.name} is one of {', '.join(known)}; got {split!r}.")
        return self.opener(split)


def number(text: str) -> float:
    """The value of "0.3", "8/255" or "0.5/255"; ValueError for anything else."""
    above, _, below = text.partition("/")
    try:
        value = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is no number; write it like 0.3 or 8/255.")
    return value


def written(value: float, *, nearly: bool = False) -> str:
    """A number as papers write it: 0.3, or 8/255 or 2.56/255 where only that is exact. `number` reads it back, to the last
    bit unless `nearly`."""
    texts = (f"{value:g}", f"{round(value * 255, 2):g}/255")
    fits = (text for text in texts if math.isclose(number(text), value, rel_tol=1e-12 if nearly else 0.0))
    return next(fits, repr(value))


def written_beside(value: float, other: float) -> str:
    """A radius as one writes it beside another: 5.36/255 beside 8/255, 0.201 beside 0.3. To two decimals, or six digits."""
    return f"{round(value * 255, 2):g}/255" if "/" in written(other) and value < 1 else f"{value:g}"
