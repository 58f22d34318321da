"""Table 18: a detector whose inner attack took coarse steps, under an attack of fine ones.

    python -m benchmarks.coarse_steps --out FOLDER      # results/coarse_steps.json; forty minutes of one core with bf16

Detectors of CIFAR-10's first class, as in the paper's appendix C.2.2: they are finetuned from the natural classifier's logit
for L-inf 2/255, with ten steps of 0.5/255 or with ten of 1/255. Each is then attacked with ten steps of 0.5/255 and with
forty of 0.1/255. The network is the natural classifier of `cifar10-linf-8-shared`. The trainings lie in
FOLDER, so that the command goes on after an interruption.
"""

import dataclasses
import itertools
import shutil
from pathlib import Path

from aatviz import load_system, recipes
from aatviz.data import dataset
from aatviz.metrics.format import interval, markdown_table
from aatviz.recipes import AttackSpec, Job, digest
from aatviz.recipes.published import published
from aatviz.runtime.files import read_json, write_json
from aatviz.runtime.hardware import describe
from aatviz.store.results import read_history
from aatviz.store.weights import load_network
from benchmarks.own_trainings import aucs, folder_given, trained

RESULT = Path(__file__).parent / "results" / "coarse_steps.json"
SYSTEM, DATASET, EPS, STEPS = "cifar10-linf-8-shared", "cifar10", 2 / 255, 1500
NEGATIVES = 1000
SAME = 0.01
"""AUCs that lie within this are called the same: their intervals are as wide."""
FINE = AttackSpec(eps=EPS, step_size=0.5 / 255, steps=10, optimizer="steepest")
ATTACKS = {"10 x 0.5/255": FINE, "40 x 0.1/255": dataclasses.replace(FINE, step_size=0.1 / 255, steps=40)}
"""The columns of the table."""
COARSE = dataclasses.replace(FINE, step_size=1 / 255)
TRAININGS = {
    "10 x 0.5/255": dataclasses.replace(FINE, random_start=True),
    "10 x 1/255": dataclasses.replace(COARSE, random_start=True),
    "10 x 0.5/255, from the image": FINE,
    "10 x 1/255, from the image": COARSE,
    "10 x 2/255, from the image": dataclasses.replace(FINE, step_size=EPS),
    "1 x 2/255, from the image": dataclasses.replace(FINE, step_size=EPS, steps=1),
}
"""Its rows: inner attacks that start anywhere in the ball, and others that start at the image itself. The paper does not
say which of them its table has. Steps as long as eps are coarser than its coarse ones, and a single one is the coarsest."""


def jobs() -> dict[str, Job]:
    """The trainings: as in the authors' code, but shorter, and with crops that move twice as far. Of six checkpoints the
    best under the fine attack is kept; the record says which one that was."""
    arch = recipes.get(SYSTEM).job("classifier").arch
    return {
        words: Job(
            name=f"detector-{words.replace(' ', '').replace('/', '-').replace(',', '-')}",
            method="aat",
            target=0,
            network="preact",
            arch=arch,
            outputs=1,
            steps=STEPS,
            batch=300,
            learning_rate=5e-4,
            weight_decay=4e-4,
            attack=inner,
            start_from="classifier.safetensors",
            validation_attack=FINE,
            validation_count=250,
            evaluations=6,
            seed=0,
            shift=4,
            flip=True,
            optimizer="sgd",
            decay=False,
        )
        for words, inner in TRAININGS.items()
    }


def main() -> None:
    """Train what is not there yet, and measure both."""
    out = folder_given(__doc__)
    system = load_system(SYSTEM)
    shutil.copyfile(system.folder / system.card.files.classifier, out / "classifier.safetensors")
    rows = {}
    for words, job in jobs().items():
        file = trained(job, DATASET, out)
        rows[words] = {
            "recipe_hash": digest(job),
            "step": _kept(out, job.name),
            **aucs(load_network(file).eval(), DATASET, 0, ATTACKS, NEGATIVES),
        }
        print(words, {name: value["value"] for name, value in rows[words].items() if isinstance(value, dict)}, flush=True)
    write_json(
        RESULT,
        {
            "system": SYSTEM,
            "class": 0,
            "steps": STEPS,
            "negatives": NEGATIVES,
            "attacks": {words: dataclasses.asdict(spec) for words, spec in ATTACKS.items()},
            "paper": dict(zip(TRAININGS, 2 * (_paper(), PAPERS_COARSE), strict=False)),
            "device": describe("cpu"),
            "trainings": rows,
        },
    )


def _kept(out: Path, name: str) -> int:
    """The step whose weights were kept: that of the highest AUC under the fine attack."""
    history = read_history(out / "history" / f"{name}.json")
    return int(max(history, key=lambda row: row["validation_adversarial"])["step"])


PAPERS_COARSE = dict(zip(ATTACKS, (0.9965, 0.8848), strict=True))
"""The paper's detector that was trained with coarse steps."""


def _paper() -> dict[str, float]:
    """The paper's detector that was trained with fine steps."""
    numbers = published(DATASET, "Linf", EPS).tables["table-18"]
    return {words: values[0] for words, values in zip(ATTACKS, numbers, strict=True)}


def table() -> list[str]:
    """The lines of docs/results.md: what is stored, beside the paper's numbers."""
    if not RESULT.is_file():
        return []
    stored = read_json(RESULT)
    rows = [["trained with", *itertools.chain(*((f"under {words}", "paper") for words in ATTACKS)), "natural images"]]
    for words, row in stored["trainings"].items():
        paper = stored["paper"].get(words)
        pairs = [(interval(row[attacked]), f"{paper[attacked]:.4f}" if paper else "") for attacked in ATTACKS]
        rows.append([words, *itertools.chain(*pairs), interval(row["natural"])])
    values = [row[attacked]["value"] for row in stored["trainings"].values() for attacked in ATTACKS]
    spread = max(values) - min(values)
    found = "is not reproduced" if spread < SAME else "shows here as well"
    last = sum(row["step"] == stored["steps"] for row in stored["trainings"].values())
    text = (
        "Coarse steps in training (table 18): AUC of detectors of the class "
        f"{dataset(DATASET).classes[stored['class']]}, with 95 % intervals, on {stored['negatives']:,} out-of-class test "
        f"images at L-inf 2/255. They were finetuned for {stored['steps']:,} steps from the natural classifier of "
        f"`{stored['system']}`, and differ only in the inner attack of their training, which starts anywhere in the ball "
        "or at the image; the paper's were trained for longer, and it does not say from where. Kept are the weights that "
        f"did best under the fine attack on validation images, in {last} of {len(stored['trainings'])} trainings the last. "
        f"All AUCs under attack lie within {spread:.4f}: that coarse steps in training fail against fine ones {found} "
        "(`python -m benchmarks.coarse_steps`):"
    )
    return ["", text, "", markdown_table(rows)]


if __name__ == "__main__":
    main()
