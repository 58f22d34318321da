"""What the numbers must show: every row with its limit and whether it is met, from the measured results alone."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.cases import (
    COLOUR,
    COLOUR_SEPARATE,
    CONVOLUTION,
    FEWER,
    GEMM,
    LISTED,
    OURS,
    PEERS,
    PEERS_MOMENTUM,
    SEPARATE,
    SHARED,
)

Result = dict[str, Any]
"""What `python -m benchmarks.peers --json` writes."""
Found = dict[str, Any]
"""One contestant's numbers in a case."""
PEAK_SHARES = {"fp32": 0.60, "bf16": 0.45}
ROUNDING = 1e-9
"""13 of 1,000 and 8 of 1,000 are half a point apart, not a little more."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A value beside its limit. Without a limit it is there to be read."""

    what: str
    value: float
    detail: str
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        if self.least is None and self.most is None:
            return None
        enough = self.least is None or self.value >= self.least - ROUNDING
        return enough and (self.most is None or self.value <= self.most + ROUNDING)

    @property
    def limit(self) -> str:
        if self.least is not None:
            return f">= {self.least:g}"
        return "" if self.most is None else f"<= {self.most:g}"


def precisions(case: Result) -> list[str]:
    """Those of `PEAK_SHARES` that a case, or the memory, was measured in."""
    there = {found["precision"] for found in case["found"]}
    return [precision for precision in PEAK_SHARES if precision in there]


def pick(case: Result, engines: Iterable[str], bank: str, precision: str | None = None) -> Found:
    """The fastest contestant of these engines on that bank, of any precision if none is given."""
    matching = [
        found
        for found in case["found"]
        if found["engine"] in engines and found["bank"] == bank and precision in (None, found["precision"])
    ]
    return min(matching, key=lambda found: found["median"])


def rows(result: Result) -> list[Row]:
    """The rows of all cases that were run. Ours is the faster of our two precisions; a peer is as it ships, in fp32."""
    makers: dict[str, Callable[[Result], Iterator[Row]]] = {
        "detectors-max-1": lambda case: _speed(case, SEPARATE, None),
        "detectors-max-64": _detectors_max,
        "detectors-max-512": lambda case: _speed(case, SEPARATE, None),
        "detector-1": lambda case: _speed(case, SEPARATE, None),
        "detector-64": _detector,
        "detector-512": lambda case: _speed(case, SEPARATE, None),
        "one-image": _one_image,
        "cost-of-k": _cost_of_k,
        "colour-64": _colour,
        "colour-detector-64": _colour_detector,
    }
    cases = result["cases"]
    found = [row for name, make in makers.items() if name in cases for row in make(cases[name])]
    if "memory" in result:
        found += _memory(result)
    if "bf16" in result:
        found += _bf16(result["bf16"])
    return found


def _speed(
    case: Result,
    bank: str,
    least: float | None,
    peer_bank: str | None = None,
    engine: str = OURS,
    by_hand: float | None = None,
) -> Iterator[Row]:
    """How many times as long the fastest peer takes, as it ships; and, mostly to be read, with bf16 by hand."""
    ours = pick(case, [engine], bank)
    where = bank if peer_bank is None else f"{bank} against {peer_bank}"
    for precision in precisions(case):
        limit = least if precision == "fp32" else by_hand
        peer = pick(case, PEERS, peer_bank or bank, precision)
        hand = ", bf16 by hand" if precision == "bf16" else ""
        what = f"{case['about']}, {where}, {images(case['images'])}: fastest peer{hand} / {engine}"
        yield Row(what=what, value=peer["median"] / ours["median"], detail=f"{_named(peer)} / {_named(ours)}", least=limit)


def _strength(case: Result, bank: str, engine: str = OURS) -> Iterator[Row]:
    """Success against the best peer's; and the mean loss against the lowest: where hardly any image succeeds, an attack that
    does nothing would be as successful as all others."""
    ours = pick(case, [engine], bank)
    peers = [found for found in case["found"] if found["engine"] in PEERS and found["bank"] == bank]
    best = max(peers, key=lambda found: found["success"])
    yield Row(
        what=f"{case['about']}, {bank}, {images(case['images'])}: success, {engine} - best peer",
        value=ours["success"] - best["success"],
        detail=f"{ours['success']:.2%} of {ours['n']} ({ours['precision']}) - {best['success']:.2%} ({best['engine']})",
        least=-0.005,
    )
    lowest = min(peers, key=lambda found: found["mean_loss"])
    yield Row(
        what=f"{case['about']}, {bank}, {images(case['images'])}: mean loss, {engine} - lowest peer",
        value=ours["mean_loss"] - lowest["mean_loss"],
        detail=f"{ours['mean_loss']:.4f} ({ours['precision']}) - {lowest['mean_loss']:.4f} ({lowest['engine']})",
        most=0.0,
    )


def _detectors_max(case: Result) -> Iterator[Row]:
    yield from _speed(case, SEPARATE, 3.0)
    yield from _strength(case, SEPARATE)
    yield from _listed(case, SEPARATE)
    yield from _speed(case, SHARED, 15.0, SEPARATE)
    yield from _speed(case, SHARED, 1.6)
    yield from _strength(case, SHARED)
    yield from _fewer(case, SHARED)
    yield from _peak(case, [SEPARATE, SHARED])


def _listed(case: Result, bank: str) -> Iterator[Row]:
    """With a shortlist; a run of an earlier version has none."""
    if LISTED in {found["engine"] for found in case["found"]}:
        yield from _speed(case, bank, 2.5, engine=LISTED, by_hand=2.5)
        yield from _strength(case, bank, LISTED)


def _fewer(case: Result, bank: str) -> Iterator[Row]:
    """At equal strength: with momentum, in fewer steps. And, to be read, beside a peer that is given the same steps."""
    if FEWER not in {found["engine"] for found in case["found"]}:
        return
    yield from _speed(case, bank, 1.5, engine=FEWER, by_hand=1.5)
    yield from _strength(case, bank, FEWER)
    for precision in precisions(case):
        ours, peer = (pick(case, [engine], bank, precision) for engine in (FEWER, PEERS_MOMENTUM))
        yield Row(
            what=f"{case['about']}, {bank}, {images(case['images'])}: {PEERS_MOMENTUM}, {precision} / {FEWER}",
            value=peer["median"] / ours["median"],
            detail=f"mean loss {peer['mean_loss']:.4f}, success {peer['success']:.2%}; {FEWER}: {ours['mean_loss']:.4f}, "
            f"{ours['success']:.2%}",
        )


def _detector(case: Result) -> Iterator[Row]:
    yield from _speed(case, SEPARATE, 1.6)
    yield from _strength(case, SEPARATE)
    yield from _fewer(case, SEPARATE)
    yield from _peak(case, [SEPARATE])


def _colour(case: Result) -> Iterator[Row]:
    """The bank of small networks: one network with all logits here, one network for each at the peers."""
    yield from _speed(case, COLOUR, 10.0, COLOUR_SEPARATE)
    yield from _speed(case, COLOUR, None)
    yield from _strength(case, COLOUR)
    yield from _listed(case, COLOUR_SEPARATE)


def _colour_detector(case: Result) -> Iterator[Row]:
    yield from _speed(case, COLOUR, 1.5)
    yield from _strength(case, COLOUR)


def _one_image(case: Result) -> Iterator[Row]:
    for bank in (SEPARATE, SHARED):
        ours = pick(case, [OURS], bank)
        what = f"{case['about']}, {bank}, {case['steps']} steps: seconds"
        yield Row(what=what, value=ours["median"], detail=_named(ours), most=0.5)
        yield from _speed(case, bank, 1.5)


def _peak(case: Result, banks: list[str]) -> Iterator[Row]:
    for bank in banks:
        for precision in precisions(case):
            ours = pick(case, [OURS], bank, precision)
            for kind, limit in ((GEMM, PEAK_SHARES[precision]), (CONVOLUTION, None)):
                peak = pick(case, [kind], "", precision)
                yield Row(
                    what=f"{case['about']}, {bank}, {images(case['images'])}: share of the {precision} {kind} peak",
                    value=ours["gflops"] / peak["gflops"],
                    detail=f"{ours['gflops']:.0f} of {peak['gflops']:.0f} GFLOP/s",
                    least=limit,
                )


def _cost_of_k(case: Result) -> Iterator[Row]:
    few, many = f"{SEPARATE} x 10", f"{SEPARATE} x 50"
    if many not in {found["bank"] for found in case["found"]}:
        return
    faster = pick(case, [OURS], many)["precision"]
    for precision in precisions(case):
        a, b = pick(case, [OURS], few, precision), pick(case, [OURS], many, precision)
        yield Row(
            what=f"{case['about']}, {images(case['images'])}, {precision}: time(K = 50) / time(K = 10)",
            value=b["median"] / a["median"],
            detail=f"{b['median']:.3g} s / {a['median']:.3g} s",
            most=4.5 if precision == faster else None,
        )


def _memory(result: Result) -> Iterator[Row]:
    """Against the peer that was the fastest in this run, or the one that has been so before."""
    speed = result["cases"].get("detectors-max-64")
    peer = pick(speed, PEERS, SEPARATE, "fp32")["engine"] if speed else PEERS[0]
    measured = precisions(result["memory"])
    ours_fast = pick(speed, [OURS], SEPARATE)["precision"] if speed else measured[-1]
    by_name = {(found["engine"], found["precision"]): found for found in result["memory"]["found"]}
    theirs = by_name[peer, "fp32"]
    for precision in measured:
        ours = by_name[OURS, precision]
        for key, words in (("peak", "peak memory"), ("grown", "peak memory beyond the loaded bank")):
            yield Row(
                what=f"{words}, aatviz {precision} / {peer}",
                value=ours[key] / theirs[key],
                detail=f"{ours[key] / 2**20:.0f} MiB / {theirs[key] / 2**20:.0f} MiB",
                most=1.3 if precision == ours_fast else None,
            )


def _bf16(case: Result) -> Iterator[Row]:
    for bank, found in case["found"].items():
        for key, words, most in (("auc", f"AUC of detector {case['detector']}", 0.0005), ("success", "success", 0.005)):
            yield Row(
                what=f"bf16 attack against fp32 attack, {bank}, {case['n']} images: difference in {words}",
                value=abs(found[f"{key}_difference"]),
                detail=f"{found[key]['bf16']:.5f} and {found[key]['fp32']:.5f}",
                most=most,
            )


def images(count: int) -> str:
    return "one image" if count == 1 else f"{count} images"


def _named(found: Found) -> str:
    return f"{found['engine']} {found['precision']} {found['median']:.3g} s"
