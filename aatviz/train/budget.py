"""Steps that fit a budget of minutes: a few updates of every network are timed, before any of them is trained."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

from aatviz.data import Dataset, Split
from aatviz.recipes import Job
from aatviz.recipes.budget import LEAST_STEPS, MOST_STEPS, Budget, budget
from aatviz.runtime.hardware import one_thread
from aatviz.train.updates import Updates

WARM, TIMED = 1, 3
"""Updates of each network that are made first, and that are timed."""
JUDGING = 0.3
"""The share of the minutes that evaluations may take."""
SLACK = 1.5
"""How many times as long as planned a network may take, where others have the machine too, before it ends as it is."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of one network: of an update, and of an evaluation."""

    step: float
    evaluation: float


def fit(
    settings: Budget, of: Dataset, step: Callable[[], object] = lambda: None, beside: float = 0.0
) -> tuple[Budget, dict[str, float]]:
    """The settings with as many steps as their minutes hold (given steps stay), and the seconds that each network may take.

    Args:
        settings, of: the recipe is `aatviz.recipes.budget.budget(settings, of)`.
        step: called after every timed update; what it raises ends the work.
        beside: the share of each evaluation's time that is spent on other things, such as pictures of it.

    Raises DataNotFound where the images are not on this machine; ValueError where there are too few.
    """
    plan = budget(settings, of)
    training = of.open("train")
    validation = len(of.open("validation"))
    costs = {job.name: _cost(job, training, validation, step) for job in plan.jobs}
    each, once = sum(cost.step for cost in costs.values()), sum(cost.evaluation for cost in costs.values()) * (1 + beside)
    seconds, evaluations, steps = 60 * settings.minutes, settings.evaluations, settings.steps
    if not steps:
        evaluations = max(min(evaluations, int(JUDGING * seconds / once)), min(2, evaluations))
        steps = min(max(int((seconds - evaluations * once) / each), LEAST_STEPS), MOST_STEPS)
    fitted = dataclasses.replace(settings, steps=steps, evaluations=evaluations)
    allowed = {name: steps * cost.step + evaluations * cost.evaluation * (1 + beside) for name, cost in costs.items()}
    return fitted, {name: SLACK * value for name, value in allowed.items()}


def _cost(job: Job, training: Split, validation: int, step: Callable[[], object]) -> Cost:
    """Time a few updates on the first images. An evaluation is attacks and passes of known number: it needs no timing."""
    few = slice(0, min(len(training), job.batch * (WARM + TIMED)))
    updates = Updates(job, training.bytes(few), training.labels[few])
    with one_thread():
        for _ in range(WARM):
            updates.make()
            step()
        started = time.monotonic()
        for _ in range(TIMED):
            updates.make()
            step()
    seconds = (time.monotonic() - started) / TIMED
    each = job.outputs if job.method == "aat_shared" else 1
    attacked = 1.5 * job.validation_count * each * (job.validation_attack.steps + 1)
    natural = validation * 2 / 3  # a pass forward is a third of one with gradients; two splits of as many images
    inner = sum(attack.steps for attack in job.attacks) * (0.5 if job.method == "aat_shared" else 1.0)
    per_image = seconds / (job.batch * (inner + 1))
    return Cost(step=seconds, evaluation=per_image * (attacked + natural))
