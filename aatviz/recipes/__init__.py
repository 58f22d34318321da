"""Recipes as data. `get("mnist-linf-0.3")` is a whole recipe; `names()` lists all.

`for_dataset("tiny", aatviz.dataset("pets"))` makes one for any data set.
"""

from aatviz.data import Dataset
from aatviz.recipes import (
    any_dataset,
    budget,
    cifar10,
    cifar10_paper,
    fashion_mnist,
    mnist,
    restricted_imagenet_paper,
    restricted_tiny_imagenet,
    tiny,
)
from aatviz.recipes.spec import AttackSpec, Job, Recipe, digest

MODULES = (mnist, fashion_mnist, cifar10, cifar10_paper, restricted_tiny_imagenet, restricted_imagenet_paper, tiny)

ANY = (*any_dataset.RECIPES, budget.WORD)
"""The recipes for any data set."""
_ALL = {recipe.name: recipe for recipe in (make() for make in (recipe for module in MODULES for recipe in module.RECIPES))}


def names() -> list[str]:
    """The recipes that `aatviz train` knows."""
    return list(_ALL)


def get(name: str) -> Recipe:
    """The recipe of that name. ValueError, with the known names, where there is none."""
    if name not in _ALL:
        raise ValueError(f"There is no recipe {name!r}; there are {', '.join(_ALL)}.")
    return _ALL[name]


def for_dataset(name: str, of: Dataset) -> Recipe:
    """The recipe of that name, made for this data set. ValueError, with the known names, where there is none, and for
    impossible settings in the name of a budget (`aatviz.recipes.budget`)."""
    return budget.budget(budget.read(name), of) if name.partition(":")[0] == budget.WORD else any_dataset.named(name)(of)


__all__ = ["AttackSpec", "Job", "Recipe", "digest", "for_dataset", "get", "names"]
