"""Table 3: does the longer inner attack of the paper's training leave the detectors harder to move in L2?

    python -m benchmarks.longer_attack --out FOLDER      # results/longer_attack.json; about two hours of one core

The shared banks for L-inf 0.3 and 0.5 were trained with few large inner steps, the paper's detectors with 100 of 0.01.
Here each bank is trained further, once with either, all else being equal. Then all are searched for the smallest distortion,
on the same images, and attacked inside their ball. The trainings lie in FOLDER, so that the command goes on after an
interruption.
"""

import dataclasses
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from aatviz import load_system, recipes
from aatviz.evaluate.engine import kind_of
from aatviz.metrics import Z95
from aatviz.metrics.format import interval, markdown_table
from aatviz.models.detectors import DetectorBank
from aatviz.recipes import Job, digest
from aatviz.recipes.evaluation import DetectorEvaluation, DistortionEvaluation, Evaluation
from aatviz.recipes.mnist_tables import papers_attack
from aatviz.recipes.paper import evaluations
from aatviz.recipes.published import published
from aatviz.runtime.files import read_json, write_json
from aatviz.runtime.hardware import describe, fast_bf16
from aatviz.store.systems import System
from aatviz.store.weights import load_network
from benchmarks.own_trainings import folder_given, trained

RESULT = Path(__file__).parent / "results" / "longer_attack.json"
DATASET = "mnist"
SYSTEMS = ("mnist-linf-0.3-shared", "mnist-linf-0.5-shared")
STEPS, BATCH = 400, 96
OURS, PAPERS = "our inner attack", "100 x 0.01"
SHIPPED = "as it ships"
IMAGES = 100
"""Images of the search, and negatives of each detector."""


def jobs(name: str) -> dict[str, Job]:
    """The further trainings of a system's bank, by their inner attack: the recipe's own, and Adam with the paper's steps."""
    shipped = recipes.get(name).job("shared")
    first = shipped.attack[0] if isinstance(shipped.attack, tuple) else shipped.attack
    further = dataclasses.replace(
        shipped, start_from="shared.safetensors", steps=STEPS, batch=BATCH, learning_rate=2e-4, evaluations=2, seed=400
    )
    return {
        OURS: dataclasses.replace(further, name="shared-ours"),
        PAPERS: dataclasses.replace(
            further, name="shared-papers", attack=dataclasses.replace(first, steps=100, step_size=0.01)
        ),
    }


def measured(system: System) -> dict[str, Any]:
    """The search of table 3, with each image's distance ("distances"), and the mean AUC inside the ball."""
    search = dataclasses.replace(_search(), count=IMAGES)
    found = _scores(system, search)
    ball = DetectorEvaluation(
        name="ball",
        about="",
        attacks={"paper's": papers_attack("Linf", system.card.eps)},
        count=IMAGES,
        detectors=tuple(range(system.card.classes)),
    )
    auc = kind_of(ball).summary(system, ball, _scores(system, ball))
    return {
        **kind_of(search).summary(system, search, found),
        "distances": [None if np.isnan(one) else round(float(one), 4) for part in found.values() for one in part["last"]],
        "auc": auc["mean_intervals"]["last"]["paper's"],
        "natural": auc["mean_intervals"]["natural"],
    }


def _search() -> DistortionEvaluation:
    found = evaluations(DATASET, "Linf", 0.3)["table-3"]
    assert isinstance(found, DistortionEvaluation)
    return found


def _scores(system: System, recipe: Evaluation) -> dict[str, dict[str, Any]]:
    """The arrays of every part of an evaluation that is not to be stored."""
    kind, found = kind_of(recipe), {}
    for part in kind.parts(system, recipe):
        starts = range(0, part.count, kind.chunk)
        rows = [slice(start, min(start + kind.chunk, part.count)) for start in starts]
        chunks = [kind.compute(system, recipe, part, chunk, fast_bf16("cpu")) for chunk in rows]
        names = dict.fromkeys(name for chunk in chunks for name in chunk)
        found[part.name] = {name: np.concatenate([chunk[name] for chunk in chunks if name in chunk]) for name in names}
    return found


def main() -> None:
    """Train what is not there yet, and measure all of it."""
    out = folder_given(__doc__)
    stored: dict[str, Any] = {"steps": STEPS, "images": IMAGES, "device": describe("cpu"), "systems": {}}
    for name in SYSTEMS:
        system, folder = load_system(name), out / name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(system.folder / "shared.safetensors", folder / "shared.safetensors")
        rows = {SHIPPED: _kept(folder / f"shipped-{system.card.weights_hash}-{IMAGES}.json", system)}
        for words, job in jobs(name).items():
            network = load_network(trained(job, DATASET, folder)).eval()
            bank = DetectorBank([network.requires_grad_(False)], system.card.classes)
            rows[words] = {
                "recipe_hash": digest(job),
                **_kept(folder / f"{job.name}-{digest(job)}-{IMAGES}.json", dataclasses.replace(system, detectors=bank)),
            }
        stored["systems"][name] = {"paper": published(DATASET, "Linf", system.card.eps).distortion, "rows": rows}
    write_json(RESULT, stored)


def _kept(file: Path, system: System) -> dict[str, Any]:
    if not file.is_file():
        write_json(file, measured(system))
    found: dict[str, Any] = read_json(file)
    print(file.stem, found["distortion"]["last"], found["auc"], flush=True)
    return found


def _further(row: dict[str, Any], shipped: dict[str, Any]) -> str:
    """How much farther the images had to be moved than for the bank as it ships: the mean difference, with its interval."""
    pairs = np.array([row["distances"], shipped["distances"]], dtype=float)
    moved = (pairs[0] - pairs[1])[~np.isnan(pairs).any(0)]
    mean, half = float(moved.mean()), Z95 * float(moved.std(ddof=1)) / math.sqrt(len(moved))
    return f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})"


def table() -> list[str]:
    """The lines of docs/results.md."""
    if not RESULT.is_file():
        return []
    stored = read_json(RESULT)
    head = ["bank", "trained further with", "mean L2 distortion", "paper", "difference, same images", "AUC in its ball"]
    lines = [[*head, "natural AUC"]]
    for name, found in stored["systems"].items():
        for words in (SHIPPED, OURS, PAPERS):
            row, shipped = found["rows"][words], words == SHIPPED
            mean, paper = interval(row["distortion"]["last"], 2), f"{found['paper'][0]:.2f}"
            further = "" if shipped else _further(row, found["rows"][SHIPPED])
            lines.append([f"`{name}`", words, mean, paper, further, interval(row["auc"]), interval(row["natural"])])
    text = (
        "The inner attack of the training, and the L2 distortion of table 3: the shared banks, trained for "
        f"{stored['steps']} further steps with our inner attack or with the paper's. The search of table 3, and the paper's "
        f"attack in the ball of the training, on {stored['images']} images (for each detector), with 95 % intervals "
        f"(`python -m benchmarks.longer_attack`; {stored['device']}):"
    )
    return ["", text, "", markdown_table(lines)]


if __name__ == "__main__":
    main()
