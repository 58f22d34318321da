"""What the benchmarks that train networks of their own share: the folder of the trainings, one training, and the AUC of one
detector on test images, natural and attacked."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aatviz.attacks import objective
from aatviz.data import open_split
from aatviz.metrics import auc_interval
from aatviz.models.detectors import DetectorBank
from aatviz.recipes import AttackSpec, Job
from aatviz.runtime.hardware import fast_bf16
from aatviz.train.loop import train
from aatviz.train.steps import attack
from aatviz.train.validation import logits_of

EVERY = 50
"""Updates between two lines about a training."""


def folder_given(about: str | None) -> Path:
    """The folder of `--out`, which is made; the process has one thread from then on. `about` is the command's help."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the trainings are kept, so that the command goes on")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    return out


def trained(job: Job, dataset: str, folder: Path) -> Path:
    """The weights of a job, trained as far as they are not yet in the folder, with a line now and then."""

    def say(step: int) -> None:
        if step % EVERY == 0:
            print(f"{job.name}: step {step} of {job.steps}", flush=True)

    return train(job, dataset, folder, report=lambda done: say(done.step))


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
