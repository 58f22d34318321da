"""`aatviz detector`: the numbers of one base detector that the app's Detectors page shows."""

from typing import Annotated

import typer

from aatviz.cli.options import Device
from aatviz.data import DataNotFound, load_data
from aatviz.explore import detector_records
from aatviz.metrics.format import interval
from aatviz.runtime.hardware import resolve
from aatviz.store.systems import load_system

TITLES = {
    "typical": "in-class, highest",
    "atypical": "in-class, lowest",
    "confusing": "out-of-class, highest",
    "remote": "out-of-class, lowest",
}


def detector(
    system: Annotated[str, typer.Argument(help="A system's name, or the path of a checkpoint folder.")],
    k: Annotated[int, typer.Option(min=0, help="Which detector.")] = 9,
    count: Annotated[int, typer.Option(min=1, help="How many images of the bundled sample in each ranking.")] = 10,
    device: Device = "cpu",
) -> None:
    """Print a detector's AUC, natural and attacked, and the bundled images that it ranks highest and lowest."""
    loaded = load_system(system, resolve(device))
    column = loaded.detectors.column(k)
    try:
        profile = detector_records.load(loaded)[column]
    except FileNotFoundError as error:
        typer.echo(error)
    else:
        aucs = {"natural": profile.natural, **{name: part.auc for name, part in profile.attacked.items()}}
        for name, auc in aucs.items():
            about = f", {profile.attacked[name].about}" if name in profile.attacked else ""
            typer.echo(f"AUC {name}: {interval(auc._asdict(), 5)}, n = {auc.n}{about}")
        if profile.paper is not None:
            typer.echo(f"AUC of the paper's own detector: {profile.paper:.5f}")
    try:
        _, y = load_data(loaded.card.dataset, split="sample")
    except DataNotFound as error:
        typer.echo(f"No rankings: {error}")
        return
    z = detector_records.sample_logits(loaded)
    for name, indices in detector_records.rankings(z, y, k, count, column).items():
        typer.echo(f"{TITLES[name]}: " + ", ".join(f"{i} ({z[i, column]:.2f})" for i in indices.tolist()))
