"""The limits on what one visitor, and all of them together, may ask of this machine; environment variables set them."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "AATVIZ_"
_CORES = os.cpu_count() or 1
_WORKERS = min(_CORES, max(2, _CORES // 2))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Each field is set by the variable of its name in capitals after AATVIZ_, as in AATVIZ_QUEUE_SECONDS=300."""

    workers: int = dataclasses.field(default=_WORKERS, metadata={"range": (1, 64)})
    """Processes for short runs, by default one for every second core, two on two; one more does the long ones, with what the
    others leave of the machine."""
    short_seconds: float = dataclasses.field(default=2.5, metadata={"range": (0.1, 3600)})
    """A run that is expected to take longer than this is a long one, and holds up no short one."""
    queue_seconds: float = dataclasses.field(default=120.0, metadata={"range": (1, 86400)})
    """Nobody is turned away whose short run can begin within this time; a long one may wait ten times as long."""
    jobs_per_visitor: int = dataclasses.field(default=3, metadata={"range": (1, 100)})
    """Unfinished runs that one browser tab may have."""
    batch: int = dataclasses.field(default=8, metadata={"range": (1, 32)})
    """Single-image attacks of different visitors that may go together as one batch."""
    most_steps: int = dataclasses.field(default=2000, metadata={"range": (1, 100_000)})
    """Steps that a visitor may ask of an attack."""
    upload_mb: int = dataclasses.field(default=10, metadata={"range": (1, 10)})
    """Megabytes that a visitor's own picture may have."""
    result_mb: int = dataclasses.field(default=128, metadata={"range": (1, 100_000)})
    """Megabytes of results that are kept for whoever asks for the same again."""
    training: bool = True
    """Whether visitors may train networks, on pages that offer it."""
    training_minutes: float = dataclasses.field(default=10.0, metadata={"range": (0.1, 1440)})
    """Minutes of one core that a visitor may ask of a training."""
    training_queue: int = dataclasses.field(default=40, metadata={"range": (1, 1000)})
    """Trainings that may wait for one another; they go one by one."""
    training_away: float = dataclasses.field(default=15.0, metadata={"range": (0.1, 1440)})
    """Minutes after which a training, waiting or running, is ended where nobody has looked at it meanwhile."""
    training_hours: float = dataclasses.field(default=4.0, metadata={"range": (0.01, 720)})
    """Hours for which a trained or uploaded system, or data set, is kept after somebody has last used it."""
    trainings_kept: int = dataclasses.field(default=60, metadata={"range": (1, 10_000)})
    """Trained and uploaded systems that are kept; for one more, the one that was used longest ago goes."""
    training_mb: int = dataclasses.field(default=40, metadata={"range": (1, 1000)})
    """Megabytes of an uploaded archive of pictures, or of a system."""

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Limits":
        """The limits that these variables set, and the defaults for the others. ValueError names a variable with an
        impossible value."""
        given: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            name = PREFIX + field.name.upper()
            if (text := environment.get(name, "").strip()) != "":
                given[field.name] = _read(name, text, field.default, field.metadata.get("range"))
        return cls(**given)


def _read(name: str, text: str, default: object, span: tuple[float, float] | None) -> int | float | bool:
    if isinstance(default, bool):
        if text not in ("0", "1"):
            raise ValueError(f"{name} is 1 (yes) or 0 (no); got {text!r}.")
        return text == "1"
    assert span is not None
    kind = type(default)
    try:
        value = kind(text)  # type: ignore[call-arg]
    except ValueError:
        value = None
    if not isinstance(value, int | float) or not span[0] <= value <= span[1]:  # NaN lies nowhere
        words = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name} is {words} from {span[0]:g} to {span[1]:g}; got {text!r}.")
    return value


LIMITS = Limits.of()
"""The limits of this process."""
