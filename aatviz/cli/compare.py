"""`aatviz compare`: the comparison of the app's Compare page, one targeted attack on several models, samples x targets."""

from pathlib import Path
from typing import Annotated

import typer

from aatviz.attacks import NORMS, OPTIMIZERS
from aatviz.cli.options import Device, Eps, StepSize
from aatviz.cli.output import check_out, write_csv
from aatviz.data import load_data
from aatviz.data.spec import number
from aatviz.explore.attack_grid.result import CSV_HEAD, MODELS, CompareSettings
from aatviz.explore.attack_grid.run import compare as run
from aatviz.explore.attack_grid.run import natural_logits
from aatviz.explore.saving import exact
from aatviz.explore.targets import some_classes
from aatviz.runtime.files import write_arrays
from aatviz.runtime.hardware import resolve
from aatviz.store.systems import load_system


def compare(
    system: Annotated[str, typer.Argument(help="A system's name, or the path of a checkpoint folder.")],
    models: Annotated[str, typer.Option(help=f"Some of {', '.join(MODELS)}, separated by commas.")] = "generative,robust",
    digit: Annotated[int | None, typer.Option(help="Only samples of this class. [default: one of each]")] = None,
    seed: Annotated[int, typer.Option(help="The seed that chooses the samples.")] = 0,
    norm: Annotated[str, typer.Option(help=f"{' or '.join(NORMS)}.")] = "Linf",
    eps: Eps = "0.4",
    steps: int = 100,
    step_size: StepSize = "0.01",
    optimizer: Annotated[str, typer.Option(help=f"{', '.join(OPTIMIZERS)}.")] = "adam",
    targets: Annotated[str, typer.Option(help="Only these classes, separated by commas. [default: all]")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Write a CSV file with one line a pair, and the images beside it (.npz).")
    ] = None,
    device: Device = "cpu",
) -> None:
    """Push bundled images towards every class on each model; print the grids of target logits and their summaries."""
    settings = CompareSettings(
        models=tuple(models.split(",")),  # type: ignore[arg-type]
        digit=digit,
        seed=seed,
        norm=norm,  # type: ignore[arg-type]
        eps=number(eps),
        steps=steps,
        step_size=number(step_size),
        optimizer=optimizer,  # type: ignore[arg-type]
        targets=some_classes(targets),
    )
    if out:
        check_out(out)
    loaded = load_system(system, resolve(device))
    x, y = load_data(loaded.card.dataset, split="sample")
    grid = run(loaded, settings, x, y)
    for model in settings.models:
        found = grid.summary(loaded, model, natural_logits(loaded, model, x, y))
        typer.echo(f"{model} classifier, {found.pairs} pairs whose target is not the true class:")
        typer.echo(f"  mean perturbation: Linf {found.linf:.4f}, L2 {found.l2:.4f}")
        typer.echo(f"  mean target logit: {found.before:.4f} -> {found.after:.4f}")
        typer.echo(f"  decides for the target in {found.reached}")
        typer.echo(f"  higher target logit than 5 % of the natural samples of that class: {found.among}")
        typer.echo(f"  higher target logit than their median: {found.above}")
        typer.echo("  target logits, a row a sample (its class, its index), a column a target:")
        for label, index, logits in zip(grid.y.tolist(), grid.index.tolist(), grid.after(model).tolist(), strict=True):
            typer.echo(f"  {label} {index:5}" + "".join(f"{logit:10.4f}" for logit in logits))
    if out:
        write_csv(out, CSV_HEAD, grid.rows(loaded))
        arrays = out.with_suffix(".npz")
        write_arrays(arrays, exact(grid))
        typer.echo(f"{out} holds one line a pair, {arrays} the exact images")
