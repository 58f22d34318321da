"""`aatviz systems`: what can be loaded."""

import typer

from aatviz.store.systems import cards


def systems() -> None:
    """List the systems that are there, each with the sentence of its card."""
    found = cards()
    width = max(map(len, found), default=0)
    for name, card in found.items():
        typer.echo(f"{name:{width}} {card.about}")
