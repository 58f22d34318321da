"""What a bank in training knows: images that its detectors make of noise, and the negatives that fool them most."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aatviz.attacks import objective, pgd
from aatviz.models.detectors import DetectorBank
from aatviz.recipes import Job
from aatviz.train.steps import attack
from aatviz.train.validation import logits_of

MOST_SHOWN = 8
"""Detectors that are shown."""
CLIMB_STEPS, NEGATIVES = 30, 12
"""Steps up a detector's logit from noise; and negatives of each detector, of which the hardest is shown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """One evaluation. Images are bytes (K,C,H,W), one for each of K detectors, those of the classes 0 to K-1."""

    step: int
    climbed: Tensor
    """Uniform noise, always the same, after some steps up the detector's logit."""
    natural: Tensor
    """The negative whose attacked version has the highest logit."""
    attacked: Tensor
    """Its attacked version."""
    label: Tensor
    """Its class (K,)."""
    logits: dict[str, Tensor]
    """The detector's logits (K,) of "climbed", "natural" and "attacked"."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays for a file; `from_arrays` reads them."""
        images = {name: getattr(self, name).numpy() for name in ("climbed", "natural", "attacked", "label")}
        logits = {f"logits.{name}": value.numpy() for name, value in self.logits.items()}
        return images | logits | {"step": np.array(self.step)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "Pictures":
        """What `to_arrays` wrote."""
        found = {name: torch.from_numpy(value) for name, value in arrays.items() if name != "step"}
        logits = {name.removeprefix("logits."): found.pop(name) for name in [*found] if name.startswith("logits.")}
        return cls(step=int(arrays["step"]), logits=logits, **found)


def pictures(job: Job, network: nn.Module, x: Tensor, y: Tensor, step: int) -> Pictures:
    """The pictures of a shared bank's network, which is not changed, on validation images x (N,C,H,W) in [0,1], y (N,)."""
    shown = min(job.outputs, MOST_SHOWN)
    bank = DetectorBank([network], job.outputs)
    white = math.sqrt(math.prod(x.shape[1:]))
    noise = torch.stack([torch.rand(x.shape[1:], generator=torch.Generator().manual_seed(k)) for k in range(shown)])
    target = torch.arange(shown)
    goal = objective("target_logit", bank, target=target)
    climb: dict[str, Any] = {"norm": "L2", "eps": white, "step_size": white / 28, "steps": CLIMB_STEPS}
    climbed = pgd(goal, noise.to(x.device), **climb, optimizer="steepest", keep="last")
    rows = [(y != k).nonzero().squeeze(1)[:NEGATIVES] for k in range(shown)]
    owner = torch.repeat_interleave(target, torch.tensor([len(part) for part in rows]))
    natural, labels = x[torch.cat(rows)], y[torch.cat(rows)]
    attacked = attack(job.validation_attack, objective("target_logit", bank, target=owner), natural, seed=0)
    after = logits_of(network, attacked).gather(1, owner[:, None]).squeeze(1)
    hardest = torch.stack([torch.where(owner == k, after, -torch.inf).argmax() for k in range(shown)])
    before = logits_of(network, natural[hardest])
    return Pictures(
        step=step,
        climbed=_bytes(climbed),
        natural=_bytes(natural[hardest]),
        attacked=_bytes(attacked[hardest]),
        label=labels[hardest],
        logits={
            "climbed": logits_of(network, climbed).diagonal()[:shown].clone(),
            "natural": before.gather(1, target[:, None]).squeeze(1),
            "attacked": after[hardest],
        },
    )


def _bytes(images: Tensor) -> Tensor:
    return (images * 255).round().byte()
