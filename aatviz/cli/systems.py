"""`aatviz systems`: what can be loaded."""

import typer

from aatviz.store.systems import cards


def systems() -> None:
    """List the systems that are there, each with the sentence of its card."""
    for name, card in cards().items():
        typer.echo(f"{name:28} {card.about}")
