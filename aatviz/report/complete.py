"""From trained networks to a complete system: class Gaussians, card and README."""

from collections.abc import Callable
from pathlib import Path

from aatviz.recipes import Recipe
from aatviz.report.card_readme import write_readme
from aatviz.store.cards import write_card
from aatviz.store.gaussians import FILE, build_gaussians


def complete(plan: Recipe, folder: Path, own_data: bool, say: Callable[[str], object] = lambda _: None) -> bool:
    """Write the class Gaussians, where the recipe is for any data set (`own_data`), the card and the card's README. False
    while networks are missing. `say` gets a sentence where there can be no Gaussians; all else works without them."""
    if own_data and not (folder / FILE).is_file():
        try:
            build_gaussians(plan.dataset, folder)
        except ValueError as error:
            say(f"No class Gaussians to start images from: {error}")
    if not write_card(plan, folder):
        return False
    write_readme(folder)
    return True
