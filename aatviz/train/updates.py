"""The updates of one training, one by one: the loop makes them to the end, a page a few at a time."""

from pathlib import Path
from threading import Lock

import torch
from torch import Tensor, nn

from aatviz.recipes import Job
from aatviz.store.weights import build_network, note_of, start_from
from aatviz.train.batches import Batches, Images
from aatviz.train.learner import Learner

_SEEDING = Lock()
"""Fresh weights come from torch's own generator, which all threads share."""


def first_network(job: Job, shape: tuple[int, int, int]) -> nn.Module:
    """The network of a job for images (C,H,W), with its first weights."""
    with _SEEDING:
        torch.manual_seed(job.seed)
        return build_network(note_of(job, shape))


class Updates:
    """A network in training on images x (N,C,H,W), bytes or floats in [0,1], of classes y (N,).

    The same job on the same images makes the same updates, to the bit, whoever calls `make` and in whatever slices.
    """

    def __init__(self, job: Job, x: Images, y: Tensor, start: Path | None = None, bf16: bool = False) -> None:
        """`start` is the weight file that the job is finetuned from. ValueError for fewer images than a batch."""
        network = first_network(job, (x.shape[1], x.shape[2], x.shape[3]))
        if start:
            start_from(network, start, job.target, job.start_rows, job.start_contrast)
        self.job = job
        self.learner = Learner(job, network.to(x.device))
        self.step = 0
        """How many updates have been made; a resumed training sets it."""
        self._batches = Batches(job, x, y, bf16)
        self._attacked: Tensor | None = None

    @property
    def done(self) -> bool:
        """Whether all updates of the job have been made."""
        return self.step >= self.job.steps

    def make(self) -> Tensor:
        """Make the next update, and return its loss, a scalar. ValueError where the job has no more."""
        if self.done:
            raise ValueError(f"{self.job.name} has {self.job.steps} updates, and all have been made.")
        loss, self._attacked = self.learner.update(self._batches.visit(self.step, self._attacked))
        self.step += 1
        return loss
