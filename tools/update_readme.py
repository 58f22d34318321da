"""Write the measured tables of README.md from the records in checkpoints/, and benchmarks/README.md from the stored runs.

python tools/update_readme.py           # rewrite them
python tools/update_readme.py --check   # exit with 1 where they are out of step
"""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aatviz.data.registry import dataset
from aatviz.evaluate import stored
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.metrics.format import attack_words, headline, interval, markdown_table, mean_cells, means_of
from aatviz.recipes.evaluation import DetectorEvaluation, HonestEvaluation
from aatviz.recipes.paper import WORST_CASE, all_detectors, evaluations
from aatviz.recipes.published import Threat
from aatviz.report import FILE as REPORT
from aatviz.runtime.files import read_json, write_text
from aatviz.store.card import Card
from aatviz.store.results import valid_records
from aatviz.store.systems import System, load_system, systems

ROOT = Path(__file__).resolve().parent.parent
README, BENCHMARKS = ROOT / "README.md", ROOT / "benchmarks" / "README.md"
RESULTS = BENCHMARKS.parent / "results"
PEERS, CHOICES, TRAINING, PAGES = (RESULTS / f"{name}.json" for name in ("peers", "choices", "training", "pages"))
PEERS_FP32 = RESULTS / "peers-without-bf16.json"
Measured = tuple[Card, dict[str, dict[str, Any]]]
"""A system's card, and those of its records that count, by the recipe's name."""
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    speed = "\n".join([*_choices(), *_training(), *_pages()])
    fresh = {README: _replaced(README, tables()), BENCHMARKS: _replaced(BENCHMARKS, speed)}
    stale = [path for path, words in fresh.items() if path.read_text(encoding="utf-8") != words]
    if "--check" in sys.argv:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        sys.exit(f"{names} is out of step with what was measured: run python tools/update_readme.py" if stale else 0)
    for path in stale:
        write_text(path, fresh[path])


def _replaced(path: Path, words: str) -> str:
    """The file's text with these words between its marks."""
    head, rest = path.read_text(encoding="utf-8").split(BEGIN)
    return f"{head}{BEGIN}\n\n{words}\n{END}{rest.split(END)[1]}"


def tables() -> str:
    """The tables of all shipped systems, as far as they have been measured."""
    found = [load_system(name) for name in systems()]
    measured = [(system.card, valid_records(system.folder, system.card)) for system in found]
    threats = dict.fromkeys(system.card.threat for system in found)
    parts = [line for threat in threats for line in _auc_table(threat, measured)]
    return "\n".join([*parts, _classifier_table(measured), "", *_honest_table(found), *_reports(found), *_speed(), ""])


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
    for k in paper.detectors:
        cells = [str(k), *([f"{published[k]:.5f}"] if published else [])]
        rows.append([*cells, *(interval(values[k], 5) for values in aucs)])
    means, sums = mean_cells(headline(means_of(record)) for _, _, record in columns)
    rows.append(["mean", *([f"{sum(published) / len(published):.5f}"] if published else []), *means])
    rows.append(["n of the mean", *([""] if published else []), *sums])
    ((_, attack),) = paper.attacks.items()
    counts: dict[str, list[str]] = {}
    for title, values in zip(rows[0][len(head) :], aucs, strict=True):
        counts.setdefault(_range(value["n"] for value in values), []).append(title)
    attacked = "; ".join(f"{n} ({' and '.join(named)})" for n, named in counts.items())
    words = (
        f"{dataset(threat[0]).title}: AUC of the base detectors trained for {threat[1]} eps {threat[2]:g}, natural in-class "
        "against attacked out-of-class test images, with 95 % intervals; those of means are a bootstrap over the test "
        "images, which the detectors share. "
        f"The paper's attack: {attack_words(asdict(attack))}. "
        f"{_hard_words(hard) if any(name == hard.name for _, name, _ in columns) else ''}"
        f"Attacked images a detector: {attacked}."
    )
    return [words, "", markdown_table(rows), ""]


def _hard_words(hard: DetectorEvaluation) -> str:
    """The attacks of the worst case; all have the same restarts and starts."""
    spec = next(iter(hard.attacks.values()))
    start = "all from random starts" if spec.random_start else "the first from the image itself"
    runs = f"{spec.restarts} runs each, {start}"
    return f"Worst case: the best iterate of each image over {', '.join(hard.attacks)}; {runs}. "


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


def _reports(found: list[System]) -> list[str]:
    links = [f"[{s.name}](checkpoints/{s.name}/{REPORT})" for s in found if (s.folder / REPORT).is_file()]
    return [f"Every other number beside the paper's: {', '.join(links)}."] if links else []


def _speed() -> list[str]:
    """The attack engine beside its peers, as the stored run of `python -m benchmarks.peers` has it."""
    if not PEERS.is_file():
        return []
    result = read_json(PEERS)
    machine, versions = result["machine"], result["machine"]["versions"]
    rows = [["what", "here", "aim", "from"]]
    for row in result["rows"]:
        if row["met"] is not None or "by hand" in row["what"]:
            rows.append([row["what"], f"{row['value']:.3g}", _aim(row), row["detail"]])
    peers = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "torch")
    words = (
        f"Speed of the attacks beside {peers}, on the same bank, images and steps, in turns in one run with "
        f"{machine['threads']} threads ({machine['processor']}; torch {versions['torch']}): "
        f"`python -m benchmarks.peers`, [everything measured](benchmarks/results/peers.json), "
        "[as a picture](benchmarks/results/peers.svg). A peer is as it ships, in float32; or in bfloat16 "
        "by hand: on one network most of our lead is that precision, on ten it is what stays behind."
    )
    return ["", words, "", markdown_table(rows), *_speed_without_bf16()]


def _speed_without_bf16() -> list[str]:
    """The same on a processor that has no bf16: the rows with an aim, and whether it is met."""
    if not PEERS_FP32.is_file():
        return []
    result = read_json(PEERS_FP32)
    rows = [["what, in float32", "here", "aim", "from"]]
    rows += [
        [row["what"], f"{row['value']:.3g}", _aim(row), row["detail"]] for row in result["rows"] if row["met"] is not None
    ]
    words = (
        f"Where a processor has no bf16 (here: {result['machine']['processor']}), everybody attacks in float32, and all "
        "spend nearly all their time in the same convolutions and matrix products. What is left of the lead is what this "
        "engine does not compute. On ten networks a peer's step is ten passes forward and ten back, ours ten and one: at "
        "equal speed 20/11 = 1.8 times; against the shared bank 20/2 = 10 times. On a single network every step is one pass "
        "forward and one back for everybody, and ours is one pass more in the end, which tells the best iterate "
        f"([everything measured](benchmarks/results/{PEERS_FP32.name})):"
    )
    return ["", words, "", markdown_table(rows)]


def _aim(row: dict[str, Any]) -> str:
    aim = f"at least {row['least']:g}" if row["least"] is not None else f"at most {row['most'] or 0:g}"
    return {True: aim, False: f"{aim}: missed", None: ""}[row["met"]]


def _size(found: tuple[str, int]) -> int:
    return int(found[0])


def _choices() -> list[str]:
    """What each choice in the engine gains, as the stored runs of `python -m benchmarks.choices` have it."""
    if not CHOICES.is_file():
        return []
    runs = read_json(CHOICES)
    rows = [["choice in the engine, times as fast", *(f"{name}, {run['threads']} threads" for name, run in runs.items())]]
    for choice in sorted({choice for run in runs.values() for choice in run["choices"]}):
        found = [run["choices"].get(choice) for run in runs.values()]
        rows.append([choice, *("" if gain is None else f"{gain:.2f}" for gain in found)])
    rates = []
    for name, run in runs.items():
        sizes = [f"{size}: {rate:,}" for size, rate in sorted(run["passes_per_second"].items(), key=_size)]
        rates.append(f"{', '.join(sizes)} ({name})")
    words = (
        "## Choices in the engine\n\nAbove 1, what is in use wins. Passes forward and backward per second through the "
        f"shared bank by batch size: {'; '.join(rates)}. From some size on they hardly grow: each machine measures its own "
        "size once, and keeps it."
    )
    return ["", words, "", markdown_table(rows)]


def _pages() -> list[str]:
    """What a page's script costs the server, as the stored run of `python benchmarks/page_scripts.py` has it."""
    if not PAGES.is_file():
        return []
    result = read_json(PAGES)
    kinds = list(next(iter(result["seconds"].values())))
    rows = [["page", *kinds]]
    rows += [[page, *(f"{times[kind]:.2f}" for kind in kinds)] for page, times in result["seconds"].items()]
    words = (
        f"## Pages\n\nSeconds of a page's script on {result['cores']} cores: the first visit to a "
        "server that has just started, one with empty caches, one with full ones, and a rerun as after a widget."
    )
    return ["", words, "", markdown_table(rows)]


def _training() -> list[str]:
    """What `python -m benchmarks.training` has stored: the engine's speed inside training, and the time to the target."""
    if not TRAINING.is_file():
        return []
    result = read_json(TRAINING)
    parts = ["", "## Training", ""]
    if "speed" in result:
        kinds = [
            f"{kind} bank, batches of {row['images']:.0f} attacked images, {row['ratio']:.2f} of the engine alone "
            f"({row['whole_ratio']:.2f} with the updates of the weights, counted as the passes they are)"
            for kind, row in result["speed"].items()
            if isinstance(row, dict)
        ]
        parts.append(
            f"Training keeps the engine's speed ({result['speed']['processor']}, {result['speed']['threads']} threads; "
            f"`python -m benchmarks.training speed`): {'; '.join(kinds)}."
        )
    if "pace" in result:
        tests = result["tests"]
        rows = [["recipe", f"minutes to a mean AUC of {result['target']}", "minutes in all", "AUC then", "test AUC", "what"]]
        for name, row in result["curves"].items():
            reached, whole = "not timed", "not timed"
            if "timed" in row:
                to, whole = row["seconds_to_target"], f"{row['timed'][-1][0] / 60:.1f}"
                reached = "not reached" if to is None else f"{to / 60:.1f}"
            tested = f"{tests[name]['adversarial']:.4f} (n = {tests[name]['n']})" if name in tests else ""
            rows.append([name, reached, whole, f"{row['points'][-1][1]:.4f}", tested, row["about"]])
        words = (
            "How soon a bank from random weights gets there (`python -m benchmarks.training curve`; [as a "
            "picture](results/training.svg)): the mean AUC of the ten detectors on validation images under Adam 50 x 0.02 "
            "from random starts, best iterate; test AUC: under the paper's attack on n test images a detector. The time is "
            "that of the updates, without evaluations, "
            f"at the pace of an idle {result['pace']['processor']} ({result['pace']['threads']} threads; `pace`). "
            "The test AUC is what counts: against few large steps from random starts a bank soon looks as good on "
            "validation images as the shipped one, and is still found by the paper's small steps from the image itself."
        )
        parts += ["", words, "", markdown_table(rows)]
    return parts


if __name__ == "__main__":
    main()
