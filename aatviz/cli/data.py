"""`aatviz data`: get MNIST, by download or from local files."""

from pathlib import Path
from typing import Annotated

import typer

from aatviz.data import DATASETS, SPLITS, DataNotFound, load_digits, mnist

app = typer.Typer(help="Get data sets and see what is there.", no_args_is_help=True)


@app.command("download")
def download(name: Annotated[str, typer.Argument(help="The data set: mnist.")] = "mnist") -> None:
    """Fetch a data set into the data folder ($AATVIZ_DATA, else the user's cache folder)."""
    if name != "mnist":
        raise ValueError(f"There is no data set {name!r} to download; there is mnist.")
    typer.echo(f"MNIST is in {mnist.download()}")


@app.command("import")
def import_(path: Annotated[Path, typer.Argument(help="A folder with the four IDX files of MNIST, plain or .gz.")]) -> None:
    """Check local files and copy them into the data folder: all of them, or none."""
    typer.echo(f"MNIST is in {mnist.import_idx(path)}")


@app.command("list")
def list_() -> None:
    """What is there: every split of every data set, with its size and hash."""
    typer.echo(f"data folder: {mnist.data_folder()}")
    for name in DATASETS:
        for split in SPLITS:
            try:
                digits = load_digits(name, split)
            except DataNotFound as error:
                typer.echo(f"{name:13} {split:11} not here. {error}")
            else:
                typer.echo(f"{name:13} {split:11} {len(digits.labels):6} images  {mnist.content_hash(digits)[:16]}")
