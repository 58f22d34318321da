"""The batches of a training: everything random in them comes from the job's seed and the step's number."""

import torch
from torch import Tensor

from aatviz.data import Split, as_floats
from aatviz.recipes import Job
from aatviz.train.steps import Visit, augmented

_EPOCH, _BATCH = 1, 2
"""The purposes of seeds, so that two purposes never share one."""


class OnTheFly:
    """The images (N,C,H,W) of a split, bytes, decoded when a batch asks for some rows; all would fill the memory."""

    def __init__(self, split: Split, device: str) -> None:
        self.split, self.device = split, torch.device(device)
        self.shape = (len(split), *split.shape)

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, rows: slice | Tensor) -> Tensor:
        return self.split.bytes(rows).to(self.device)


Images = Tensor | OnTheFly


def images_of(split: Split, device: str) -> Images:
    """The images (N,C,H,W) of a split as bytes: each batch becomes floats when it is used."""
    return OnTheFly(split, device) if split.on_the_fly else split.bytes().to(device)


class Batches:
    """Batches of images x (N,C,H,W), bytes or floats in [0,1], and classes y (N,), in a new order for every epoch.

    ValueError where a batch would need more images than there are.
    """

    def __init__(self, job: Job, x: Images, y: Tensor, bf16: bool) -> None:
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
