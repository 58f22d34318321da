"""How a measured number is written: with its interval, in a table, beside the attack that made it."""

from collections.abc import Iterable
from typing import Any

from aatviz.metrics.rates import Interval, mean_interval


def interval(value: dict[str, float], digits: int = 4) -> str:
    """A value with its 95 % interval: 0.9981 (0.9975 to 0.9986)."""
    return f"{value['value']:.{digits}f} ({value['low']:.{digits}f} to {value['high']:.{digits}f})"


def headline(aucs: dict[str, Any]) -> Any:
    """The AUC of a row by the protocol of the paper, the last iterate, where the record has it, else the worst."""
    return next(iter(aucs["last"].values()), aucs["worst"])


def mean_of(values: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The mean of the detectors' values, which have intervals, as they stand in the rows of a record; with its own."""
    return mean_interval([Interval(**value) for value in values])._asdict()


def mean_cells(columns: Iterable[Iterable[dict[str, Any]]]) -> tuple[list[str], list[str]]:
    """The cells of two rows: the mean AUC of each column with its interval, and the n behind it."""
    means = [mean_of(column) for column in columns]
    return [interval(mean, 5) for mean in means], [f"{mean['n']:,}" for mean in means]


def attack_words(spec: dict[str, Any]) -> str:
    """An attack's settings in one line."""
    start = "from random starts" if spec["random_start"] else "from the image itself"
    restarts = f", {spec['restarts']} restarts" if spec["restarts"] > 1 else ""
    budget = f"{spec['optimizer']} {spec['steps']} x {spec['step_size']:g}"
    return f"{spec['norm']} eps {spec['eps']:g}, {budget}, {start}{restarts}, {spec['keep']} iterate"


def markdown_table(rows: list[list[str]]) -> str:
    """Rows of cells, the first one the head, as a Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
