"""The tables of docs/results.md that come from the systems' records in checkpoints/."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from aatviz.data.registry import dataset
from aatviz.data.spec import written
from aatviz.evaluate import stored
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.metrics.format import headline, interval, markdown_table, mean_cells, means_of
from aatviz.recipes.evaluation import DetectorEvaluation, HonestEvaluation, ThoroughEvaluation, attack_words
from aatviz.recipes.paper import WORST_CASE, all_detectors, evaluations
from aatviz.recipes.published import Threat
from aatviz.report import FILE as REPORT
from aatviz.report.setting import setting
from aatviz.report.subsample import named
from aatviz.store.card import Card
from aatviz.store.results import valid_records
from aatviz.store.systems import System, load_system, systems

Measured = tuple[Card, dict[str, dict[str, Any]]]
"""A system's card, and those of its records that count, by the recipe's name."""

OTHER_IMAGES = " Another count means other images, so that a worst case may stand above the paper's attack."


def tables() -> str:
    """The tables of all shipped systems, as far as they have been measured."""
    found = [load_system(name) for name in systems()]
    measured = [(system.card, valid_records(system.folder, system.card)) for system in found]
    threats = dict.fromkeys(system.card.threat for system in found)
    parts = [line for threat in threats for line in _auc_table(threat, measured)]
    return "\n".join(
        [*parts, _classifier_table(measured), "", *_honest_table(found), *_thorough_table(found), *_reports(found)]
    )


def _auc_table(threat: Threat, measured: list[Measured]) -> list[str]:
    """The paper's attack and the worst case on the systems trained for one ball, a column for every record that is there."""
    paper, hard = (evaluations(*threat)[name] for name in (all_detectors(*threat), WORST_CASE))
    assert isinstance(paper, DetectorEvaluation)
    assert isinstance(hard, DetectorEvaluation)
    same = [(card, records) for card, records in measured if card.threat == threat]
    titles = {paper.name: "the paper's attack", hard.name: "worst case"}
    columns = [(card.kind, name, records[name]) for name in titles for card, records in same if name in records]
    if not columns:
        return []
    aucs = [[headline(row) for row in record["rows"]] for _, _, record in columns]
    published = next(iter(paper.paper.values()), None)
    head = ["detector", *(["paper"] if published else [])]
    rows = [[*head, *(f"{kind}, {titles[name]}" for kind, name, _ in columns)]]
    for place, k in enumerate(row["detector"] for row in columns[0][2]["rows"]):
        cells = [str(k), *([f"{published[place]:.5f}"] if published else [])]
        rows.append([*cells, *(interval(values[place], 5) for values in aucs)])
    alone = len(rows) == 2
    means, sums = mean_cells(headline(means_of(record)) for _, _, record in columns)
    if not alone:
        rows.append(["mean", *([f"{sum(published) / len(published):.5f}"] if published else []), *means])
    rows.append(["n" if alone else "n of the mean", *([""] if published else []), *sums])
    ((_, attack),) = paper.attacks.items()
    counts: dict[str, list[str]] = {}
    for title, values in zip(rows[0][len(head) :], aucs, strict=True):
        counts.setdefault(_range(value["n"] for value in values), []).append(title)
    attacked = "; ".join(f"{n} ({' and '.join(named)})" for n, named in counts.items())
    words = (
        f"{dataset(threat[0]).name_of(same[0][0].data_hash)}: AUC of the base detector{'' if alone else 's'} trained "
        f"for {threat[1]} eps "
        f"{written(threat[2])}, natural in-class against attacked out-of-class test images, with 95 % intervals"
        f"{'' if alone else '; those of means are a bootstrap over the test images, which the detectors share'}. "
        f"The paper's attack: {attack_words(asdict(attack))}. "
        f"{_hard_words(hard) if any(name == hard.name for _, name, _ in columns) else ''}"
        f"Attacked images a detector: {attacked}."
        f"{OTHER_IMAGES if len(counts) > 1 else ''}"
    )
    words += f" {setting(same[0][0])}".rstrip() if published else ""
    return [words, "", markdown_table(rows), ""]


def _hard_words(hard: DetectorEvaluation) -> str:
    """The attacks of the worst case, with their runs."""
    by_runs: dict[str, list[str]] = {}
    for name, spec in hard.attacks.items():
        start = "all from random starts" if spec.random_start else "the first from the image itself"
        runs = f"{spec.restarts} runs each, {start}" if spec.restarts > 1 else "one run from the image itself"
        by_runs.setdefault(runs, []).append(name)
    attacks = "; ".join(f"{', '.join(names)} ({runs})" for runs, names in by_runs.items())
    return f"Worst case: the best iterate of each image over {attacks}. "


def _range(counts: Iterable[int]) -> str:
    least, most = min(found := list(counts)), max(found)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _classifier_table(measured: list[Measured]) -> str:
    head = ["system", "attacked", "accuracy on natural images", "loss", "error on attacked images, nothing rejected", "n"]
    rows, attacks = [head], {}
    for card, record in ((card, records["curves"]) for card, records in measured if "curves" in records):
        for victim, error in record["error_without_rejection"].items():
            accuracy = record["accuracy"]["classifier" if victim == "integrated" else victim]
            scenario = record["recipe"]["scenarios"][victim]
            attacks[attack_words(scenario["attack"])] = None
            rows.append([card.system, victim, interval(accuracy), scenario["loss"], interval(error), f"{error['n']:,}"])
    return (
        f"Whole systems before any rejection, each attacked on its own loss: {'; or '.join(attacks)}. "
        f"Attacked images are spread evenly over the test set.\n\n{markdown_table(rows)}"
    )


def _honest_table(found: list[System]) -> list[str]:
    """The verdict of the honest protocol, where it has been run."""
    rows = [["system", "victim", "clean rejection", "accuracy", "the paper's own loss", "worst of all attacks", "n"]]
    for system in found:
        record = stored(system, HonestEvaluation(), least=1)
        for victim, result in (record or {"victims": {}})["victims"].items():
            for row in result["at"][1:]:
                worst = row["error"][EVERY]
                errors = [interval(row["error"][result["own"]]), interval(worst)]
                cells = [system.name, victim, f"{row['clean_rejection']:.0%}", interval(row["accuracy"])]
                rows.append([*cells, *errors, f"{worst['n']:,}"])
    if len(rows) == 1:
        return []
    words = (
        "The honest protocol (`--recipe honest`): images that are misclassified and accepted, in the trained ball, at "
        "thresholds from held-out clean images; every attack known to hurt, the worst of them for each image."
    )
    return [words, "", markdown_table(rows), ""]


def _thorough_table(found: list[System]) -> list[str]:
    """What goes beyond the honest protocol, where it has been run, at the threshold that rejects most."""
    recipe = ThoroughEvaluation()
    least = f"{recipe.radii[0]:g} eps"
    rows: list[list[str]] = []
    for system in found:
        record = stored(system, recipe, least=1)
        for victim, points in (record or {"victims": {}})["victims"].items():
            row, attacks = points[-1], named(points[-1], asdict(recipe))
            rows = rows or [["system", "victim", "as they are", f"pushed by up to {least}", *attacks, "n"]]
            values = [row["growing"][0], row["rejected"][1], *row["error"].values()]
            rows.append([system.name, victim, *(interval(value) for value in values), f"{values[1]['n']:,}"])
    if not rows:
        return []
    words = (
        f"Beyond the honest protocol (`--recipe {recipe.name}`), where {max(recipe.rejections):.0%} of held-out clean "
        "images are rejected. As they are: images misclassified or rejected without an attack. Pushed: these, those that a "
        f"push of up to {least} gets rejected, and those that the attacks on the right get misclassified and accepted "
        "within eps (the total error of arXiv 2305.01139)."
    )
    return [words, "", markdown_table(rows), ""]


def _reports(found: list[System]) -> list[str]:
    links = [f"[{s.name}](../checkpoints/{s.name}/{REPORT})" for s in found if (s.folder / REPORT).is_file()]
    return [f"Every other number beside the paper's: {', '.join(links)}."] if links else []
