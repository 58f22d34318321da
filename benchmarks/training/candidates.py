"""Ways to train a bank from random weights, each a change to the shipped recipe, as data."""

from dataclasses import replace

from aatviz import recipes
from aatviz.recipes import Job
from aatviz.recipes.quick import FIVE_STEPS

TARGET = 0.998
"""The mean AUC whose time counts; the paper's ten detectors have 0.99815 (table 11)."""
EVALUATIONS = 10
SYSTEM = "mnist-linf-0.3-shared"
COSINES = tuple(recipes.get(SYSTEM).job(name) for name in ("stage/shared", "shared"))
SHIPPED = replace(COSINES[0], name="shipped", evaluations=EVALUATIONS)
"""The shipped bank; not trained again: the history of its second cosine is kept."""


_FIVE_STEPS = replace(recipes.get("mnist-linf-0.3-quick-shared").job("shared"), name="five-steps", evaluations=EVALUATIONS)
_SHORT = replace(_FIVE_STEPS, name="short", steps=2000)
CANDIDATES: tuple[Job, ...] = (
    SHIPPED,
    _FIVE_STEPS,
    _SHORT,
    replace(_SHORT, name="constant-rate", decay=False),
    replace(_SHORT, name="not-averaged", average=0.0),
    replace(_SHORT, name="replayed", attack=replace(FIVE_STEPS, steps=4), replay=2, steps=2400, evaluations=5),
    replace(_SHORT, name="large-batches", batch=512, learning_rate=2e-3, steps=800, evaluations=5),
)


SEPARATE = "separate"
FIRST = "five-steps"
"""The candidate whose shared bank ten separate detectors are finetuned from."""
DETECTORS: tuple[Job, ...] = tuple(
    replace(job, name=f"{SEPARATE}/{job.name}", start_from=f"{FIRST}.safetensors", validation_count=SHIPPED.validation_count)
    for job in recipes.get("mnist-linf-0.3-quick").jobs
)


def names() -> list[str]:
    """Those of the shared bank, and the ten separate detectors."""
    return [*(job.name for job in CANDIDATES), SEPARATE]


def get(name: str) -> Job:
    """The candidate of that name; of the separate detectors, the first."""
    return DETECTORS[0] if name == SEPARATE else next(job for job in CANDIDATES if job.name == name)
