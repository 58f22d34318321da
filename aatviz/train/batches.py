"""The batches of a training: everything random in them comes from the job's seed and the step's number."""

import torch
from torch import Tensor

from aatviz.data import as_floats
from aatviz.recipes import Job
from aatviz.train.steps import Visit, augmented

_EPOCH, _BATCH = 1, 2
"""The purposes of seeds, so that two purposes never share one."""


class Batches:
    """Batches of images x (N,C,H,W), bytes or floats in [0,1], and classes y (N,), in a new order for every epoch.

    ValueError where a batch would need more images than there are.
    """

    def __init__(self, job: Job, x: Tensor, y: Tensor, bf16: bool) -> None:
        if job.batch > len(x):
            raise ValueError(f"{job.name} draws {job.batch} images a step; there are only {len(x)} to train on.")
        self.job, self.x, self.y, self.bf16 = job, x, y, bf16
        self.per_epoch = len(x) // job.batch
        self._epoch, self._order = -1, torch.empty(0)

    def visit(self, step: int, attacked: Tensor | None) -> Visit:
        """The batch of a step. Where this step uses the batch of the step before once more (`Job.replay`), its attack starts
        from `attacked`, the images that the attack of that step ended with."""
        batch, replayed = divmod(step, self.job.replay)
        epoch, place = divmod(batch, self.per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self._seed(epoch, _EPOCH))
            self._order, self._epoch = torch.randperm(len(self.x), generator=generator).to(self.x.device), epoch
        rows = self._order[place * self.job.batch : (place + 1) * self.job.batch]
        seed = self._seed(batch, _BATCH)
        return Visit(
            x=augmented(self.job, as_floats(self.x[rows]), seed),
            y=self.y[rows],
            step=step,
            seed=seed,
            bf16=self.bf16,
            start=attacked if replayed else None,
        )

    def _seed(self, number: int, purpose: int) -> int:
        return (self.job.seed * 4 + purpose) * 10_000_019 + number
