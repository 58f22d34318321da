"""Recipes as data. `get("mnist-linf-0.3")` is a whole recipe; `names()` lists those there are."""

from aatviz.recipes import cifar10, cifar10_paper, fashion_mnist, mnist, tiny
from aatviz.recipes.spec import AttackSpec, Job, Recipe, digest

MODULES = (mnist, fashion_mnist, cifar10, cifar10_paper, tiny)

_ALL = {recipe.name: recipe for recipe in (make() for make in (recipe for module in MODULES for recipe in module.RECIPES))}


def names() -> list[str]:
    """The recipes that `aatviz train` knows."""
    return list(_ALL)


def get(name: str) -> Recipe:
    """The recipe of that name; ValueError with the names there are."""
    if name not in _ALL:
        raise ValueError(f"There is no recipe {name!r}; there are {', '.join(_ALL)}.")
    return _ALL[name]


__all__ = ["AttackSpec", "Job", "Recipe", "digest", "get", "names"]
