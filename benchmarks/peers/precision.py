"""What bf16 costs an attack: the same images attacked in fp32 and in bf16, both scored in fp32."""

from typing import Any

import torch
from torch import Tensor

import aatviz
from aatviz import metrics
from benchmarks.peers.cases import EPS, SEPARATE, SHARED, TARGET, load_bank, threshold
from benchmarks.peers.running import attacked_score

CHUNK = 250
SETTINGS: dict[str, Any] = {"eps": EPS, "step_size": 0.01, "steps": 100, "optimizer": "adam"}
"""The attack of table 11, with which the published numbers are made: Adam, where the engines are compared by sign steps."""


def run(images: int, sample: int, steps: int) -> dict[str, Any]:
    """For each bank the AUC of detector 9 under `detector_logit`, the success of `detectors_max`, and how far bf16 is off.

    `images` are attacked by each; T is chosen on `sample` natural ones.
    """
    x, y = aatviz.load_data("mnist", split="sample")
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    x, y = x[order], y[order]
    found = {}
    for name in (SEPARATE, SHARED):
        bank, limit = load_bank(name), threshold(name, sample)
        positive = attacked_score(bank, TARGET, x[y == TARGET], y[y == TARGET])
        outside = (y != TARGET).nonzero().squeeze(1)[:images]
        auc, success = {}, {}
        for precision in ("fp32", "bf16"):
            negative = _attacked(name, precision, TARGET, x[outside], y[outside], steps)
            auc[precision] = metrics.auc(positive, negative)
            highest = _attacked(name, precision, None, x[:images], y[:images], steps)
            success[precision] = float((highest >= limit).double().mean())
        found[name] = {
            "auc": auc,
            "success": success,
            "auc_difference": auc["bf16"] - auc["fp32"],
            "success_difference": success["bf16"] - success["fp32"],
            "threshold": limit,
        }
    return {"detector": TARGET, "n": images, "attack": SETTINGS | {"steps": steps}, "found": found}


def _attacked(bank: str, precision: str, target: int | None, x: Tensor, y: Tensor, steps: int) -> Tensor:
    """The attacked score (N,) of the best iterates."""
    scores = []
    for part, labels in zip(x.split(CHUNK), y.split(CHUNK), strict=True):
        aim: dict[str, Any] = {"y": labels} if target is None else {"target": target}
        loss = "detectors_max" if target is None else "detector_logit"
        goal = aatviz.objective(loss, load_bank(bank), **aim, bf16=precision == "bf16")  # type: ignore[arg-type]
        x_adv = aatviz.pgd(goal, part, **SETTINGS | {"steps": steps})
        scores.append(attacked_score(load_bank(bank), target, x_adv, labels))
    return torch.cat(scores)
