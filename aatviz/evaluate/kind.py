"""One object for each kind of evaluation: its parts, the function that computes their scores, and the one that sums them up.

A new kind needs a recipe type in `aatviz.recipes.evaluation`, a `Kind` in a module here that `engine.KINDS` lists, and a
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
    """The name on the command line and in the file of scores. It is never parsed: the part's subject is in `of`."""
    count: int
    """The number of attacked images; 0 for a part that is computed in one piece."""
    of: Any = None
    """The part's subject: the class of a detector, a scenario, the place of its first image, a split."""


def _nothing(system: System, recipe: Any) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[R]):
    """What one kind of evaluation computes."""

    name: str
    """The name in records."""
    recipe: type[R]
    chunk: int
    """Attacked images in one file: an interruption loses no more than these."""
    needs: tuple[Need, ...] = ()
    """What a system must have."""
    parts: Callable[[System, R], list[Part]]
    passes: Callable[[System, R, Part], float]
    """About how many passes forward and backward through one network each attacked image of a part takes."""
    compute: Callable[[System, R, Part, slice, bool], Arrays]
    """The scores of the part's images in this slice. The start of the slice is the seed; the last argument says whether
    attacks run in bfloat16."""
    summary: Callable[[System, R, Parts], dict[str, Any]]
    """All numbers of the record, from the stored scores alone."""
    depends: Callable[[System, R], dict[str, Any] | None] = _nothing
    """What else the numbers depend on, apart from the recipe and the system's own weights, as JSON; None for nothing."""
