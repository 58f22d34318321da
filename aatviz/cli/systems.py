"""`aatviz systems`: what can be loaded."""

import typer

from aatviz.runtime.files import read_json
from aatviz.store.systems import CARD, checkpoints_folder
from aatviz.store.systems import systems as names


def systems() -> None:
    """List the systems that are there, each with the sentence of its card."""
    for name in names():
        typer.echo(f"{name:28} {read_json(checkpoints_folder() / name / CARD)['about']}")
