"""A network in training: its updates, and all tensors that must be saved so that it can go on later, to the bit."""

import math

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from aatviz.models.networks import evaluating
from aatviz.recipes import Job
from aatviz.train.steps import Visit, batch_loss
from aatviz.train.team import agree_on_gradients

MOMENTUM = 0.9
"""Of SGD."""


class Learner:
    """The network, its optimizer, and the running average of its weights where the job asks for one."""

    def __init__(self, job: Job, network: nn.Module) -> None:
        self.job, self.network = job, network
        self.parameters = list(network.parameters())
        """In the order of the optimizer's state."""
        self.optimizer = self._optimizer()
        self.average = None
        if job.average:  # buffers, the statistics of a batch norm, are averaged too: they belong to the averaged weights
            mean = get_ema_multi_avg_fn(job.average)
            self.average = AveragedModel(network, multi_avg_fn=mean, use_buffers=True)

    def _optimizer(self) -> torch.optim.Optimizer:
        job = self.job
        if job.optimizer == "adam":
            return torch.optim.Adam(self.parameters, lr=job.learning_rate, fused=True)
        decayed = [one for one in self.parameters if one.dim() > 1]
        others = [one for one in self.parameters if one.dim() <= 1]
        self.parameters = decayed + others
        groups = [{"params": decayed, "weight_decay": job.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return torch.optim.SGD(groups, lr=job.learning_rate, momentum=MOMENTUM, nesterov=job.nesterov, fused=True)

    @property
    def judged(self) -> nn.Module:
        """The network that is evaluated and kept: the average where there is one."""
        return self.network if self.average is None else self.average.module

    def update(self, visit: Visit) -> tuple[Tensor, Tensor | None]:
        """Make one update of the weights. Returns the loss and the attacked images, as `batch_loss` does."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.job, visit.step)
        with evaluating((self.network,) if self.job.updates_in_eval else ()):
            loss, x_adv = batch_loss(self.job, self.network, visit)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        agree_on_gradients(self.network)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return loss, x_adv

    def tensors(self) -> dict[str, Tensor]:
        """Weights, average and the optimizer's moments, by the names that `load` reads."""
        found = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        if self.average is not None:
            found |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            found |= {f"{self.job.optimizer}.{index}.{name}": value for name, value in moments.items() if value is not None}
        return found

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` returned; other tensors are ignored. Without an average, it begins at the weights;
        without moments, the optimizer is a new one."""
        self.network.load_state_dict(part(tensors, "network."))
        if self.average is not None and (average := part(tensors, "average.")):
            self.average.load_state_dict(average)
        elif self.average is not None:
            self.average.module.load_state_dict(self.network.state_dict())
            self.average.n_averaged.fill_(1)  # 0 would make the first update a copy of the weights
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in part(tensors, f"{self.job.optimizer}.").items():
            index, key = name.split(".", 1)
            if value.dim():  # fused optimizers pair elements by their place in memory: give moments the parameter's layout
                value = torch.empty_like(self.parameters[int(index)]).copy_(value)
            moments.setdefault(int(index), {})[key] = value.detach()
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})


def learning_rate(job: Job, step: int) -> float:
    """The learning rate of a step: it rises along a line during the warm-up, then stays, or falls along a cosine to 0. From
    each of `job.drops` on it is a tenth of that."""
    up = job.warmup * job.steps
    if step < up:
        return job.learning_rate * (step + 1) / (up + 1)
    tenths = sum(step >= share * job.steps for share in job.drops)
    falling = 0.5 + 0.5 * math.cos(math.pi * (step - up) / (job.steps - up)) if job.decay else 1.0
    return float(job.learning_rate * falling * 0.1**tenths)


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with this prefix, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
