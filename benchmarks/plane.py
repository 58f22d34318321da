"""What models of points of the plane have learned: the numbers that the Playground quotes, over several seeds.

    python -m benchmarks.plane            # results/plane.json; some fifteen minutes of one core

Every seed is another draw of the points and other first weights. The attack is ten times as long as in training, with steps
a tenth as large, and the best of its iterates counts. A row whose recipe has not changed is kept, so that the command goes
on after an interruption.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import torch

from aatviz.data import toy
from aatviz.explore.plane import measures
from aatviz.recipes import AttackSpec, digest, plane
from aatviz.recipes.plane import PlaneSettings
from aatviz.runtime.files import read_json, write_json
from aatviz.runtime.hardware import describe
from aatviz.train.updates import Updates

RESULT = Path(__file__).parent / "results" / "plane.json"
ATTACK = AttackSpec(eps=0.05, step_size=0.00125, steps=100, optimizer="steepest", random_start=True, keep="best")
ROWS: list[tuple[toy.Kind, str, PlaneSettings, int]] = [
    ("moons", "classifier", PlaneSettings(updates=500), 5),
    ("moons", "classifier", PlaneSettings(), 5),
    ("moons", "robust", PlaneSettings(eps=0.05), 5),
    ("moons", "shared", PlaneSettings(eps=0.05), 5),
    ("moons", "shared", PlaneSettings(eps=0.15), 5),
    ("moons", "shared", PlaneSettings(eps=0.5), 5),
    ("moons", "shared", PlaneSettings(eps=0.15, anywhere=0.1), 5),
    ("moons", "shared", PlaneSettings(eps=0.15, anywhere=0.2), 5),
    ("moons", "shared", PlaneSettings(eps=0.15, anywhere=0.5), 5),
    ("blobs", "shared", PlaneSettings(eps=0.15), 2),
    ("blobs", "shared", PlaneSettings(eps=0.15, anywhere=0.5), 2),
    ("rings", "shared", PlaneSettings(eps=0.15), 2),
    ("rings", "shared", PlaneSettings(eps=0.15, anywhere=0.5), 2),
]
"""Points, model, settings, and how many seeds."""


def keys() -> dict[str, tuple[toy.Kind, str, PlaneSettings, int]]:
    """The rows by a key that changes with their recipes."""
    found: dict[str, tuple[toy.Kind, str, PlaneSettings, int]] = {}
    for kind, job, settings, seeds in ROWS:
        recipe = plane.recipe(toy.dataset(toy.Plane(kind=kind)), settings)
        found[f"{kind} {job} {digest(recipe.job(job))} {seeds}"] = kind, job, settings, seeds
    return found


def measured(points: toy.Plane, job: str, settings: PlaneSettings) -> dict[str, Any]:
    """Train one model and measure it: its AUCs on test points; thresholds and distances are those of training points."""
    known = toy.dataset(points)
    training, test = known.open("train"), known.open("test")
    updates = Updates(plane.recipe(known, settings).job(job), training.bytes(), training.labels)
    started = time.process_time()
    while not updates.done:
        updates.make()
    seconds = time.process_time() - started
    network = updates.learner.judged.eval()
    limits = measures.usual_thresholds(network, training.images(), training.labels)
    natural, adversarial = measures.aucs(network, test.images(), test.labels, ATTACK, count=500)
    return {
        "seconds": round(seconds, 1),
        "natural_auc": round(natural, 4),
        "auc": round(adversarial, 4),
        "far": round(measures.far_accepted(network, training.images(), limits), 4),
        "climbed": round(measures.climbed(network, training.images(), training.labels), 4),
    }


def main() -> None:
    """Measure what is not stored yet."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    known = {row["key"]: row for row in read_json(RESULT)["rows"]} if RESULT.exists() else {}
    for key, (kind, job, settings, seeds) in keys().items():
        if key not in known:
            runs = [
                measured(toy.Plane(kind=kind, seed=seed), job, dataclasses.replace(settings, seed=seed))
                for seed in range(seeds)
            ]
            said = {
                "points": kind,
                "model": job,
                "recipe": settings.name,
                "eps": settings.eps,
                "anywhere": settings.anywhere,
            }
            values = {name: [run[name] for run in runs] for name in runs[0]}
            known[key] = {"key": key, **said, "seeds": seeds, **values}
            print(json.dumps(known[key]), flush=True)
        write_json(
            RESULT,
            {
                "attack": dataclasses.asdict(ATTACK),
                "share": measures.SHARE,
                "far_distance": measures.FAR,
                "near_distance": measures.NEAR,
                "negatives": 500,
                "noise": 200,
                "device": describe("cpu"),
                "rows": [known[one] for one in keys() if one in known],
            },
        )


if __name__ == "__main__":
    main()
