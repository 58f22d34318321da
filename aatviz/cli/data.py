"""`aatviz data`: get data sets, by download or from local files, list them and check them."""

from pathlib import Path
from typing import Annotated

import typer

from aatviz.data import DataNotFound, dataset, names
from aatviz.data.checking import damaged_splits
from aatviz.data.importing import Imported, download, import_path
from aatviz.data.placing import data_folder

app = typer.Typer(help="Get data sets and see what is there.", no_args_is_help=True)


@app.command("download")
def download_(name: Annotated[str, typer.Argument(help="The data set: mnist, fashion-mnist or cifar10.")] = "mnist") -> None:
    """Fetch a data set into the data folder ($AATVIZ_DATA, else the user's cache folder)."""
    try:
        _say(download(name))
    except OSError as error:
        raise _failed(error) from error


@app.command("import")
def import_(
    path: Annotated[
        Path,
        typer.Argument(
            help="A folder with four IDX files (plain or .gz); cifar-10-python.tar.gz; restricted-tiny-imagenet.tar; a "
            "folder of ImageNet; or images, as a folder, .tar, .tar.gz or .zip with one subfolder for each class, or train/ "
            "and test/ above them."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="The data set's name; not needed for a known data set.")] = None,
    size: Annotated[
        str | None, typer.Option(help="Pixels that image files are scaled to: 32, or 24x32 (height x width).")
    ] = None,
) -> None:
    """Check local files and keep their images in the data folder: all of them, or none."""
    try:
        _say(import_path(path, name, _size(size), lambda text: typer.echo(text, err=True)))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _failed(error) from error


@app.command("list")
def list_() -> None:
    """What is there: every data set with its shape, classes, licence and source, and the size and hash of every split."""
    typer.echo(f"data folder: {data_folder()}")
    for name in names():
        try:
            found = dataset(name)
        except ValueError as error:
            typer.echo(f"\n{name}: damaged. {error}")
            continue
        classes = ", ".join(found.classes[:12]) + (" ..." if len(found.classes) > 12 else "")
        typer.echo(f"\n{name}: {' x '.join(map(str, found.shape))}, {len(found.classes)} classes ({classes})")
        typer.echo(f"  licence: {found.licence}")
        missing = None
        for split in found.splits:
            try:
                images = found.open(split)
            except DataNotFound as error:
                missing = error
            except ValueError as error:
                typer.echo(f"  {split:11} damaged. {error}")
            else:
                typer.echo(f"  {split:11} {len(images):6} images  {images.content_hash[:16]}  {images.source}")
        if missing:
            typer.echo(f"  {missing}")


@app.command("check")
def check(name: Annotated[str, typer.Argument(help="The data set.")]) -> None:
    """Compute the hash of every split anew, and compare it with the known one, or with that of the import."""
    found = damaged_splits(name)
    for split, damaged in found.items():
        images = dataset(name).open(split)
        typer.echo(f"{split:11} {len(images):6} images  {'DAMAGED' if damaged else 'whole'}")
    if wrong := [split for split, damaged in found.items() if damaged]:
        raise ValueError(f"{name}: {', '.join(wrong)} differ from what was imported. Import the data set again.")


def _say(done: Imported) -> None:
    for note in done.notes:
        typer.echo(note)
    typer.echo(f"{done.name} is in {done.folder}")


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    sides = text.lower().split("x")
    if not (1 <= len(sides) <= 2 and all(side.isascii() and side.isdigit() and len(side) < 6 for side in sides)):
        raise ValueError(f"--size is a number of pixels like 32, or height x width like 24x32; got {text!r}.")
    return int(sides[0]), int(sides[-1])


def _failed(error: OSError) -> RuntimeError:
    return RuntimeError(f"Nothing was imported: {error}. The data folder is {data_folder()}; AATVIZ_DATA names another one.")
