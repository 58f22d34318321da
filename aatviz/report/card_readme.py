"""The README of a checkpoint folder: the card and the honest verdict in words, then tables. Nothing is written by hand."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aatviz import recipes
from aatviz.evaluate import detectors, systems
from aatviz.evaluate.honest.protocol import depends_of
from aatviz.metrics.format import interval, markdown_table, mean_cells, means_of
from aatviz.recipes import plane
from aatviz.recipes.budget import WORD
from aatviz.recipes.evaluation import HonestEvaluation, ThoroughEvaluation, attack_words
from aatviz.report.card_front import front
from aatviz.report.setting import setting
from aatviz.runtime.files import making_sense_of, write_text
from aatviz.runtime.printed import command
from aatviz.store.card import CARD, Card, WeightsFile, read_card
from aatviz.store.results import valid_records


def write_readme(folder: Path) -> None:
    """Write the README of a checkpoint folder from the card and the records in it."""
    write_text(folder / "README.md", readme_of(folder))


def readme_of(folder: Path) -> str:
    """The README of a checkpoint folder, as Markdown. ValueError for a damaged card or record."""
    card, protocol = read_card(folder), HonestEvaluation()
    records = valid_records(folder, card)
    honest = records.get(protocol.name)
    if honest and honest.get("depends") != depends_of(card, protocol):
        honest = None  # of other attacks than today's, or with examples from another system
    with making_sense_of(folder / CARD, "Bring it up to date with `aatviz report SYSTEM --recompute`."):
        return readme(card, honest, records.get(ThoroughEvaluation().name))


def readme(card: Card, honest: dict[str, Any] | None = None, thorough: dict[str, Any] | None = None) -> str:
    """The README, as Markdown, from one card and, where there are such, the records of the honest protocol and of what goes
    beyond it."""
    sections = [front(card, honest, thorough), _weights(card)]
    for name, metrics in card.metrics.items():
        if table := TABLES.get(metrics["kind"]):
            sections.append(table(card, name, metrics))
    sections.append(
        "Every number beside the paper's, as far as measured: `report.md`.\n\n"
        f"Written by `aatviz evaluate {card.system}` from `card.json`. The weights are those that {_training(card)} makes, "
        "rounded to float16; all numbers were measured on those.\n"
    )
    return "\n".join(sections)


def training_minutes(card: Card) -> str:
    """The minutes that the training of the detectors took: "80", or "80 with evaluations" where the weights do not tell the
    evaluations apart."""
    weights = [card.weights[path] for path in card.files.detectors]
    return f"{card.seconds['detectors'] / 60:.0f}{_evaluations(weights)}"


def _weights(card: Card) -> str:
    rows = [
        f"| {path.split('/')[-1]} | {weights.bytes / 1e6:.2f} | {weights.seconds / 60:.1f}{_evaluations([weights])} | "
        f"{weights.seed} | {weights.precision} | {weights.device} |"
        for path, weights in card.weights.items()
    ]
    head = "| weights | MB | training, minutes | seed | precision | on |\n|---|---|---|---|---|---|"
    first = next(iter(card.weights.values()))
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    minutes = f"Minutes of one process with one thread for training the detectors: {training_minutes(card)}."
    data = f"Training data (sha256 of images and labels): `{first.data_hash[:16]}`. Versions: {versions}."
    return "\n".join(["## Weights", "", head, *rows, "", f"{minutes} {data}", *_gaussians(card), ""])


def _training(card: Card) -> str:
    """The command that trains these weights; for a recipe that the command line does not know, the recipe's name."""
    recipe = str(card.recipe.get("name", card.system))
    kind = recipe if recipe.partition(":")[0] == WORD else recipe.removeprefix(f"{card.dataset}-")
    if recipe in recipes.names():
        return f"`{command('train', recipe)}`"
    known = kind.partition(":")[0] in recipes.ANY or plane.named(kind) is not None
    return f"`{command('train', kind, dataset=card.dataset)}`" if known else f"the recipe {recipe}"


def _evaluations(weights: list[WeightsFile]) -> str:
    """The words after a training time: old weights have the time of training and evaluations in one sum."""
    return " with evaluations" if any(row.evaluation_seconds is None for row in weights) else ""


def _gaussians(card: Card) -> list[str]:
    gaussians = card.gaussians
    if not gaussians:
        return []
    shares = gaussians.explained_variance
    grain = f" at grain {gaussians.grain}" if gaussians.grain > 1 else ""
    low_rank = f"rank {gaussians.rank}{grain} ({min(shares):.0%} to {max(shares):.0%} of a class's variance)"
    source = f"from {sum(gaussians.n):,} training images; {gaussians.bytes / 1e6:.2f} MB"
    return ["", f"Class Gaussians: mean, {low_rank} and isotropic rest, {source}."]


def _detector_table(card: Card, name: str, metrics: dict[str, Any]) -> str:
    recipe = metrics["recipe"]
    attacks = list(recipe["attacks"])
    lasts = [attack for attack in attacks if attack in metrics["rows"][0]["last"]]
    published = [attack for attack in attacks if attack in recipe["paper"]]
    columns = ["detector", *(f"paper, {attack}" for attack in published)]
    columns += [*(f"{attack}, last iterate" for attack in lasts), *(f"{attack}, best iterate" for attack in attacks)]
    columns += ["worst of all", "natural out-of-class"]

    def values(row: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = [*(row["last"][attack] for attack in lasts), *(row["best"][attack] for attack in attacks)]
        return [*found, row["worst"], row["natural"]]

    rows = []
    for row in metrics["rows"]:
        cells = [str(row["detector"]), *(f"{row['paper'][attack]:.5f}" for attack in published)]
        rows.append([*cells, *(interval(value, 5) for value in values(row))])
    means, counts = mean_cells(values(means_of(metrics)))
    rows.append(["mean", *(f"{metrics['mean']['paper'][attack]:.5f}" for attack in published), *means])
    rows.append(["n of the mean", *("" for _ in published), *counts])
    settings = "; ".join(f"*{attack}*: {attack_words(spec)}" for attack, spec in recipe["attacks"].items())
    n = metrics["rows"][0]["worst"]["n"]
    words = f"n = {n:,} attacked test images a detector; the intervals of means are a bootstrap over the test images"
    words += ", which the detectors share"
    beside = setting(card) if published else ""
    head = f"## {name}\n\n{beside}{recipe['about']} {words}. {settings}.\n"
    return "\n".join([head, markdown_table([columns, *rows]), ""])


def _system_table(card: Card, name: str, metrics: dict[str, Any]) -> str:
    accuracy = [["accuracy without rejection", "natural test images", "n"]]
    accuracy += [[victim, interval(value), str(value["n"])] for victim, value in metrics["accuracy"].items()]
    error = [["attacked", "loss", "attack", "error without rejection", "n"]]
    for victim, value in metrics["error_without_rejection"].items():
        scenario = metrics["recipe"]["scenarios"][victim]
        settings = attack_words(scenario["attack"])
        error.append([victim, scenario["loss"], settings, interval(value), str(value["n"])])
    return "\n".join(
        [f"## {name}\n\n{metrics['recipe']['about']}\n", markdown_table(accuracy), "", markdown_table(error), ""]
    )


TABLES: dict[str, Callable[[Card, str, dict[str, Any]], str]] = {
    detectors.KIND.name: _detector_table,
    systems.KIND.name: _system_table,
}
"""The kinds of evaluation that have a table in the README; all others are in the report alone."""
