"""Ways to train a bank from random weights, each a change to the shipped recipe, as data."""

from dataclasses import replace

from aatviz import recipes
from aatviz.recipes import AttackSpec, Job

TARGET = 0.998
"""The mean AUC whose time counts; the paper's ten detectors have 0.99815 (table 11)."""
EVALUATIONS = 10
SYSTEM = "mnist-linf-0.3-shared"
COSINES = tuple(recipes.get(SYSTEM).job(name) for name in ("stage/shared", "shared"))
SHIPPED = replace(COSINES[0], name="shipped", evaluations=EVALUATIONS)
"""The shipped bank; not trained again: the history of its second cosine is kept."""


FIVE_STEPS = AttackSpec(eps=0.3, step_size=0.15, steps=5, random_start=True)
_FIVE_STEPS = replace(SHIPPED, name="five-steps", attack=FIVE_STEPS, steps=4500, shift=1, average=0.995)
_SHORT = replace(_FIVE_STEPS, name="short", steps=2000)
_FOUR_STEPS = replace(FIVE_STEPS, steps=4)
_REPLAYED = replace(_SHORT, name="replayed", attack=_FOUR_STEPS, replay=2, steps=2400, evaluations=5)
_FROM_THE_IMAGE = replace(_REPLAYED, name="from-the-image", attack=(_FOUR_STEPS, replace(_FOUR_STEPS, random_start=False)))
_FINISHED = replace(
    COSINES[1],
    name="finished",
    steps=600,
    average=0.99,
    start_from=f"{_FROM_THE_IMAGE.name}.safetensors",
    validation_count=SHIPPED.validation_count,
)
CANDIDATES: tuple[Job, ...] = (
    SHIPPED,
    _FIVE_STEPS,
    _SHORT,
    replace(_SHORT, name="constant-rate", decay=False),
    replace(_SHORT, name="not-averaged", average=0.0),
    _REPLAYED,
    _FROM_THE_IMAGE,
    _FINISHED,
    replace(_SHORT, name="large-batches", batch=512, learning_rate=2e-3, steps=800, evaluations=5),
)


SEPARATE = "separate"
FIRST = "five-steps"
"""The candidate whose shared bank ten separate detectors are finetuned from."""
DETECTORS: tuple[Job, ...] = tuple(
    replace(
        job,
        name=f"{SEPARATE}/{job.name}",
        steps=300,
        attack=FIVE_STEPS,
        average=0.99,
        start_from=f"{FIRST}.safetensors",
        validation_count=SHIPPED.validation_count,
    )
    for job in recipes.get("mnist-linf-0.3").jobs
)


def names() -> list[str]:
    """Those of the shared bank, and the ten separate detectors."""
    return [*(job.name for job in CANDIDATES), SEPARATE]


def get(name: str) -> Job:
    """The candidate of that name; of the separate detectors, the first."""
    return DETECTORS[0] if name == SEPARATE else next(job for job in CANDIDATES if job.name == name)
