"""Training on two cores: python -m benchmarks.training curve | test | pace | speed [CANDIDATE ...]

`curve`: banks from random weights by each candidate recipe; mean AUC over the updates. Runs resume where they were cut off,
and lie in runs/training-study.
`test`: what the shared banks come to under the paper's attack, on test images.
`pace` (on an idle machine): the seconds of an update of every candidate, in turns in one run; with them the time to 0.998.
`speed` (on an idle machine): sample-steps per second of the inner attack inside training, beside the engine alone.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

from aatviz import hardware
from aatviz.store.files import read_json, write_json, write_text
from aatviz.store.systems import system_folder
from benchmarks.training import candidates, curve, speed
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
    stored: dict[str, Any] = read_json(chosen.json) if chosen.json.is_file() else {}
    stored |= {"target": candidates.TARGET, "torch": torch.__version__}
    curves, tests = stored.setdefault("curves", {}), stored.setdefault("tests", {})
    timed = {"processor": hardware.describe("cpu"), "threads": chosen.threads}
    for name in chosen.candidates or candidates.names():
        if chosen.what == "curve":
            print(name, file=sys.stderr)
            curves[name] = _curve(name)
        elif chosen.what == "test" and name != candidates.SEPARATE:
            shipped = name == candidates.SHIPPED.name
            weights = system_folder(candidates.SYSTEM) / "shared" if shipped else FOLDER / name
            tests[name] = curve.test(candidates.get(name), "mnist", weights.with_suffix(".safetensors"), chosen.n)
        write_json(chosen.json, stored)
    if chosen.what == "speed":
        stored["speed"] = speed.run(chosen.rounds, UPDATES) | timed
        print(speed.table(stored["speed"]))
    if chosen.what == "pace":
        jobs = {name: candidates.get(name) for name in curves}
        stored["pace"] = timed | {"seconds": speed.pace(jobs, chosen.rounds, UPDATES)}
    write_json(chosen.json, stored)
    print(*curve.tests(tests), sep="\n")
    if "pace" in stored and stored["pace"]["seconds"].keys() == curves.keys():
        for name, row in curves.items():
            row["timed"] = curve.timed(curves, stored["pace"]["seconds"], name)
            row["seconds_to_target"] = curve.reached(row["timed"])
        write_json(chosen.json, stored)
        print(curve.table(curves))
        write_text(
            chosen.picture, svg({name: row["timed"] for name, row in curves.items()}, f"{stored['pace']['threads']} cores")
        )


def _curve(name: str) -> dict[str, Any]:
    if name == candidates.SHIPPED.name:
        return curve.shipped(candidates.COSINES, system_folder(candidates.SYSTEM) / "history" / "shared.json")
    if name == candidates.SEPARATE:
        curve.run(candidates.get(candidates.FIRST), "mnist", FOLDER)
        return curve.run_separate(candidates.DETECTORS, "mnist", FOLDER, candidates.FIRST)
    return curve.run(candidates.get(name), "mnist", FOLDER)


if __name__ == "__main__":
    main()
