"""Options that several commands have."""

from typing import Annotated

import typer

from aatviz.runtime.hardware import DEVICES

Device = Annotated[str, typer.Option(help=f"Where the networks compute: {DEVICES}.")]
