"""What the benchmarks that train single detectors share: the AUC of one detector, natural and attacked, on test images."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from aatviz.attacks import objective
from aatviz.data import open_split
from aatviz.metrics import auc_interval
from aatviz.models.detectors import DetectorBank
from aatviz.recipes import AttackSpec
from aatviz.runtime.hardware import fast_bf16
from aatviz.train.steps import attack
from aatviz.train.validation import logits_of


def aucs(
    network: nn.Module, dataset: str, target: int, attacks: Mapping[str, AttackSpec], negatives: int, column: int = 0
) -> dict[str, Any]:
    """The AUC, with its interval, of the detector of a class on natural test images ("natural"), and under each attack on
    `negatives` out-of-class test images, spread evenly over the split. The detector's logit is that `column` of the
    network's."""
    test = open_split(dataset, "test")
    own, others = (test.labels == target), (test.labels != target)
    positive, natural = (logits_of(network, test.images(_rows(chosen)))[:, column] for chosen in (own, others))
    chosen = _rows(others)
    x = test.images(chosen[torch.linspace(0, len(chosen) - 1, negatives).round().long()])
    outputs = logits_of(network, x[:1]).shape[1]
    goal = objective("target_logit", DetectorBank([network], outputs), target=column, bf16=fast_bf16("cpu"))
    found = {"natural": auc_interval(positive, natural)._asdict()}
    for words, spec in attacks.items():
        x_adv = attack(spec, goal, x, seed=0)
        found[words] = auc_interval(positive, logits_of(network, x_adv)[:, column])._asdict()
    return found


def _rows(chosen: Tensor) -> Tensor:
    return chosen.nonzero().flatten()
