"""Systems whose weights are trained again: files changed together with what the card says of them."""

import hashlib
from pathlib import Path

from aatviz.runtime.files import read_json, write_json
from aatviz.store.card import CARD
from aatviz.store.systems import System, load_system


def described_again(folder: Path) -> System:
    """Make the card say which files lie in the folder now, as a new training does, and load the system."""
    card = read_json(folder / CARD)
    for path, entry in [*card["weights"].items(), (card["files"].get("gaussians"), card.get("gaussians"))]:
        if entry and path:
            content = (folder / path).read_bytes()
            entry |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    write_json(folder / CARD, card)
    return load_system(folder)


def edited_card(folder: Path, **fields: object) -> System:
    """Give the card in a folder other values of some fields, and load the system."""
    write_json(folder / CARD, read_json(folder / CARD) | fields)
    return load_system(folder)
