"""The classes that images are pushed towards, or drawn of: all, or some."""

from collections.abc import Sequence

from aatviz.attacks.checks import check_whole

MOST_TARGETS = 10
"""Classes that a comparison or a generation begins with, where there are more."""


def first_targets(classes: int) -> tuple[int, ...] | None:
    """The targets that a page begins with: all classes, said as None, or the first of many."""
    return tuple(range(MOST_TARGETS)) if classes > MOST_TARGETS else None


def checked_targets(targets: Sequence[int] | None) -> tuple[int, ...] | None:
    """The target classes in rising order, each once; None stays None, all of them. ValueError where they are none."""
    if targets is None:
        return None
    found = {check_whole("A target", target, least=0) for target in targets}
    if not found:
        raise ValueError("At least one target is needed; leave targets out for all classes.")
    return tuple(sorted(found))


def some_classes(text: str) -> tuple[int, ...] | None:
    """The classes in "3,5,8"; None for an empty text, all of them. ValueError where it says something else."""
    if not text:
        return None
    try:
        return checked_targets([int(part) for part in text.split(",")])
    except ValueError as error:
        raise ValueError(f"Classes are whole numbers separated by commas, such as 0,3,5; got {text!r}.") from error
