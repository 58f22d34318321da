"""Training on two cores: python -m benchmarks.training speed | curve [CANDIDATE ...] (on an idle machine)

`speed`: sample-steps per second of the inner attack inside training, beside the engine alone, in turns in one run.
`curve`: the shared bank from random weights by each candidate recipe; mean AUC over the seconds of training, and the time to
0.998. Runs resume where they were cut off, and lie in runs/training-study.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

from aatviz import hardware
from aatviz.store.files import read_json, write_json, write_text
from benchmarks.training import candidates, curve, speed

FOLDER = Path("runs") / "training-study"
RESULTS = Path(__file__).parents[1] / "results"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("what", choices=("speed", "curve"))
    parser.add_argument("candidates", nargs="*", metavar="CANDIDATE", help=f"of {', '.join(candidates.names())}")
    parser.add_argument("--json", type=Path, metavar="FILE", default=RESULTS / "training.json", help="what is added to")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", default=RESULTS / "training.svg", help="the curves as an SVG"
    )
    parser.add_argument("--threads", type=int, default=2, help="of torch (2)")
    parser.add_argument("--rounds", type=int, default=7, help="of the speed test (7)")
    chosen = parser.parse_args()
    if unknown := set(chosen.candidates) - set(candidates.names()):
        parser.error(f"there is no candidate {', '.join(sorted(unknown))}; there are {', '.join(candidates.names())}")
    return chosen


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    stored: dict[str, Any] = read_json(chosen.json) if chosen.json.is_file() else {"target": candidates.TARGET, "curves": {}}
    stored["processor"], stored["torch"] = hardware.describe("cpu"), torch.__version__
    if chosen.what == "speed":
        stored["speed"] = speed.run(chosen.rounds, updates=4) | {"threads": chosen.threads}
        print(speed.table(stored["speed"]))
        write_json(chosen.json, stored)
        return
    for name in chosen.candidates or candidates.names():
        print(name, file=sys.stderr)
        stored["curves"][name] = curve.run(candidates.get(name), "mnist", FOLDER)
        write_json(chosen.json, stored)
    print(curve.table(stored["curves"]))
    write_text(chosen.picture, curve.svg(stored["curves"]))


if __name__ == "__main__":
    main()
