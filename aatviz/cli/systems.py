"""`aatviz systems`: what can be loaded."""

import typer

from aatviz.store.systems import cards_and_broken


def systems() -> None:
    """List the systems that are there, each with the sentence of its card, or with what is wrong with it."""
    found, broken = cards_and_broken()
    lines = {name: card.about for name, card in found.items()} | {name: f"broken: {why}" for name, why in broken.items()}
    width = max(map(len, lines), default=0)
    for name, about in lines.items():
        typer.echo(f"{name:{width}} {about}")
