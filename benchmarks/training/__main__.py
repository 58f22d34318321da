"""Training on two cores: python -m benchmarks.training curve | test | pace | speed [CANDIDATE ...]

`curve`: banks from random weights by each candidate recipe; mean AUC over the updates. Runs resume where they were cut off,
and lie in runs/training-study.
`test`: what the shared banks come to under the paper's attack, on test images.
`pace` (on an idle machine): the seconds of an update of every candidate, in turns in one run; with them the time to 0.998.
`speed` (on an idle machine): sample-steps per second of the inner attack inside training, beside the engine alone.

Runs may write into the same file at the same time. A row of another recipe than today's of that name is not shown.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

from aatviz.runtime import hardware
from aatviz.runtime.files import write_text
from aatviz.store.systems import system_folder
from aatviz.store.weights import read_note
from benchmarks.training import candidates, curve, speed, stored
from benchmarks.training.picture import svg

FOLDER = Path("runs") / "training-study"
RESULTS = Path(__file__).parents[1] / "results"
UPDATES = 4
"""In a round of `pace` and `speed`."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("what", choices=("curve", "test", "pace", "speed"))
    parser.add_argument("candidates", nargs="*", metavar="CANDIDATE", help=f"of {', '.join(candidates.names())}")
    parser.add_argument("--json", type=Path, metavar="FILE", default=RESULTS / "training.json", help="what is added to")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", default=RESULTS / "training.svg", help="the curves as an SVG"
    )
    parser.add_argument("--threads", type=int, default=2, help="of torch (2)")
    parser.add_argument("--rounds", type=int, default=7, help="of pace and speed (7)")
    parser.add_argument("--n", type=int, default=500, help="attacked images for each detector in a test (500)")
    chosen = parser.parse_args()
    if unknown := set(chosen.candidates) - set(candidates.names()):
        parser.error(f"there is no candidate {', '.join(sorted(unknown))}; there are {', '.join(candidates.names())}")
    return chosen


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    timed = {"processor": hardware.describe("cpu"), "threads": chosen.threads}
    if chosen.what == "speed":
        found = speed.run(chosen.rounds, UPDATES) | timed
        stored.put(chosen.json, speed=found)
        print(speed.table(found))
    elif chosen.what == "pace":
        jobs = {name: candidates.get(name) for name in stored.todays(stored.load(chosen.json), "curves")}
        if not jobs:
            sys.exit(f"{chosen.json} has no curve whose updates could be timed: python -m benchmarks.training curve")
        stored.put(chosen.json, pace=timed | {"seconds": speed.pace(jobs, chosen.rounds, UPDATES)})
    else:
        for name in chosen.candidates or candidates.names():
            print(name, file=sys.stderr)
            if chosen.what == "curve":
                stored.add(chosen.json, "curves", name, _curve(name))
            elif weights := _weights(name):
                found = curve.test(candidates.get(name), "mnist", weights, chosen.n)
                stored.add(chosen.json, "tests", name, found)
    show(chosen.json, chosen.picture)


def show(file: Path, picture: Path) -> None:
    """Print what is stored of today's candidates, and draw the curves that were timed."""
    found = stored.load(file)
    for line in curve.tests(stored.todays(found, "tests")):
        print(line)
    rows, pace = stored.todays(found, "curves"), found.get("pace", {"seconds": {}})
    timed = curve.with_times(rows, pace["seconds"])
    if untimed := ", ".join(name for name in rows if name not in timed):
        words = "left out, as `pace` has not timed them or the bank that they start from"
        print(f"table and picture: {words}: {untimed}", file=sys.stderr)
    plain = {name: {key: row[key] for key in row if key not in curve.TIMES} for name, row in found["curves"].items()}
    stored.put(file, curves=plain | timed)
    if timed:
        print(curve.table(timed))
        write_text(picture, svg({name: row["timed"] for name, row in timed.items()}, f"{pace['threads']} cores"))


def _weights(name: str) -> Path | None:
    """The trained bank of a candidate; None, and stderr says why, where it is not there as the recipe is today."""
    if name == candidates.SEPARATE:
        print(f"{name} is left out: only shared banks are tested", file=sys.stderr)
        return None
    shipped = name == candidates.SHIPPED.name
    file = (system_folder(candidates.SYSTEM) / "shared" if shipped else FOLDER / name).with_suffix(".safetensors")
    why = "" if file.is_file() else "is missing"
    if not why and read_note(file).get("recipe_hash") != stored.recipe_hash("tests", name):
        why = "was made by another recipe than today's"
    if why:
        print(f"{name} is left out: {file} {why}; python -m benchmarks.training curve {name}", file=sys.stderr)
    return None if why else file


def _curve(name: str) -> dict[str, Any]:
    if name == candidates.SHIPPED.name:
        return curve.shipped(candidates.COSINES, system_folder(candidates.SYSTEM) / "history" / "shared.json")
    if name == candidates.SEPARATE:
        curve.run(candidates.get(candidates.FIRST), "mnist", FOLDER)
        return curve.run_separate(candidates.DETECTORS, "mnist", FOLDER, candidates.FIRST)
    job = candidates.get(name)
    if job.start_from:
        curve.run(candidates.get(Path(job.start_from).stem), "mnist", FOLDER)
    return curve.run(job, "mnist", FOLDER)


if __name__ == "__main__":
    main()
