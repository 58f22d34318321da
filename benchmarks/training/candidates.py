"""Ways to train the shared bank from random weights, each a change to the shipped recipe, as data."""

from dataclasses import replace

from aatviz import recipes
from aatviz.recipes import AttackSpec, Job

TARGET = 0.998
"""The mean AUC whose time counts; the paper's ten detectors have 0.99815 (table 11)."""
EVALUATIONS = 10
SHIPPED = replace(
    recipes.get("mnist-linf-0.3-shared").job("stage/shared"), name="shipped", steps=3000, evaluations=EVALUATIONS
)
"""The first cosine of the shipped bank, shorter: Adam 10 x 0.1, batches of 192."""


def _attack(steps: int, step_size: float) -> AttackSpec:
    return AttackSpec(eps=0.3, step_size=step_size, steps=steps, random_start=True)


_SHIFTED = replace(SHIPPED, name="shifted", shift=1)
_AVERAGED = replace(_SHIFTED, name="averaged", average=0.995)
CANDIDATES: tuple[Job, ...] = (
    SHIPPED,
    _SHIFTED,
    _AVERAGED,
    replace(_AVERAGED, name="five-steps", attack=_attack(5, 0.15), steps=4500),
    replace(_AVERAGED, name="replayed", attack=_attack(4, 0.15), replay=2, steps=5000),
    replace(_AVERAGED, name="large-batches", batch=512, learning_rate=2e-3, steps=1200),
)


def names() -> list[str]:
    return [job.name for job in CANDIDATES]


def get(name: str) -> Job:
    return next(job for job in CANDIDATES if job.name == name)
