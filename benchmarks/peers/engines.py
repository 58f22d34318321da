"""The engines, each as its users call it, on the same loss of the same bank, with the same steps and no random start.

An engine is prepared once (what a library builds around a model is not part of the measured time) and then attacks batches.
The peers call the bank as it is shipped, with its own fast first layer and memory layout. They return their last iterate,
which is all they offer; aatviz returns the best one, which is its default and costs it one more pass.
"""

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import aatviz
from aatviz.attacks import Shortlist
from aatviz.attacks.objectives import LossName
from aatviz.attacks.optimizers import OptimizerName
from aatviz.models.detectors import DetectorBank
from aatviz.models.losses import max_other
from benchmarks.peers.cases import FEWER, FEWER_STEPS, LISTED, LONGER, OURS, PEERS_MOMENTUM

Attack = Callable[[Tensor, Tensor], Tensor]
"""Images (N,C,H,W) and their classes (N,) -> x'."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every engine is asked to do."""

    bank: DetectorBank
    loss: LossName
    target: int | None
    """The detector of a targeted loss."""
    steps: int
    step_size: float
    eps: float
    bf16: bool


class Model(nn.Module):
    """What a peer takes for a classifier: the bank's logits (N,K), or for a targeted loss [0, z(h_k(x))] (N,2).

    The second is a detector as a classifier of two classes. For that, only the detector that is attacked is called, where
    the bank has it separately. With bf16 the passes run under autocast, as a user of these libraries would arrange it.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.bank, self.target, self.bf16 = job.bank, job.target, job.bf16
        self.train(False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            logits = self.bank(x) if self.target is None else self.bank.logit(x, self.target)[:, None]
        logits = logits.float()
        return logits if self.target is None else torch.cat([torch.zeros_like(logits), logits], dim=1)

    def rising(self, logits: Tensor, y: Tensor) -> Tensor:
        """The attacked loss (N,) as what an attacker raises: max_{i != y} z_H(x')_i, or z(h_k(x'))."""
        return max_other(logits, y) if self.target is None else logits[:, 1]


def aatviz_pgd(job: Job, shortlist: Shortlist | None = None, optimizer: OptimizerName = "steepest") -> Attack:
    """As in the README: an objective for these images, and `pgd`."""

    def attack(x: Tensor, y: Tensor) -> Tensor:
        aim: dict[str, Any] = {"y": y} if job.target is None else {"target": job.target}
        goal = aatviz.objective(job.loss, job.bank, **aim, bf16=job.bf16, shortlist=shortlist)
        return aatviz.pgd(goal, x, eps=job.eps, step_size=job.step_size, steps=job.steps, optimizer=optimizer)

    return attack


def in_fewer_steps(engine: Callable[[Job], Attack], job: Job) -> Attack:
    """An engine with `FEWER_STEPS` of the job's steps, each `LONGER`."""
    return engine(replace(job, steps=round(FEWER_STEPS * job.steps), step_size=LONGER * job.step_size))


class AsCrossEntropy(nn.Module):
    """Two logits whose cross-entropy towards class 0 is the attacked loss plus a constant.

    torchattacks.PGD raises the cross-entropy of what a model returns and nothing else. That of [0, s + c] is
    log(1 + exp(s + c)), for a large c exactly s + c in float32, with the gradient of s.
    """

    offset = 1000.0

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.y = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        score = self.model.rising(self.model(x), self.y)
        return torch.stack([torch.zeros_like(score), score + self.offset], dim=1)


def _peer(name: str) -> Any:
    """A peer's module, without the warnings about what it imports itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def torchattacks_pgd(job: Job) -> Attack:
    """torchattacks.PGD."""
    return _torchattacks(job, "PGD", random_start=False)


def torchattacks_momentum(job: Job) -> Attack:
    """torchattacks.MIFGSM: with the momentum of Dong et al. (2018), which it offers beside its PGD."""
    return _torchattacks(job, "MIFGSM")


def _torchattacks(job: Job, name: str, **settings: Any) -> Attack:
    wrapped = AsCrossEntropy(Model(job)).eval()
    make = getattr(_peer("torchattacks"), name)
    peer = make(wrapped, eps=job.eps, alpha=job.step_size, steps=job.steps, **settings)
    peer.set_device(next(job.bank.parameters()).device)

    def attack(x: Tensor, y: Tensor) -> Tensor:
        wrapped.y = y
        return peer(x, torch.zeros_like(y))

    return attack


def foolbox_pgd(job: Job) -> Attack:
    """foolbox.attacks.LinfPGD with its loss overridden, the place that it has for that."""
    eagerpy, foolbox = _peer("eagerpy"), _peer("foolbox")
    model = Model(job)

    def get_loss_fn(peer_model: Any, labels: Any) -> Callable[[Any], Any]:
        return lambda x: eagerpy.astensor(model.rising(peer_model(x).raw, labels.raw).sum())

    peer = foolbox.attacks.LinfPGD(abs_stepsize=job.step_size, steps=job.steps, random_start=False)
    peer.get_loss_fn = get_loss_fn
    peer_model = foolbox.PyTorchModel(model, bounds=(0, 1), device=next(job.bank.parameters()).device)

    def attack(x: Tensor, y: Tensor) -> Tensor:
        labels = y if job.target is None else torch.zeros_like(y)
        return peer(peer_model, x, labels, epsilons=job.eps)[0]

    return attack


def art_pgd(job: Job) -> Attack:
    """ART's ProjectedGradientDescentPyTorch, on a classifier with a loss of its own. It takes and returns NumPy arrays."""
    evasion, classification = _peer("art.attacks.evasion"), _peer("art.estimators.classification")
    model = Model(job)
    outputs = len(job.bank.classes) if job.target is None else 2

    def loss(logits: Tensor, one_hot: Tensor) -> Tensor:
        return model.rising(logits, one_hot.argmax(1)).mean()

    shape = (1, 28, 28)
    kind = next(job.bank.parameters()).device.type
    classifier = classification.PyTorchClassifier(model, loss, shape, outputs, clip_values=(0.0, 1.0), device_type=kind)
    settings = {"norm": np.inf, "eps": job.eps, "eps_step": job.step_size, "max_iter": job.steps, "verbose": False}

    def attack(x: Tensor, y: Tensor) -> Tensor:
        labels = y if job.target is None else torch.zeros_like(y)
        peer = evasion.ProjectedGradientDescentPyTorch(classifier, **settings, batch_size=len(x))
        return torch.from_numpy(peer.generate(x.numpy(), labels.numpy()))

    return attack


ENGINES: dict[str, Callable[[Job], Attack]] = {
    OURS: aatviz_pgd,
    LISTED: partial(aatviz_pgd, shortlist=Shortlist()),
    FEWER: partial(in_fewer_steps, partial(aatviz_pgd, optimizer="momentum")),
    PEERS_MOMENTUM: partial(in_fewer_steps, torchattacks_momentum),
    "torchattacks": torchattacks_pgd,
    "foolbox": foolbox_pgd,
    "art": art_pgd,
}
"""By the names that cases use; each prepares an attack for a job."""
