"""Running a case: everybody attacks the same batches in turn; what each attack achieved is scored in float32, untimed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from aatviz.attacks import norm
from aatviz.models.detectors import DetectorBank
from aatviz.models.losses import max_other
from aatviz.runtime.hardware import fast_bf16
from benchmarks.peers.arithmetic import PEAKS, attack_flops
from benchmarks.peers.cases import LISTED, OURS, Case, Contestant, batches, load_bank, threshold
from benchmarks.peers.engines import ENGINES, Job
from benchmarks.peers.measuring import interleaved


def precisions() -> tuple[str, ...]:
    """What is run: bfloat16 only where the processor multiplies it; elsewhere it is many times slower than float32."""
    return ("fp32", "bf16") if fast_bf16("cpu") else ("fp32",)


@dataclass
class Strength:
    """The attacked score of every image that an engine has attacked so far: max_{i != y} z_H(x')_i, or z(h_k(x'))."""

    scores: list[Tensor] = field(default_factory=list)

    def summary(self, limit: float | None) -> dict[str, float | int | None]:
        """The mean loss, the share of the images whose score reaches T, and how many images there were."""
        scores = torch.cat(self.scores)
        success = None if limit is None else float((scores >= limit).double().mean())
        return {"mean_loss": -float(scores.mean()), "success": success, "n": len(scores)}


def contestants(case: Case) -> list[Contestant]:
    """Every engine in every precision, on one bank of the case after the other; a shortlist needs several networks."""
    each = product(case.banks, case.engines, precisions())
    return [
        Contestant(engine, precision, bank)
        for bank, engine, precision in each
        if engine != LISTED or not load_bank(bank).shared
    ]


def job(case: Case, who: Contestant) -> Job:
    return Job(
        bank=load_bank(who.bank),
        loss=case.loss,
        target=case.target,
        steps=case.steps,
        step_size=case.step_size,
        eps=case.eps,
        bf16=who.precision == "bf16",
    )


@torch.no_grad()
def attacked_score(bank: DetectorBank, target: int | None, x_adv: Tensor, y: Tensor) -> Tensor:
    """What the attack was to raise (N,), in float32."""
    parts = zip(x_adv.split(128), y.split(128), strict=True)
    return torch.cat([max_other(bank(x), y) if target is None else bank.logit(x, target) for x, y in parts])


def run(case: Case, sample: int) -> dict[str, Any]:
    """All numbers of a case, as JSON. T comes from `sample` natural images."""
    images = batches(case)
    names: list[Contestant] = contestants(case)
    calls: dict[Contestant, Callable[[int], Tensor]] = {}
    work: dict[Contestant, int] = {}
    strengths = {who: Strength() for who in names}
    for who in names:
        attack = ENGINES[who.engine](job(case, who))
        calls[who] = partial(_attack_batch, attack, images)
        if who.engine == OURS:
            work[who] = case.images * attack_flops(load_bank(who.bank), case.loss, tuple(images[0][0].shape[1:]), case.steps)
    if case.peaks:
        for (name, make), precision in product(PEAKS.items(), precisions()):
            who = Contestant(name, precision, "")
            calls[who], work[who] = make(precision)

    def seen(who: Contestant, number: int, result: Tensor) -> None:
        if who.engine in PEAKS:
            return
        x, y = images[number]
        if (
            result.shape != x.shape
            or norm(result - x, "Linf").max() > case.eps + 1e-5
            or result.min() < 0
            or result.max() > 1
        ):
            raise AssertionError(f"{who} left the ball or the box.")
        strengths[who].scores.append(attacked_score(load_bank(who.bank), case.target, result, y))

    timings = interleaved(calls, case.rounds, seen)
    found = []
    for who, timing in timings.items():
        row: dict[str, Any] = who._asdict() | {"median": timing.median, "spread": timing.spread, "seconds": timing.seconds}
        if who in work:
            row["gflops"] = work[who] / timing.median / 1e9
        if who in strengths:
            limit = threshold(who.bank, sample) if " x " not in who.bank else None
            row |= strengths[who].summary(limit) | {"threshold": limit}
        found.append(row)
    setting = {key: getattr(case, key) for key in ("about", "loss", "target", "images", "steps", "step_size", "rounds")}
    return setting | {"eps": case.eps, "found": found}


def _attack_batch(attack: Callable[[Tensor, Tensor], Tensor], images: list[tuple[Tensor, Tensor]], number: int) -> Tensor:
    return attack(*images[number])
