"""How measured numbers are written: with their intervals, in tables, beside the attack that made them."""

from collections.abc import Iterable, Mapping
from typing import Any

from aatviz.metrics.rates import Interval

Value = Interval | Mapping[str, Any]
"""A measured value with its 95 % interval, from a metric or from a record. In old records a mean may have no interval, and
so no "low" and "high"."""


def interval(value: Value, digits: int = 4, *, percent: bool = False, with_n: bool = False) -> str:
    """A value with its 95 % interval: "0.9981 (0.9975 to 0.9986)", "99.8% (99.7% to 99.9%)", or with n at the end."""
    n = f", n = {_parts(value)['n']:,}" if with_n else ""
    return f"{_number(_parts(value)['value'], digits, percent)} ({bounds(value, digits, percent=percent)}{n})"


def bounds(value: Value, digits: int = 4, *, percent: bool = False) -> str:
    """The interval alone: "0.9975 to 0.9986", or "no interval"."""
    found = _parts(value)
    if "low" not in found:
        return "no interval"
    return f"{_number(found['low'], digits, percent)} to {_number(found['high'], digits, percent)}"


def _parts(value: Value) -> Mapping[str, Any]:
    return value._asdict() if isinstance(value, Interval) else value


def _number(number: float, digits: int, percent: bool) -> str:
    return f"{number:.{digits}%}" if percent else f"{number:.{digits}f}"


def headline(aucs: Mapping[str, Any]) -> Any:
    """The AUC of a row, or of the means, by the paper's protocol (last iterate) where the record has it; else the worst."""
    return next(iter(aucs["last"].values()), aucs["worst"])


def means_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The means over the detectors of a record, with their intervals, in the shape of one of its rows."""
    if "mean_intervals" in record:
        found: Mapping[str, Any] = record["mean_intervals"]
        return found
    return _without_intervals(record["mean"], record["rows"])


def _without_intervals(mean: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Means as values with their n and no interval, in the same nesting."""
    return {
        key: _without_intervals(value, [row[key] for row in rows])
        if isinstance(value, Mapping)
        else {"value": value, "n": sum(row[key]["n"] for row in rows)}
        for key, value in mean.items()
        if key != "paper"
    }


def mean_cells(means: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The cells of two rows: means with their intervals, and the n behind them."""
    found = list(means)
    return [interval(mean, 5) for mean in found], [f"{mean['n']:,}" for mean in found]


def markdown_table(rows: list[list[str]]) -> str:
    """Rows of cells, the first one the head, as a Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
