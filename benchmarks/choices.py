"""What each choice in the attack engine gains: python -m benchmarks.choices [--json FILE] (on an idle machine)

Every choice against what it replaced, on the shipped detectors, in turns in one run: the ratio of medians. And passes per
second by batch size, from which a machine's batch size is chosen. FILE keeps a run for each processor.
"""

import argparse
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import aatviz
from aatviz.attacks import multi_targeted, pgd
from aatviz.attacks.multi_targeted import worst
from aatviz.attacks.passes import prepared
from aatviz.attacks.victims import Victim
from aatviz.models.networks.madry import MadryNet
from aatviz.models.networks.madry_by_hand import MadryPass, _sums_of_rows
from aatviz.runtime import hardware
from aatviz.runtime.files import read_json, write_json
from benchmarks.peers.measuring import interleaved, ratio

SIZES = (1, 8, 16, 32, 64, 128, 256, 512)
BATCH = 64
Run = Callable[[int], object]


def alternatives(images: Tensor, labels: Tensor) -> dict[str, tuple[int, Run, Run]]:
    """By what is compared: how often a round calls it, what is in use, and what it replaced or might be replaced by."""
    separate, shared = (aatviz.load_system(name).detectors for name in ("mnist-linf-0.3", "mnist-linf-0.3-shared"))
    network, bf16 = shared.networks[0], hardware.fast_bf16("cpu")
    assert isinstance(network, MadryNet)
    many, one = images[:BATCH], images[:1]
    quick, plain = prepared(network, bf16), prepared(network, False)
    half = copy.deepcopy(network).bfloat16() if bf16 else network
    bank, strongest = prepared(separate, bf16), _strongest(separate(many), labels[:BATCH])
    single = MadryPass.of(network, torch.bfloat16 if bf16 else None)
    features = torch.relu(torch.randn(single.hidden[0].shape[1])).to(single.hidden[0].dtype)  # half of them fire
    passes = [
        MadryPass.of(each, torch.bfloat16 if bf16 else None) for each in separate.networks if isinstance(each, MadryNet)
    ]
    kernels = [each.conv1[0] for each in passes]
    together = torch.cat(kernels).contiguous(memory_format=torch.channels_last)
    grey = many.to(together.dtype)
    victim = Victim(name="generative", system=aatviz.load_system("mnist-linf-0.3-shared"))
    attack: dict[str, Any] = {"steps": 5}
    targets = [(labels[:1] + offset) % 10 for offset in range(1, 10)]

    def pooled(kernel: Tensor) -> Tensor:
        return F.max_pool2d(F.conv2d(grey, kernel, padding=2), 2, return_indices=True)[0].relu_()

    def both(through: Callable[[Tensor], Any], x: Tensor) -> Tensor:
        passed = through(x)
        return passed.gradient(torch.ones_like(passed.logits))

    def autograd(x: Tensor) -> Tensor:
        leaf = x.to(half.conv1.weight.dtype).requires_grad_()
        return torch.autograd.grad(half(leaf).sum(), leaf)[0]

    return {
        "passes by hand against autograd, 64 images": (8, lambda _: both(quick, many), lambda _: autograd(many)),
        "passes by hand against autograd, one image": (200, lambda _: both(quick, one), lambda _: autograd(one)),
        **(
            {"bfloat16 against float32, 64 images": (8, lambda _: both(quick, many), lambda _: both(plain, many))}
            if bf16
            else {}
        ),
        "nine targets of one image: in one batch against one after the other": (
            5,
            lambda _: multi_targeted(victim, one, labels[:1], bf16=bf16, **attack),
            lambda _: worst(
                victim,
                [one, *(pgd(victim.targeted(labels[:1], target, bf16), one, **attack) for target in targets)],
                labels[:1],
            ),
        ),
        "ten detectors, backward through the strongest against through all": (
            2,
            lambda _: bank(many).gradient(strongest),
            lambda _: bank(many).gradient(torch.full_like(strongest, 0.1)),
        ),
        "one image, hidden layer: rows of features that fire against all": (
            500,
            lambda _: _sums_of_rows(single._by_feature, features[None]),
            lambda _: F.linear(features[None], single.hidden[0]),
        ),
        "first layers of ten detectors: ten convolutions against one of all": (
            20,
            lambda _: [pooled(kernel) for kernel in kernels],
            lambda _: [
                part.contiguous(memory_format=torch.channels_last) for part in pooled(together).chunk(len(kernels), 1)
            ],
        ),
    }


def measure(rounds: int) -> dict[str, Any]:
    """Ratios above 1 speak for what is in use."""
    x, y = aatviz.load_data("mnist", split="sample")
    found: dict[str, Any] = {"threads": torch.get_num_threads(), "choices": {}}
    for name, (times, used, other) in alternatives(x, y).items():
        timings = interleaved({"used": _repeated(used, times), "other": _repeated(other, times)}, rounds, lambda *_: None)
        found["choices"][name] = round(ratio(timings, "other", "used"), 3)
    through = prepared(aatviz.load_system("mnist-linf-0.3-shared").detectors.networks[0], hardware.fast_bf16("cpu"))

    def batch(size: int) -> Run:
        def run(_: int) -> None:
            passed = through(x[:size])
            passed.gradient(torch.ones_like(passed.logits))

        return _repeated(run, max(512 // size, 1))

    timings = interleaved({size: batch(size) for size in SIZES}, rounds, lambda *_: None)
    rates = {size: max(512 // size, 1) * size / timing.median for size, timing in timings.items()}
    found["passes_per_second"] = {str(size): round(rate) for size, rate in rates.items()}
    return found


def _strongest(z_h: Tensor, y: Tensor) -> Tensor:
    """The gradient of loss 10: minus 1 at the strongest detector that is not the true class's."""
    others = z_h.detach().scatter(1, y[:, None], -torch.inf)
    return torch.zeros_like(others).scatter_(1, others.argmax(1, keepdim=True), -1.0)


def _repeated(run: Run, times: int) -> Run:
    def repeated(number: int) -> None:
        for _ in range(times):
            run(number)

    return repeated


def main() -> None:
    parser = argparse.ArgumentParser(description="What each choice in the attack engine gains.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2, help="of torch (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add what was measured, in the place of this processor")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    found = measure(chosen.rounds)
    for name, value in found["choices"].items():
        print(f"{value:6.2f} x  {name}")
    print("passes per second by batch size: " + ", ".join(f"{n}: {rate}" for n, rate in found["passes_per_second"].items()))
    if chosen.json:
        runs = read_json(chosen.json) if chosen.json.is_file() else {}
        write_json(chosen.json, runs | {hardware.describe("cpu"): found})


if __name__ == "__main__":
    main()
