"""`aatviz generate`: the images of the app's Generate page, of all classes, made from noise by three models."""

from pathlib import Path
from typing import Annotated

import typer

from aatviz.attacks import NORMS, OPTIMIZERS
from aatviz.cli.options import Device, Eps, StepSize
from aatviz.cli.output import PICTURES, check_out, write_csv, write_picture
from aatviz.data import dataset
from aatviz.data.spec import number
from aatviz.explore.attack_grid.result import MODELS
from aatviz.explore.generation.picture import picture
from aatviz.explore.generation.result import CSV_HEAD, STARTS, GenerateSettings
from aatviz.explore.generation.run import generate as run
from aatviz.explore.targets import some_classes
from aatviz.metrics import Interval
from aatviz.metrics.format import interval
from aatviz.runtime.hardware import resolve
from aatviz.store.systems import load_system


def generate(
    system: Annotated[str, typer.Argument(help="A system's name, or the path of a checkpoint folder.")],
    start: Annotated[str, typer.Option(help=f"What to start from: {', '.join(STARTS)}.")] = "gaussian",
    norm: Annotated[str, typer.Option(help=f"{' or '.join(NORMS)}.")] = "L2",
    eps: Eps = "5.0",
    steps: int = 60,
    step_size: StepSize = "0.3",
    optimizer: Annotated[str, typer.Option(help=f"{', '.join(OPTIMIZERS)}.")] = "steepest",
    count: Annotated[int, typer.Option(help="Samples of each class.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    targets: Annotated[str, typer.Option(help="Only these classes, separated by commas. [default: all]")] = "",
    out: Annotated[Path, typer.Option(help="The picture of all grids; a table with the same name goes beside it.")] = Path(
        "generated.png"
    ),
    device: Device = "cpu",
) -> None:
    """Push noise up each class's logit on each model; draw the grids, and print what an independent judge sees in them."""
    settings = GenerateSettings(
        start=start,  # type: ignore[arg-type]
        norm=norm,  # type: ignore[arg-type]
        eps=number(eps),
        steps=steps,
        step_size=number(step_size),
        optimizer=optimizer,  # type: ignore[arg-type]
        count=count,
        seed=seed,
        targets=some_classes(targets),
    )
    table = out.with_suffix(".csv")
    check_out(out, PICTURES, ".png")
    check_out(table)
    loaded = load_system(system, resolve(device))
    made = run(loaded, settings)
    typer.echo(f"{'judged as the target':23}{_rate(made.judged_as_target(None))}  the noise itself")
    for model in MODELS:
        typer.echo(f"{'judged as the target':23}{_rate(made.judged_as_target(model))}  {model}")
    for model in MODELS:
        typer.echo(f"{'as sure as if natural':23}{_rate(made.sure(model))}  {model}")
    write_csv(table, CSV_HEAD, made.rows())
    write_picture(out, picture(made, dataset(loaded.card.dataset).classes))
    typer.echo(f"{out} and {table} hold the images and their logits")


def _rate(rate: Interval) -> str:
    return f"{interval(rate)}, n = {rate.n},"
