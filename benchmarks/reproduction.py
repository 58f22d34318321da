"""What the paper's own recipes cost: arithmetic counted from the layers, and a few steps of each network on this processor.

    python -m benchmarks.reproduction

A step on few images, with a short inner attack, is timed with one thread, in seconds of the process: other work on the
machine counts little. Its arithmetic over that time is the pace; the arithmetic of the whole recipe over the pace is the
time in all. Nothing here was run on a GPU: what `tables` says of GPUs is arithmetic, under the assumptions named there.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from aatviz import recipes
from aatviz.data import dataset
from aatviz.data.restricted import CATEGORIES
from aatviz.metrics.format import markdown_table
from aatviz.recipes import AttackSpec, Job, Recipe
from aatviz.runtime.files import read_json, write_json
from aatviz.runtime.hardware import describe, fast_bf16
from aatviz.store.weights import build_network, note_of
from aatviz.train.learner import Learner
from aatviz.train.steps import Visit
from benchmarks.peers.arithmetic import forward_flops

FILE = Path(__file__).parent / "results" / "reproduction.json"
PLANS = (
    "mnist-linf-0.3-paper",
    "cifar10-linf-8-paper",
    "cifar10-linf-2-paper",
    "cifar10-l2-80-paper",
    "restricted-imagenet-paper",
)
IMAGES, STEPS, TIMED = {"madry": 64, "wide": 8, "resnet50": 8}, 3, 3
"""Of a timed step: its images by network, half of them attacked; the steps of its attack; and how many such steps, after
one more. 64 is what a detector of MNIST has in a step of the paper's; of large networks a few images fill a core."""
GRADIENT, UPDATE = 2, 3
"""Passes forward that a gradient to the pixels, and one to the weights, cost with the pass forward itself."""
PEAKS = {"A100": 312e12, "H100": 989e12}
"""Makers' figures: operations a second in dense bfloat16."""
SHARE = 0.3
"""The share of a peak that convolutions are assumed to reach."""
LAUNCH = 5e-6
"""Seconds that an operation is assumed to take at least, however small it is."""
_DOGS = max(category.last - category.first + 1 for category in CATEGORIES)
OWN_SHARE = {"restricted-imagenet-paper": _DOGS / sum(category.last - category.first + 1 for category in CATEGORIES)}
"""The share of a detector's own class among the images, where it is not one in as many as there are classes."""


class _Operations(TorchDispatchMode):
    """Counts operations."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def gradients(spec: AttackSpec) -> int:
    """The gradients of an attack on one image: the best iterate is scored once more at the end."""
    return spec.restarts * (spec.steps + (spec.keep == "best" or spec.restarts > 1))


def attacked(job: Job, own: float) -> float:
    """The images that an update attacks, on average; `own` is the share of a detector's own class."""
    if job.method == "aat":
        return job.batch * (min(own, 1 - own) if job.balanced else 1 - own)
    return {"natural": 0.0, "madry": job.batch, "aat_shared": job.batch / 2}[job.method]


def step_passes(job: Job, own: float) -> float:
    """Passes forward, and what costs as much, of one update."""
    count = attacked(job, own)
    updated = count + own * job.batch if job.method == "aat" else job.batch
    inner = sum(map(gradients, job.attacks)) / max(len(job.attacks), 1)
    return count * inner * GRADIENT + updated * UPDATE


def evaluation_passes(job: Job, natural: int) -> float:
    """The same for one evaluation, on validation images and half as many training images; `natural` images of each."""
    each = job.outputs if job.method == "aat_shared" else 1
    return 1.5 * job.validation_count * each * gradients(job.validation_attack) * GRADIENT + 2 * natural


def operations(plan: Recipe, own: float) -> tuple[float, float]:
    """Floating point operations of all updates of a recipe, and of all its evaluations."""
    of = dataset(plan.dataset)
    natural = of.splits["validation"].count
    updates = evaluations = 0.0
    for job in plan.jobs:
        once = forward_flops(build_network(note_of(job, of.shape)), of.shape)
        updates += once * job.steps * step_passes(job, own)
        evaluations += once * job.evaluations * evaluation_passes(job, min(natural, 1000) if of.shape[1] > 64 else natural)
    return updates, evaluations


def _visit(job: Job, shape: tuple[int, int, int], bf16: bool) -> Visit:
    x: Tensor = torch.rand(job.batch, *shape, generator=torch.Generator().manual_seed(0))
    y = torch.arange(job.batch) % 2 + (job.target or 0)  # half of them of the detector's class
    return Visit(x=x, y=y, step=job.steps // 2, seed=0, bf16=bf16)


def measure(job: Job, shape: tuple[int, int, int]) -> dict[str, float]:
    """A few small updates of a detector: operations a second of one thread, and calls in a gradient and in an update."""
    bf16 = fast_bf16("cpu")
    short = replace(
        job, attack=replace(job.attacks[0], steps=STEPS), batch=IMAGES[job.network], start_from=None, start_rows=()
    )
    learner, visit = Learner(short, build_network(note_of(short, shape))), _visit(short, shape, bf16)
    learner.update(visit)
    started = time.process_time()
    for _ in range(TIMED):
        learner.update(visit)
    seconds = (time.process_time() - started) / TIMED
    calls = []
    for steps in (1, 2):
        fewer = Learner(replace(short, attack=replace(job.attacks[0], steps=steps)), learner.network)
        with _Operations() as counted:
            fewer.update(visit)
        calls.append(counted.count)
    gradient = calls[1] - calls[0]
    done = step_passes(short, 0.5) * forward_flops(learner.network, shape)
    return {
        "seconds": seconds,
        "per_second": done / seconds,
        "gradient_calls": gradient,
        "update_calls": calls[0] - gradient * gradients(replace(job.attacks[0], steps=1)),
    }


def run() -> dict[str, Any]:
    """The row of each recipe."""
    rows: dict[str, Any] = {}
    for name in PLANS:
        plan = recipes.get(name)
        of = dataset(plan.dataset)
        own = OWN_SHARE.get(name, 1 / len(of.classes))
        detector = next(job for job in reversed(plan.jobs) if job.method == "aat")
        known = next((row["step"] for row in rows.values() if row["network"] == [detector.network, *of.shape]), None)
        step = known or measure(detector, of.shape)
        updates, evaluations = operations(plan, own)
        calls = {
            job.name: step["update_calls"]
            + step["gradient_calls"] * sum(map(gradients, job.attacks)) / len(job.attacks or "-")
            for job in plan.jobs
        }
        rows[name] = {
            "network": [detector.network, *of.shape],
            "forward": forward_flops(build_network(note_of(detector, of.shape)), of.shape),
            "detector_step": step_passes(detector, own),
            "updates": updates,
            "evaluations": evaluations,
            "calls": sum(calls[job.name] * job.steps for job in plan.jobs),
            "detector_calls": calls[detector.name],
            "step": step,
        }
        print(f"{name}: {updates + evaluations:.3g} operations, {step['per_second']:.3g} a second here", flush=True)
    return rows


def table() -> str:
    """What is stored, in hours."""
    if not FILE.is_file():
        return ""
    stored = read_json(FILE)
    head = ["recipe", "operations", "one core of this processor", *(f"one {name}, at least" for name in PEAKS)]
    rows = [head]
    for name in PLANS:
        row = stored["rows"][name]
        total = row["updates"] + row["evaluations"]
        floor = row["calls"] * LAUNCH
        gpus = [_hours(max(total / (SHARE * peak), floor)) for peak in PEAKS.values()]
        days = total / row["step"]["per_second"] / 86400
        rows.append([f"`{name}`", f"{total:.2g}", f"{days:,.0f} days", *gpus])
    mnist = stored["rows"]["mnist-linf-0.3-paper"]["detector_calls"]
    images = ", ".join(f"{count} ({name})" for name, count in IMAGES.items())
    paces = ", ".join(f"{row['network'][0]} {row['step']['per_second'] / 1e9:.0f}" for row in _networks(stored["rows"]))
    peaks = ", ".join(f"{name} {peak / 1e12:.0f}" for name, peak in PEAKS.items())
    text = (
        f"Measured ({stored['date']}, torch {stored['torch']}): steps on {images} images, half of them attacked with "
        f"{STEPS} steps, of each recipe's own network, with one thread of {stored['machine']}, in seconds of the process, "
        "while other work had the machine too. The arithmetic of such a step over its time is the pace (GFLOP/s: "
        f"{paces}). The arithmetic of the whole recipe, with its evaluations, over the pace is the time of one core. "
        "**Nothing was run on a GPU.** A GPU's hours are arithmetic: "
        f"{SHARE:.0%} of its peak in bfloat16 (the makers' figures, TFLOP/s: {peaks}), and at least {LAUNCH * 1e6:g} "
        "microseconds for each of the operations that PyTorch starts, which were counted. Both are assumptions. The second "
        "one decides for the small network of MNIST, where an update of a detector starts "
        f"{mnist:,.0f} operations (`python -m benchmarks.reproduction`)."
    )
    return "\n".join([markdown_table(rows), "", text])


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds < 36_000 else f"{seconds / 3600:,.0f} h"


def _networks(rows: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each network."""
    return list({row["network"][0]: row for row in rows.values()}.values())


def main() -> None:
    torch.set_num_threads(1)
    rows = run()
    about = {"machine": describe("cpu"), "torch": torch.__version__, "date": time.strftime("%Y-%m-%d")}
    write_json(FILE, about | {"rows": rows})
    print(table())


if __name__ == "__main__":
    main()
