"""`aatviz systems`: the systems that can be loaded."""

import typer

from aatviz.store.systems import cards_and_broken, checkpoints_folder, damage


def systems() -> None:
    """List the systems that are there, each with the sentence of its card, or with what is wrong with it."""
    found, broken = cards_and_broken()
    if not (found or broken):
        typer.echo(
            f"There are no systems in {checkpoints_folder()}. They come with the repository, in checkpoints/, not "
            "with the installed package alone: clone it, or name a folder of systems with AATVIZ_CHECKPOINTS. `aatviz train "
            "tiny` makes one in runs/ within a minute; commands take the path of such a folder in the place of a name."
        )
    for name, card in found.items():
        if why := damage(checkpoints_folder() / name, card):
            broken[name] = why
    lines = {name: card.about for name, card in found.items() if name not in broken}
    lines |= {name: f"broken: {why}" for name, why in broken.items()}
    width = max(map(len, lines), default=0)
    for name, about in lines.items():
        typer.echo(f"{name:{width}} {about}")
