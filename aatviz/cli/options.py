"""Options that several commands have."""

from typing import Annotated

import typer

from aatviz.runtime.hardware import DEVICES
from aatviz.runtime.jobs import Launcher
from aatviz.runtime.launch_local import Local
from aatviz.runtime.launch_ray import Ray

Device = Annotated[str, typer.Option(help=f"Where the networks compute: {DEVICES}.")]
Eps = Annotated[
    str, typer.Option(metavar="NUMBER", help="Size of the ball, on the [0,1] scale of the images: 0.3, or 8/255.")
]
StepSize = Annotated[str, typer.Option(metavar="NUMBER", help="On the same scale: 0.01, or 1/255.")]
LauncherName = Annotated[
    str,
    typer.Option(
        "--launcher", help="Where jobs run: local, this machine; ray, the machines of a Ray cluster (docs/cluster.md)."
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Of the Ray cluster. Left away: $RAY_ADDRESS, else the one that this machine is in."
    ),
]
WORKERS = 2
"""Jobs at a time on this machine, where nothing else is said."""
USUAL_WORKERS = f"Left away: {WORKERS}; on a cluster as many as it holds."


def launcher(name: str, address: str | None, workers: int | None) -> Launcher:
    """The launcher of that name. ValueError for another name, and for an address that it does not need; RuntimeError where
    Ray is not installed, or where no cluster answers."""
    if name not in ("local", "ray"):
        raise ValueError(f"--launcher is local or ray; got {name!r}.")
    if name == "ray":
        return Ray(address, workers)
    if address is not None:
        raise ValueError("--address is that of a Ray cluster; it goes with --launcher ray.")
    return Local(workers or WORKERS)
