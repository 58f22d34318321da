"""One object for each kind of evaluation: its parts, what computes them, and what is made of the scores.

A new kind is a recipe type in `aatviz.recipes.evaluation`, a `Kind` in a module here that `engine.KINDS` lists, and a
section of the report in `aatviz.report.sections`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aatviz.evaluate.images import Arrays, Parts
from aatviz.store.card import Need
from aatviz.store.systems import System

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of an evaluation that can be computed on its own."""

    name: str
    """On the command line and in the file of scores. A name and no more: what a part is about stands in `of`."""
    count: int
    """Its attacked images; 0 for what is one piece."""
    of: Any = None
    """What it is about: the class of a detector, a scenario, the place of its first image, a split."""


def _nothing(system: System, recipe: Any) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[R]):
    """What one kind of evaluation computes."""

    name: str
    """What the record calls it."""
    recipe: type[R]
    chunk: int
    """Attacked images between two files: an interruption costs no more than these."""
    needs: tuple[Need, ...] = ()
    """What a system must have."""
    parts: Callable[[System, R], list[Part]]
    passes: Callable[[System, R, Part], float]
    """About how many passes forward and backward through one network each attacked image of a part takes."""
    compute: Callable[[System, R, Part, slice, bool], Arrays]
    """The scores of the part's images in this slice, whose start is the seed; the last argument is whether attacks run in
    bfloat16."""
    summary: Callable[[System, R, Parts], dict[str, Any]]
    """Every number of the record, from the stored scores alone."""
    depends: Callable[[System, R], dict[str, Any] | None] = _nothing
    """What the numbers depend on beside the recipe and the system's own weights, as JSON; None: nothing."""
