"""What the process that trains runs: a training, and then the stored run that the Overview begins with."""

from pathlib import Path

from aatviz.report import watched
from aatviz.store.systems import load_system
from aatviz.ui.session.showcase import build_showcase


def train(_: None, orders: list[watched.Order], step: watched.Step) -> list[Path]:
    """As `aatviz.report.watched.train`."""
    folders = watched.train(None, orders, step)
    for folder in folders:
        build_showcase(load_system(folder))
    return folders
