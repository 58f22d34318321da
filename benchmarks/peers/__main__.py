"""The attack engine against torchattacks, Foolbox and ART on the same detectors: python -m benchmarks.peers (idle machine)

Loss 10 on ten separate detectors and on a shared bank, a targeted attack on one detector, one image, K = 2 to 50 detectors,
the share of the machine's matrix multiplication, peak memory, and what bf16 costs an attack. Everybody attacks the same
images with the same steps, in turns; printed are medians, ratios of medians, what each attack achieved, and every row
that has a limit. The whole takes some twenty minutes on two cores; --quick takes one and shows only that it runs.
On a processor without bf16 everything is in float32; ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 makes any one such.
"""

import argparse
import dataclasses
import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

import torch

from aatviz.runtime import hardware
from aatviz.runtime.files import read_json, write_json, write_text
from benchmarks.peers import memory, precision, running
from benchmarks.peers.cases import CASES, OURS, PEERS, quick
from benchmarks.peers.picture import svg
from benchmarks.peers.rows import rows
from benchmarks.peers.running import precisions
from benchmarks.peers.table import text

MEMORY, BF16 = "memory", "bf16"
NAMES = [*(case.name for case in CASES), MEMORY, BF16]
PACKAGES = ("torch", "torchattacks", "foolbox", "adversarial-robustness-toolbox")
VARIABLES = (
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "ONEDNN_MAX_CPU_ISA",
    "ATEN_CPU_CAPABILITY",
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=(__doc__ or "").partition(":")[0] + ".")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write everything that was measured; with --only, what it holds of other cases stays",
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the speeds as an SVG")
    parser.add_argument("--quick", action="store_true", help="few images, two steps, one round: to see that it runs")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="CASE", default=NAMES, help=f"of {', '.join(NAMES)}")
    parser.add_argument("--threads", type=int, default=2, help="of torch, for everybody (2)")
    return parser.parse_args()


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """All chosen cases. Progress goes to stderr."""
    sample = 200 if chosen.quick else 5000
    result: dict[str, Any] = {"machine": machine(chosen.threads), "quick": chosen.quick, "cases": {}}
    for case in CASES:
        if case.name in chosen.only:
            print(case.name, file=sys.stderr)
            result["cases"][case.name] = running.run(quick(case) if chosen.quick else case, sample)
    if MEMORY in chosen.only:
        print(MEMORY, file=sys.stderr)
        images = 4 if chosen.quick else 64
        found = [
            {"engine": engine, "precision": kind} | memory.in_a_process(engine, kind, images, chosen.threads)
            for engine in (OURS, *PEERS)
            for kind in precisions()
        ]
        result[MEMORY] = {"images": images, "found": found}
    if BF16 in chosen.only and "bf16" in precisions():
        print(BF16, file=sys.stderr)
        result[BF16] = precision.run(20 if chosen.quick else 1000, sample, 2 if chosen.quick else 100)
    return result


def machine(threads: int) -> dict[str, Any]:
    return {
        "processor": hardware.describe("cpu"),
        "platform": platform.platform(),
        "threads": threads,
        "load": os.getloadavg()[0],
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def kept(file: Path, result: dict[str, Any]) -> dict[str, Any]:
    """What `file` holds of other cases, under what was measured now. ValueError where it is of another machine."""
    before = read_json(file)
    same = ("processor", "threads", "versions")
    if before["quick"] != result["quick"] or any(before["machine"][key] != result["machine"][key] for key in same):
        raise ValueError(f"{file} is a run on another machine, or with other versions; measure all cases anew.")
    return before | result | {"machine": before["machine"], "cases": before["cases"] | result["cases"]}


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    try:
        result = measure(chosen)
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error}: pip install --no-deps -r benchmarks/requirements-peers.txt") from error
    if chosen.json and chosen.json.is_file() and chosen.only != NAMES:
        result = kept(chosen.json, result)
    found = rows(result)
    print(text(result, found))
    if chosen.json:
        judged = [dataclasses.asdict(row) | {"met": row.met} for row in found]
        write_json(chosen.json, result | {"rows": judged})
    if chosen.picture:
        write_text(chosen.picture, svg(result))


if __name__ == "__main__":
    main()
