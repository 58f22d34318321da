"""Peak memory of one engine in a process of its own: python -m benchmarks.peers.memory ENGINE PRECISION IMAGES THREADS

Linux only: the kernel keeps the peak of a process's resident memory, and sets it back on request. The bank is loaded, the
engine is prepared, the peak is set back; then the engine attacks one batch. Prints JSON, in bytes.
"""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.peers.cases import CASES, SEPARATE, Contestant, batches
from benchmarks.peers.engines import ENGINES
from benchmarks.peers.running import job

ROOT = Path(__file__).parents[2]
STEPS = 4
"""Enough for everything that an attack keeps to be there."""


def resident() -> tuple[int, int]:
    """Resident memory of this process in bytes, now and at its peak."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    now, peak = (int(lines[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))
    return now, peak


def measure(engine: str, precision: str, images: int) -> dict[str, int]:
    """Resident memory before the attack, and its peak in it: as such, and beyond what was there before."""
    case = next(case for case in CASES if case.name == "detectors-max-64")
    case = dataclasses.replace(case, images=images, steps=STEPS, rounds=0, banks=(SEPARATE,))
    attack = ENGINES[engine](job(case, Contestant(engine, precision, SEPARATE)))
    x, y = batches(case)[0]
    Path("/proc/self/clear_refs").write_text("5")
    before = resident()[0]
    attack(x, y)
    peak = resident()[1]
    return {"before": before, "peak": peak, "grown": peak - before}


def in_a_process(engine: str, precision: str, images: int, threads: int) -> dict[str, int]:
    """The same in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.peers.memory", engine, precision, str(images), str(threads)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"Measuring the memory of {engine} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[4]))
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
