"""The scores of a network in training: natural and adversarial AUC (or accuracy), on validation and training images."""

from functools import partial

import torch
from torch import Tensor, nn

from aatviz.attacks import Objective, objective
from aatviz.metrics import auc
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import evaluating
from aatviz.recipes import Job
from aatviz.runtime.memory import in_batches
from aatviz.train.steps import attack
from aatviz.train.team import divided, whole

CHUNK = 1000


@torch.no_grad()
def logits_of(network: nn.Module, x: Tensor) -> Tensor:
    """The logits (N,K), float32, of images (N,C,H,W) in [0,1], in chunks and in evaluation mode; the network's own mode is
    restored."""
    with evaluating((network,)):
        return in_batches(lambda part: network(part).float(), x, CHUNK)


def evaluate(job: Job, network: nn.Module, x: Tensor, y: Tensor, count: int, bf16: bool) -> dict[str, float]:
    """The scores "natural" and "adversarial" on images x (N,C,H,W) of classes y (N,); the second attacks `count` of them for
    each detector.

    The score is the mean AUC of the detectors for aat and aat_shared, and the accuracy for classifiers. The images and
    random starts are always the same, so that two evaluations can be compared. A detector without any image of its class,
    or without any of another, is left out of the mean; ValueError where that leaves none.
    """
    if job.method in ("natural", "madry"):
        few, true = x[:count], y[:count]
        goal = divided(lambda rows: objective("classifier_margin", network, y=true[rows], bf16=bf16), len(few))
        x_adv = whole(attack(job.validation_attack, goal, few, seed=0))
        return {
            "natural": float((logits_of(network, x).argmax(1) == y).float().mean()),
            "adversarial": float((logits_of(network, x_adv).argmax(1) == true).float().mean()),
        }
    targets = range(job.outputs) if job.target is None else [job.target]
    bank = DetectorBank([network], job.outputs)
    logits = logits_of(network, x)
    natural, adversarial = [], []
    for column, k in enumerate(targets):
        positive, negative = logits[y == k, column], x[y != k][:count]
        if not len(positive) or not len(negative):
            continue
        goal = divided(partial(_towards, bank, column, bf16), len(negative))
        x_adv = whole(attack(job.validation_attack, goal, negative, seed=k))
        natural.append(auc(positive, logits[y != k, column]))
        adversarial.append(auc(positive, logits_of(network, x_adv)[:, column]))
    if not natural:
        raise ValueError(f"{job.name}: among {len(x)} images there are not two classes to tell apart.")
    return {"natural": sum(natural) / len(natural), "adversarial": sum(adversarial) / len(adversarial)}


def _towards(bank: DetectorBank, column: int, bf16: bool, _: slice) -> Objective:
    return objective("target_logit", bank, target=column, bf16=bf16)
