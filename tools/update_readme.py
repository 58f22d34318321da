"""Write the measured tables of README.md from the cards in checkpoints/.

python tools/update_readme.py           # rewrite them
python tools/update_readme.py --check   # exit with 1 where they are out of step
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aatviz.recipes.evaluation import EVALUATIONS, HUNDRED
from aatviz.store.files import read_json, write_text
from aatviz.store.readme import attack_words, headline, interval, markdown_table
from aatviz.store.systems import CARD, checkpoints_folder, systems

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    fresh = f"{head}{BEGIN}\n\n{tables()}\n{END}{rest.split(END)[1]}"
    if "--check" in sys.argv:
        sys.exit("README.md is out of step with the cards: run python tools/update_readme.py" if fresh != text else 0)
    write_text(README, fresh)


def tables() -> str:
    """The tables of all shipped systems, as far as they have been measured."""
    cards = [read_json(checkpoints_folder() / name / CARD) for name in systems()]
    return "\n".join([*_auc_table(cards), _classifier_table(cards), ""])


def _auc_table(cards: list[dict[str, Any]]) -> list[str]:
    """The paper's attack and the worst case, a column for every record that is there."""
    paper, hard = EVALUATIONS["table-11"], EVALUATIONS["worst-case"]
    columns = [(card, recipe) for recipe in (paper, hard) for card in cards if recipe.name in card["metrics"]]
    if not columns:
        return []
    titles = {"table-11": "the paper's attack", "worst-case": "worst case"}
    rows = [["detector", "paper", *(f"{card['kind']}, {titles[recipe.name]}" for card, recipe in columns)]]
    records = [card["metrics"][recipe.name] for card, recipe in columns]
    for k, value in enumerate(paper.paper):
        rows.append([str(k), f"{value:.5f}", *(interval(headline(record["rows"][k]), 5) for record in records)])
    means = [sum(paper.paper) / len(paper.paper), *(headline(record["mean"]) for record in records)]
    rows.append(["mean", *(f"{mean:.5f}" for mean in means)])
    (attack,) = paper.attacks.values()
    words = (
        "AUC of the base detectors, natural in-class against attacked out-of-class test images, with 95 % intervals. "
        f"The paper's attack: {attack_words(asdict(attack))}, n = {paper.count:,} a detector. "
        f"Worst case: the best iterate of each image over {', '.join(hard.attacks)}, 3 random restarts each, "
        f"n = {hard.count} a detector."
    )
    return [words, "", markdown_table(rows), ""]


def _classifier_table(cards: list[dict[str, Any]]) -> str:
    rows = [["system", "attacked", "accuracy on natural images", "loss", "error on attacked images, nothing rejected", "n"]]
    for card in cards:
        record = card["metrics"].get("curves", {"error_without_rejection": {}})
        for victim, error in record["error_without_rejection"].items():
            accuracy = record["accuracy"]["classifier" if victim == "integrated" else victim]
            loss = record["recipe"]["scenarios"][victim]["loss"]
            rows.append([card["system"], victim, interval(accuracy), loss, interval(error), f"{error['n']:,}"])
    return (
        f"Whole systems before any rejection, each attacked on its own loss: {attack_words(asdict(HUNDRED))}. "
        f"Attacked images are spread evenly over the test set.\n\n{markdown_table(rows)}"
    )


if __name__ == "__main__":
    main()
