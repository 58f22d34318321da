"""Table 2, L2 5.0: do detectors 0 and 1 come nearer to the paper's with a network of their own, or with its inner attack?

    python -m benchmarks.own_network --out FOLDER      # results/own_network.json; about an hour of one core with bf16

`mnist-l2-5.0-shared` is one network with ten logits. Here the first two detectors are trained further, each alone on a
network of the paper's size: with our few large inner steps, and with 100 of 0.1. Each is then attacked as in table 2, and by
steepest steps. The trainings lie in FOLDER, so that the command goes on after an interruption.
"""

import dataclasses
import itertools
import shutil
from pathlib import Path
from typing import Any

from aatviz import load_system, recipes
from aatviz.metrics.format import interval, markdown_table
from aatviz.recipes import AttackSpec, Job, digest
from aatviz.recipes.mnist_tables import papers_attack
from aatviz.recipes.published import published
from aatviz.runtime.files import read_json, write_json
from aatviz.runtime.hardware import describe
from aatviz.store.weights import load_network
from benchmarks.own_trainings import aucs, folder_given, trained

RESULT = Path(__file__).parent / "results" / "own_network.json"
SYSTEM, DATASET, EPS, DETECTORS, NEGATIVES = "mnist-l2-5.0-shared", "mnist", 5.0, (0, 1), 1000
PAPERS = papers_attack("L2", EPS)
ATTACKS = {
    "200 x 0.1": PAPERS,
    "steepest, 100 x 4": dataclasses.replace(PAPERS, optimizer="steepest", steps=100, step_size=4.0, keep="best"),
}
"""The columns: the paper's attack, and the one that the bank's training is checked by, longer."""
SHARED = "one network with ten logits, as it ships"
OWN, LONG = "a network of its own, our inner attacks", "a network of its own, 100 x 0.1"
STEPS = {OWN: 2000, LONG: 300}


def jobs(target: int) -> dict[str, Job]:
    """The trainings of a detector, by the words of their rows."""
    shipped = recipes.get(SYSTEM).job("shared")
    own = dataclasses.replace(
        shipped,
        name=f"own-{target}",
        method="aat",
        target=target,
        outputs=1,
        steps=STEPS[OWN],
        batch=320,
        learning_rate=3e-4,
        start_from="shared.safetensors",
        validation_count=300,
        seed=target,
    )
    long = AttackSpec(norm="L2", eps=EPS, step_size=0.1, steps=100)
    return {OWN: own, LONG: dataclasses.replace(own, name=f"long-{target}", steps=STEPS[LONG], attack=long)}


def main() -> None:
    """Train what is not there yet, and measure all of it."""
    out = folder_given(__doc__)
    shared = out / "shared.safetensors"
    shutil.copyfile(load_system(SYSTEM).folder / shared.name, shared)
    rows: list[dict[str, Any]] = []
    for target in DETECTORS:
        found = aucs(load_network(shared).eval(), DATASET, target, ATTACKS, NEGATIVES, column=target)
        rows.append({"detector": target, "trained": SHARED, **found})
        for words, job in jobs(target).items():
            found = aucs(load_network(trained(job, DATASET, out)).eval(), DATASET, target, ATTACKS, NEGATIVES)
            rows.append({"detector": target, "trained": words, "recipe_hash": digest(job), **found})
            print(target, words, {name: found[name]["value"] for name in found}, flush=True)
    stored = {"system": SYSTEM, "steps": STEPS, "negatives": NEGATIVES, "device": describe("cpu"), "rows": rows}
    write_json(RESULT, stored)


def table() -> list[str]:
    """The lines of docs/results.md: what is stored, beside the paper's numbers."""
    if not RESULT.is_file():
        return []
    stored = read_json(RESULT)
    paper = published(DATASET, "L2", EPS).tables["table-2"][0]
    columns = itertools.chain(*((words, "paper") if words == "200 x 0.1" else (words,) for words in ATTACKS))
    lines = [["detector", "network and training", *columns, "natural images"]]
    for row in stored["rows"]:
        papers, steepest = (interval(row[words], 4) for words in ATTACKS)
        number = f"{paper[row['detector']]:.4f}"
        lines.append([f"{row['detector']}", row["trained"], papers, number, steepest, interval(row["natural"], 4)])
    text = (
        "Capacity and inner attack behind the same gap: AUC of detectors, with 95 % intervals, on "
        f"{stored['negatives']:,} out-of-class test images at L2 5.0. Each began as its logit of the bank as it ships, and "
        f"was trained further alone, on a network of the paper's size: for {stored['steps'][OWN]:,} updates with the bank's "
        f"own inner attacks, or for {stored['steps'][LONG]} with Adam 100 x 0.1, from the image itself "
        f"(`python -m benchmarks.own_network`; {stored['device']}):"
    )
    return ["", text, "", markdown_table(lines)]


if __name__ == "__main__":
    main()
