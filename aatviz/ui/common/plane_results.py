"""What `python -m benchmarks.plane` has measured of models of the plane, for the pages that quote it."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from aatviz.recipes.plane import PlaneSettings
from aatviz.runtime.files import read_json

RESULT = Path(__file__).parents[3] / "benchmarks" / "results" / "plane.json"
"""The stored result; it belongs to the repository, as the pages do."""
COMMAND = "python -m benchmarks.plane"


def stored() -> dict[str, Any] | None:
    """The result; None where it is not here."""
    return _read(RESULT, RESULT.stat().st_mtime_ns) if RESULT.is_file() else None


def row(result: dict[str, Any], points: str, model: str, settings: PlaneSettings) -> dict[str, Any] | None:
    """What was measured of a model on points of a kind, over several seeds; None where it was not."""
    wanted = (points, model, settings.name)
    return next((one for one in result["rows"] if (one["points"], one["model"], one["recipe"]) == wanted), None)


def mean(values: list[float]) -> float:
    """The mean over seeds."""
    return sum(values) / len(values)


@lru_cache(maxsize=1)
def _read(path: Path, stamp: int) -> dict[str, Any]:
    found: dict[str, Any] = read_json(path)
    return found
