"""The report on one system: the paper's numbers beside those measured here, and the results of the honest protocol."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aatviz.data.spec import written
from aatviz.evaluate import detectors, distortion, real_images, robust_logits, side_by_side, stages, systems
from aatviz.evaluate.engine import kind_of, lacks, stored
from aatviz.evaluate.honest import run as honest
from aatviz.evaluate.honest import thorough
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.metrics.format import bounds, interval, markdown_table, means_of
from aatviz.recipes.evaluation import (
    DetectorEvaluation,
    DistortionEvaluation,
    HonestEvaluation,
    RealImagesEvaluation,
    SideBySideEvaluation,
    StagesEvaluation,
    SystemEvaluation,
    ThoroughEvaluation,
    attack_words,
)
from aatviz.recipes.paper import evaluations_of
from aatviz.recipes.published import Published, published
from aatviz.recipes.spec import OF_DETECTORS
from aatviz.report import readings
from aatviz.report.generated import generated
from aatviz.report.order import orders, strongest
from aatviz.report.setting import setting
from aatviz.report.study import study
from aatviz.report.subsample import subsample
from aatviz.runtime.files import making_sense_of, write_text
from aatviz.store.results import AGAIN, read_history, result_file
from aatviz.store.systems import System
from aatviz.thresholds import curves

FILE = "report.md"
Record = dict[str, Any]
HEAD = ["what", "paper", "here", "95% interval", "here - paper", "n", "attack"]


def write_report(system: System) -> Path:
    """Write `report.md` into the system's folder, from its records alone, and return that file."""
    path = system.folder / FILE
    write_text(path, report(system))
    return path


def report(system: System) -> str:
    """The report as Markdown: a section for every record, and the names of the records that are missing."""
    card = system.card
    sections = [
        f"# {system.name}: the paper's evaluation, and a harder one\n\n{setting(card)}"
        f"Trained for {card.norm} eps {written(card.eps)}. The interval of a mean is a bootstrap over the test images, "
        "which the detectors share; its n counts the attacked images of all.\n"
    ]
    missing, impossible = [], []
    for name, recipe in evaluations_of(card).items():
        if record := stored(system, recipe, least=1):
            with making_sense_of(result_file(system, name, "json"), AGAIN):
                sections.append(SECTIONS[kind_of(recipe).name](system, recipe, record))
        elif why := lacks(system, recipe):
            impossible.append(f"{why}\n")
        else:
            missing.append(name)
    sections += [generated(system), _histories(system), study(system), *impossible]
    if missing:
        sections.append(f"Not measured on these weights yet: {', '.join(missing)} (`aatviz evaluate {system.name}`).\n")
    sections.append(f"Written by `aatviz report {system.name}` from the records in `results/`.\n")
    return "\n".join(section for section in sections if section)


def _detectors(system: System, recipe: DetectorEvaluation, record: Record) -> str:
    if [row["detector"] for row in record["rows"]] != list(record["recipe"]["detectors"]):
        raise KeyError("a row for every detector")
    rows, means = [HEAD], means_of(record)
    for attack, spec in recipe.attacks.items():
        words = attack_words(asdict(spec))
        values = [row["last"].get(attack, row["best"][attack]) for row in record["rows"]]
        for row, value in zip(record["rows"], values, strict=True):
            rows.append(_row(f"k = {row['detector']}, {attack}", row["paper"].get(attack), value, words, 5))
        if len(values) > 2:
            mean = means["last"].get(attack, means["best"][attack])
            rows.append(_row(f"mean, {attack}", record["mean"]["paper"].get(attack), mean, words, 5))
    if len(recipe.attacks) > 1:
        for row in record["rows"]:
            rows.append(_row(f"k = {row['detector']}, worst of all", None, row["worst"], "worst iterate of all attacks", 5))
        rows.append(_row("mean, worst of all", None, means["worst"], "worst iterate of all attacks", 5))
    return _section(record, rows if published(*system.card.threat) != Published() else _without_paper(rows))


def _stages(system: System, recipe: StagesEvaluation, record: Record) -> str:
    rows = [["after", "natural", *recipe.attacks, "n"]]
    for found in record["rows"]:
        attacked = [found["best"][attack] for attack in recipe.attacks]
        cells = [interval(value) for value in (found["natural"], *attacked)]
        rows.append([found["stage"], *cells, f"{attacked[0]['n']:,}"])
    specs = "; ".join(attack_words(asdict(spec)) for spec in recipe.attacks.values())
    words = f"Best iterate of each image, {specs}. Of a classifier counts the class's logit less the mean of the others."
    return f"{_section(record, rows)}\n{words}\n"


def _scenarios(system: System, recipe: SystemEvaluation, record: Record) -> str:
    rows = [["attacked", "loss", "attack", "error, nothing rejected", "paper", "error at 0.95 TPR", "n"]]
    theirs = published(*system.card.threat).robust if recipe.name.startswith("figure-") else {}
    for scenario, value in record["error_without_rejection"].items():
        spec = record["recipe"]["scenarios"][scenario]
        at = record["at_tpr"]["error"].get(scenario)
        paper = f"{theirs[scenario]:.4f}" if scenario in theirs else ""
        cells = [scenario, spec["loss"], attack_words(spec["attack"]), interval(value), paper]
        rows.append([*cells, interval(at) if at else "", f"{value['n']:,}"])
    if not any(row[4] for row in rows[1:]):
        rows = [[*row[:4], *row[5:]] for row in rows]
    words = [_accuracies(record, theirs.get("accuracy")), *(f"{sentence}\n" for sentence in orders(record))]
    return "\n".join(
        [_section(record, rows), *words, *([readings.of_curves(system)] if recipe.name == curves.RECIPE else [])]
    )


def _accuracies(record: Record, theirs: float | None) -> str:
    """On natural images, where nothing is rejected; `theirs` is the paper's of the robust classifier."""
    found = {name: interval(value, with_n=True) for name, value in record["accuracy"].items()}
    if theirs is not None and "robust" in found:
        found["robust"] += f", paper {theirs:g}"
    return f"Accuracy on natural images: {'; '.join(f'{name} {words}' for name, words in found.items())}.\n"


def side_by_side_table(record: Record) -> list[list[str]]:
    """The rows of a table: each victim's accuracy and worst error, without rejection and with it."""
    rows = [["victim", "held-out images rejected", "T", "accuracy", "error, worst of all", "n", "strongest alone"]]
    for victim, found in record["victims"].items():
        for row in found:
            threshold = "none" if row["threshold"] is None else f"{row['threshold']:.2f}"
            error, alone = row["error"], row["alone"]
            most = max(value["value"] for value in alone.values())
            cells = [victim, f"{row['clean_rejection']:.0%}", threshold, interval(row["accuracy"]), interval(error)]
            rows.append([*cells, f"{error['n']:,}", f"{strongest(alone)} ({most:.4f})"])
    return rows


def _side_by_side(system: System, recipe: SideBySideEvaluation, record: Record) -> str:
    specs = {attack_words(scenario["attack"]): None for scenario in record["recipe"]["scenarios"].values()}
    return f"{_section(record, side_by_side_table(record))}\nEach loss with {'; '.join(specs)}.\n"


def _distortion(system: System, recipe: DistortionEvaluation, record: Record) -> str:
    found = record["distortion"]
    search = f"{recipe.depth} values of c up to {recipe.most_c:g}"
    attack = f"loss 16, {recipe.optimizer.capitalize()} {recipe.steps} x {written(recipe.step_size)}, {search}"
    if recipe.threshold is not None:
        attack += f", T = {recipe.threshold:g}, which accepts {record['accepted']:.1%} of natural images"
    rows = [HEAD]
    for keep, words in (("last", "the iterate that the search ends with"), ("best", "the nearest of all iterates")):
        value, rate = found[keep], found[keep]["false_positive_rate"]
        paper = (recipe.paper, recipe.paper_rate) if keep == "last" else (None, None)
        if value["n"]:
            rows.append(_row(f"mean L2 distortion, {words}", paper[0], value, attack, 2))
        rows.append(_row(f"false positive rate, {words}", paper[1], rate, attack, 4))
    return _section(record, rows)


def reach_table(record: Record) -> list[list[str]]:
    """The rows of a table: for each detector the share of images with a real image of its class in their ball, and the AUC
    where that one is shown instead."""
    rows = [["detector", "images with a real one in reach", "AUC where it is shown", "n"]]
    for row in record["rows"]:
        cells = [interval(row["in_reach"], 4), interval(row["auc"], 5), f"{row['in_reach']['n']:,}"]
        rows.append([f"k = {row['detector']}", *cells])
    reach, auc = (means_of(record)[name] for name in ("in_reach", "auc"))
    return [*rows, ["mean", interval(reach, 4), interval(auc, 5), f"{reach['n']:,}"]]


def _real_images(system: System, recipe: RealImagesEvaluation, record: Record) -> str:
    return _section(record, reach_table(record))


def _honest(system: System, recipe: HonestEvaluation, record: Record) -> str:
    rows = [["victim", "clean rejection", "T", "accuracy", "own loss", "worst of all", "strongest", "n"]]
    for victim, found in record["victims"].items():
        for row in found["at"]:
            threshold = "none" if row["threshold"] is None else f"{row['threshold']:.2f}"
            attacks = {name: value for name, value in row["error"].items() if name != EVERY}
            worst = row["error"][EVERY]
            cells = [
                victim,
                f"{row['clean_rejection']:.0%}",
                threshold,
                interval(row["accuracy"]),
                interval(row["error"][found["own"]]),
            ]
            rows.append([*cells, interval(worst), strongest(attacks), f"{worst['n']:,}"])
    text = _section(record, rows)
    text += "".join(_survived(record, *found) for found in published(*system.card.threat).survived.items())
    if "planted" in record:
        planted = [["attack unit test", "planted examples found", "n"]]
        planted += [[name, interval(value), str(value["n"])] for name, value in record["planted"].items()]
        text += f"\n{markdown_table(planted)}\n"
    return f"{text}\n{readings.of_honest(system, record)}"


def _survived(record: Record, victim: str, theirs: tuple[float, int]) -> str:
    """The share of images on which no attack succeeds, beside that of the authors' own detectors, attacked by others, at a
    threshold of the same cost."""
    at = record["victims"][victim]["at_cost"]
    errors = {"multi-targeted alone": at["error"]["multi-targeted"], "worst of all": at["error"][EVERY]}
    ours = ", ".join(f"{name} {1 - error['value']:.1%}" for name, error in errors.items())
    left, n = theirs
    return (
        f"\nThe {victim} classifier where rejection costs {100 * at['cost']:g} points of natural accuracy (which is "
        f"then {at['accuracy']['value']:.1%}), images on which no attack succeeds: {ours} (n = {at['error'][EVERY]['n']:,});"
        f" Tramer et al. (2020) left {left:.1%} of the authors' own (n = {n:,}).\n"
    )


def _histories(system: System) -> str:
    """Figure 11: the AUC in training and validation of the detectors and of those that they started from, at the evaluations
    that chose their weights."""
    kinds = ("validation_adversarial", "train_adversarial", "validation_natural", "train_natural")
    rows = [["network", "step", *(kind.replace("_", ", ") for kind in kinds)]]
    jobs = [job["name"] for job in system.card.recipe.get("jobs", []) if job.get("method") in OF_DETECTORS]
    others = (file.stem for file in sorted((system.folder / "history").glob("*.json")))
    for name in dict.fromkeys([*jobs, *(stem for stem in others if stem.startswith(("detector", "shared")))]):
        if (file := system.folder / "history" / f"{name}.json").is_file():
            found = read_history(file)
            rows += [[name, f"{row['step']:,.0f}", *(f"{row[kind]:.5f}" for kind in kinds)] for row in found]
    if len(rows) == 1:
        return ""
    words = "AUC while the detectors were trained; natural and adversarial, on training and validation images (figure 11)."
    trained = (job for job in system.card.recipe.get("jobs", []) if job["name"] in jobs)
    attacks = [attack_words(attack) for job in trained if (attack := job.get("validation_attack"))]
    words += "".join(f" Adversarial: {attack}." for attack in dict.fromkeys(attacks))
    if theirs := published(*system.card.threat).natural:
        before, after = theirs
        words += f" In the paper the first detector's natural AUC on test images went from {before:g} to {after:g}."
    return f"## figure-11\n\n{words}\n\n{markdown_table(rows)}\n"


def _row(what: str, paper: float | None, value: dict[str, Any], attack: str, digits: int) -> list[str]:
    published = "" if paper is None else f"{paper:.{digits}f}"
    difference = "" if paper is None else f"{value['value'] - paper:+.{digits}f}"
    return [what, published, f"{value['value']:.{digits}f}", bounds(value, digits), difference, f"{value['n']}", attack]


def _without_paper(rows: list[list[str]]) -> list[list[str]]:
    """The rows without the columns about the paper, for data sets that it has no numbers for."""
    kept = [place for place, head in enumerate(HEAD) if "paper" not in head]
    return [[row[place] for place in kept] for row in rows]


def _section(record: Record, rows: list[list[str]]) -> str:
    return f"{_head(record)}\n{markdown_table(rows)}\n"


def _thorough(system: System, recipe: ThoroughEvaluation, record: Record) -> str:
    return f"{_head(record)}\n{subsample(system, record)}"


def _head(record: Record) -> str:
    """The title of a section, what it is about, and what it cost."""
    minutes = max(round(record["seconds"] / 60), 1)
    spent = f"{minutes} {'minute' if minutes == 1 else 'minutes'} of one core"
    if record.get("backward"):
        spent += (
            f", {record['forward'] / 1e6:.2f} million forward and {record['backward'] / 1e6:.2f} million backward passes"
        )
    return f"## {record['recipe']['name']}\n\n{record['recipe']['about']} {spent}.\n"


SECTIONS: dict[str, Callable[[System, Any, Record], str]] = {
    detectors.KIND.name: _detectors,
    robust_logits.KIND.name: _detectors,
    stages.KIND.name: _stages,
    systems.KIND.name: _scenarios,
    side_by_side.KIND.name: _side_by_side,
    distortion.KIND.name: _distortion,
    real_images.KIND.name: _real_images,
    honest.KIND.name: _honest,
    thorough.KIND.name: _thorough,
}
"""The section that each kind of evaluation has in the report: from a system, a recipe and its record to Markdown."""
