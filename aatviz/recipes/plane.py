"""Recipes for points of the plane: all models of the Playground, small fully connected networks.

A name says all of it: "plane" is the usual one, "plane-e50-i20" has eps 0.05 and 20 inner steps, "plane-a50" half of its
negatives from anywhere. `aatviz train plane-a50 --dataset plane-moons` trains it.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from aatviz.data import Dataset
from aatviz.recipes.spec import AttackSpec, Job, Recipe

Bank = Literal["shared", "separate"]
BANKS: tuple[Bank, ...] = get_args(Bank)
HELP = "or plane (points of the plane), with settings as in plane-e50-i10-a50: eps 0.050, 10 inner steps, 50 % from anywhere"
HALF = 64
"""Positives and negatives in a batch, for each detector."""
_USUAL = {"e": 150, "i": 10, "z": 250, "a": 0, "w": 64, "d": 2, "u": 2000, "s": 0, "b": 0}
"""The letters in a name, and the numbers that it leaves out: see `numbers`."""
_NAME = re.compile(r"plane((?:-[a-z]\d{1,5})*)")


@dataclass(frozen=True, kw_only=True)
class PlaneSettings:
    """How the models of a plane are trained. ValueError for settings out of bounds; `named` makes one of a name."""

    eps: float = 0.15
    """Of the Linf ball in the unit square; in thousandths."""
    inner_steps: int = 10
    """1 to 50 steps of the attack in each update."""
    step: float = 0.25
    """The size of one step, as a share of eps."""
    anywhere: float = 0.0
    """The share of negatives that start anywhere in the square; the others start from points of other classes."""
    width: int = 64
    depth: int = 2
    """The networks have `depth` hidden layers of `width` units: 1 to 4 of 4 to 256."""
    updates: int = 2000
    seed: int = 0
    bank: Bank = "shared"
    """One network with a logit for each class, or a network a class, as in the paper."""

    def __post_init__(self) -> None:
        bounds = {
            "eps": (0.001, 1),
            "inner_steps": (1, 50),
            "step": (0.01, 2),
            "anywhere": (0, 1),
            "width": (4, 256),
            "depth": (1, 4),
            "updates": (20, 20_000),
            "seed": (0, 9999),
        }
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {least} to {most}; got {getattr(self, name)}.")
        if self.bank not in BANKS:
            raise ValueError(f"bank is one of {', '.join(BANKS)}; got {self.bank!r}.")

    @property
    def numbers(self) -> dict[str, int]:
        """The settings as whole numbers: eps and step in thousandths, anywhere in percent."""
        return {
            "e": round(self.eps * 1000),
            "i": self.inner_steps,
            "z": round(self.step * 1000),
            "a": round(self.anywhere * 100),
            "w": self.width,
            "d": self.depth,
            "u": self.updates,
            "s": self.seed,
            "b": BANKS.index(self.bank),
        }

    @property
    def name(self) -> str:
        """The recipe's name; what is as usual is not said."""
        return "-".join(
            ["plane", *(f"{letter}{value}" for letter, value in self.numbers.items() if value != _USUAL[letter])]
        )


def named(name: str) -> PlaneSettings | None:
    """The settings in a name; None where it is no name of this kind. ValueError for settings out of bounds."""
    found = _NAME.fullmatch(name)
    said = {part[0]: int(part[1:]) for part in found[1].split("-")[1:]} if found else {}
    if not found or not said.keys() <= _USUAL.keys():
        return None
    n = _USUAL | said
    return PlaneSettings(
        eps=n["e"] / 1000,
        inner_steps=n["i"],
        step=n["z"] / 1000,
        anywhere=n["a"] / 100,
        width=n["w"],
        depth=n["d"],
        updates=n["u"],
        seed=n["s"],
        bank=BANKS[min(n["b"], 1)],
    )


def recipe(of: Dataset, settings: PlaneSettings) -> Recipe:
    """The bank, Madry's classifier and the natural one. ValueError for a data set that is not of the plane."""
    if of.shape != (2, 1, 1):
        raise ValueError(
            f"The recipe {settings.name} is for points of the plane, such as plane-moons; {of.name} has images."
        )
    seed, outputs = 10 * settings.seed, len(of.classes)
    attack = inner_attack(settings)
    common: dict[str, Any] = {
        "network": "mlp",
        "arch": (("widths", (settings.width,) * settings.depth), ("activation", "silu")),
        "steps": settings.updates,
        "learning_rate": 3e-3,
        "validation_attack": inner_attack(settings, keep="best"),
        "validation_count": 200,
        "evaluations": 1,
    }
    half = min(HALF, of.splits["train"].count // (2 * outputs))
    bank: dict[str, Any] = {"attack": attack, "negatives_anywhere": settings.anywhere, **common}
    if settings.bank == "shared":
        detectors = [Job(name="shared", method="aat_shared", outputs=outputs, batch=2 * half, seed=seed + 1, **bank)]
    else:
        detectors = [
            Job(name=f"detector-{k}", method="aat", outputs=1, target=k, batch=half * outputs, seed=seed + 4 + k, **bank)
            for k in range(outputs)
        ]
    return Recipe(
        name=f"{_short(of.name)}-{settings.name}",
        system=f"{_short(of.name)}-{settings.name}",
        dataset=of.name,
        norm="Linf",
        eps=settings.eps,
        about="Small networks on points of the plane, for the Playground.",
        jobs=(
            *detectors,
            Job(name="robust", method="madry", outputs=outputs, batch=2 * half, seed=seed + 2, attack=attack, **common),
            Job(name="classifier", method="natural", outputs=outputs, batch=2 * half, seed=seed + 3, **common),
        ),
    )


def inner_attack(settings: PlaneSettings, keep: Literal["last", "best"] = "last") -> AttackSpec:
    """The attack on negatives in training; with keep "best" that of the validation."""
    return AttackSpec(
        eps=settings.eps,
        step_size=settings.step * settings.eps,
        steps=settings.inner_steps,
        optimizer="steepest",
        random_start=True,
        keep=keep,
    )


def _short(name: str) -> str:
    """A data set's name without the places that somebody drew."""
    return re.sub(r"-p[0-9a-f]+$", "", name)
