"""The classes that images are pushed towards, or generated of: all of them, or some."""

from collections.abc import Sequence

from aatviz.attacks.checks import check_whole

MOST_TARGETS = 10
"""The most classes that a comparison or a generation begins with."""


def first_targets(classes: int) -> tuple[int, ...] | None:
    """The targets that a page begins with: None, for all classes, or the first `MOST_TARGETS` where there are more."""
    return tuple(range(MOST_TARGETS)) if classes > MOST_TARGETS else None


def checked_targets(targets: Sequence[int] | None) -> tuple[int, ...] | None:
    """The target classes in rising order, each once; None, for all classes, stays None. ValueError for no class at all, and
    for anything but whole numbers of at least 0."""
    if targets is None:
        return None
    found = {check_whole("A target", target, least=0) for target in targets}
    if not found:
        raise ValueError("At least one target is needed; leave targets out for all classes.")
    return tuple(sorted(found))


def some_classes(text: str) -> tuple[int, ...] | None:
    """The classes in a text such as "3,5,8"; None, for all classes, where it is empty. ValueError for any other text."""
    if not text:
        return None
    try:
        return checked_targets([int(part) for part in text.split(",")])
    except ValueError as error:
        raise ValueError(f"Classes are whole numbers separated by commas, such as 0,3,5; got {text!r}.") from error
