"""A system's data set, as far as this machine knows it: it may have been imported on another machine."""

from typing import NoReturn

from aatviz import data
from aatviz.data import DataNotFound, Dataset
from aatviz.data.spec import Movement, Threat, written
from aatviz.store.card import Card

OTHERS = (
    Threat(norm="Linf", eps="8/255", step_size="1/255", steps=100),
    Threat(norm="L2", eps="0.5", step_size="0.05", steps=100),
)
"""For an unknown data set: the balls to which the page goes when the norm is changed."""


def dataset_of_card(card: Card) -> Dataset:
    """The data set that a system was trained on. Where this machine does not know it, it has no images, and its classes have
    numbers for names."""
    name, classes = card.dataset, card.classes
    try:
        found = data.dataset(name)
        if len(found.classes) == classes:
            return found
    except (DataNotFound, ValueError):
        pass
    eps = card.eps
    own = Threat(norm=card.norm, eps=written(eps), step_size=written(eps / 10), steps=100)
    return Dataset(
        name=name,
        title=name,
        shape=(0, 0, 0),
        classes=tuple(map(str, range(classes))),
        noun="image",
        plural="images",
        splits={},
        licence="",
        source="",
        threats=(own, *OTHERS),
        movement=Movement(),
        own_image="photograph",
        opener=lambda _: missing(name),
    )


def is_known(card: Card) -> bool:
    """Whether this machine knows the data set's classes."""
    return bool(dataset_of_card(card).splits)


def missing(name: str) -> NoReturn:
    """Raise the DataNotFound of a data set that this machine does not know."""
    raise DataNotFound(
        f"The data set {name!r}, which this system was trained on, is not on this machine. Import it under that name with "
        f"`aatviz data import PATH --name {name}`."
    )
