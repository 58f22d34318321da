"""The small network for CIFAR-10: candidates, each trained robustly for about the same time, and then attacked.

    python -m benchmarks.tournament --out FOLDER      # results/tournament.json; two hours of one core with bf16

Each is trained by N-FGSM as the first stage of `cifar10-linf-8-shared`'s robust classifier is, in as many steps as take
about twenty minutes. The trainings lie in FOLDER, so that the command goes on after an interruption.
"""

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from aatviz import recipes
from aatviz.attacks import objective
from aatviz.data import open_split
from aatviz.metrics import share
from aatviz.metrics.format import interval, markdown_table
from aatviz.recipes import AttackSpec, Job, digest
from aatviz.runtime.files import read_json, write_json
from aatviz.runtime.hardware import describe, fast_bf16
from aatviz.store.weights import load_network, read_note
from aatviz.train.steps import attack
from aatviz.train.validation import logits_of
from benchmarks.own_trainings import folder_given, trained

RESULT = Path(__file__).parent / "results" / "tournament.json"
SYSTEM, DATASET = "cifar10-linf-8-shared", "cifar10"
ATTACKED = 2000
STRONG = AttackSpec(eps=8 / 255, step_size=2 / 255, steps=20, optimizer="steepest", keep="best")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    """A pre-activation ResNet, and the steps that take about twenty minutes of a core."""

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    steps: int

    @property
    def words(self) -> str:
        """Such as "32-64-128-256; 0 1 1 1"."""
        return f"{'-'.join(map(str, self.widths))}; {' '.join(map(str, self.blocks))}"


CANDIDATES = (
    Candidate(widths=(32, 64, 128, 256), blocks=(0, 1, 1, 1), steps=3400),
    Candidate(widths=(32, 64, 128, 256), blocks=(1, 1, 1, 1), steps=2340),
    Candidate(widths=(32, 64, 128, 256), blocks=(0, 2, 1, 1), steps=2460),
    Candidate(widths=(24, 64, 160, 320), blocks=(0, 1, 1, 1), steps=2700),
)


def job_of(candidate: Candidate) -> Job:
    """The training of one candidate."""
    return dataclasses.replace(
        recipes.get(SYSTEM).job("stage/robust"),
        name="-".join(map(str, (*candidate.widths, *candidate.blocks))),
        arch=(("widths", candidate.widths), ("blocks", candidate.blocks)),
        steps=candidate.steps,
        evaluations=2,
        seed=0,
    )


def multiply_adds(network: nn.Module, x: Tensor) -> int:
    """Of one pass forward of the images x (N,C,H,W)."""
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        network(x)
    return counted.get_total_flops() // 2


def measured(network: nn.Module) -> dict[str, Any]:
    """Its size, and its accuracy on natural test images and under attack."""
    test = open_split(DATASET, "test")
    x, y = test.images(slice(None)), test.labels
    few = torch.linspace(0, len(y) - 1, ATTACKED).round().long()
    goal = objective("classifier_margin", network, y=y[few], bf16=fast_bf16("cpu"))
    x_adv = attack(STRONG, goal, x[few], seed=0)
    return {
        "multiply_adds": multiply_adds(network, x[:1]),
        "weights": sum(parameter.numel() for parameter in network.parameters()),
        "natural": share(logits_of(network, x).argmax(1) == y)._asdict(),
        "attacked": share(logits_of(network, x_adv).argmax(1) == y[few])._asdict(),
    }


def main() -> None:
    """Train what is not there yet, and measure all."""
    out = folder_given(__doc__)
    rows = {}
    for candidate in CANDIDATES:
        job = job_of(candidate)
        file = trained(job, DATASET, out)
        found = measured(load_network(file).eval())
        seconds = read_note(file)["seconds"]
        rows[candidate.words] = {"recipe_hash": digest(job), "steps": candidate.steps, "seconds": seconds, **found}
        print(candidate.words, rows[candidate.words], flush=True)
    write_json(
        RESULT,
        {"system": SYSTEM, "attack": dataclasses.asdict(STRONG), "device": describe("cpu"), "candidates": rows},
    )


def table() -> list[str]:
    """The lines of docs/results.md."""
    if not RESULT.is_file():
        return []
    stored = read_json(RESULT)
    rows = [["widths; blocks", "million multiply-adds", "million weights", "steps", "minutes", "accuracy", "attacked"]]
    for words, row in stored["candidates"].items():
        sizes = [f"{row['multiply_adds'] / 1e6:.0f}", f"{row['weights'] / 1e6:.1f}"]
        spent = [f"{row['steps']:,}", f"{row['seconds'] / 60:.0f}"]
        rows.append([words, *sizes, *spent, interval(row["natural"]), interval(row["attacked"])])
    text = (
        f"Networks for CIFAR-10 that were candidates for `{stored['system']}`, each trained by N-FGSM for L-inf 8/255 for "
        "about the same time of one core, and then attacked with 20 steps of 2/255 (loss 9). Accuracies on test images, "
        f"with 95 % intervals (`python -m benchmarks.tournament`; {stored['device']}):"
    )
    return ["", text, "", markdown_table(rows)]


if __name__ == "__main__":
    main()
