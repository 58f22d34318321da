"""Options that several commands have."""

from typing import Annotated

import typer

from aatviz.runtime.hardware import DEVICES

Device = Annotated[str, typer.Option(help=f"Where the networks compute: {DEVICES}.")]
Eps = Annotated[
    str, typer.Option(metavar="NUMBER", help="Size of the ball, on the [0,1] scale of the images: 0.3, or 8/255.")
]
StepSize = Annotated[str, typer.Option(metavar="NUMBER", help="On the same scale: 0.01, or 1/255.")]
