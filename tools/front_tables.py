"""The two small tables of README.md: a row a data set, and the shipped systems."""

import textwrap
from typing import Any

from aatviz.data.registry import dataset
from aatviz.data.spec import written
from aatviz.evaluate import stored
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.metrics.format import headline, interval, markdown_table, means_of
from aatviz.recipes.evaluation import HonestEvaluation, ThoroughEvaluation
from aatviz.recipes.paper import all_detectors, evaluations
from aatviz.recipes.published import published as paper
from aatviz.store.results import valid_records
from aatviz.store.systems import System, load_system, systems

WIDTH = 118
"""Letters in a line of README.md."""
Record = dict[str, Any]


def results() -> str:
    """One row a data set, of the first of its systems that was measured under the paper's attack."""
    head = ["data set, ball", "AUC, paper", "AUC, here", "fooled, detectors", "fooled, robust classifier"]
    rows, attacked, judged, copies = [head], [], [], list[str]()
    pushed: dict[str, list[str]] = {}
    for system, record in _measured():
        threat = system.card.threat
        published = next(iter(evaluations(*threat)[all_detectors(*threat)].paper.values()), None)
        mean = headline(means_of(record))
        title = dataset(threat[0]).title
        alone = f", {dataset(threat[0]).classes[system.card.bank[0]]} alone" if system.lacks("full_bank") else ""
        if record := stored(system, ThoroughEvaluation(), least=1):
            ours, robust = (record["victims"][victim][-1]["rejected"][1] for victim in ("generative", "robust"))
            pushed.setdefault(f"{record['radii'][1]:g}", []).append(
                f"{ours['value']:.0%} of {ours['n']} {dataset(threat[0]).plural} of {title} (robust {robust['value']:.0%})"
            )
        if system.card.data_hash in dataset(threat[0]).copies:
            copies.append(f"{title} is {dataset(threat[0]).copies[system.card.data_hash]}.")
        if published and (theirs := paper(*threat).setting):
            copies.append(f"The paper's are {theirs}.")
        attacked.append(f"{mean['n']:,} on {title}")
        cells = ["none" if published is None else f"{sum(published) / len(published):.4f}", interval(mean)]
        honest = stored(system, HonestEvaluation(), least=1)
        for victim in ("generative", "robust"):
            found = honest["victims"].get(victim) if honest else None
            if found is None:
                cells.append("no classifier" if alone else "not measured")
                continue
            error = found["at"][-1]["error"][EVERY]
            cells.append(interval(error, 1, percent=True))
            judged.append(f"{error['n']:,} on {title}")
        rows.append([f"{title}{alone}, {_ball(system)}", *cells])
    totals = [f"Fooled, or *rejected* within {radius} of the ball: {', '.join(of)}." for radius, of in pushed.items()]
    words = (
        "*AUC*: a class's images against those of others, under the paper's attack (n = "
        f"{', '.join(attacked)}). *Fooled*: images that some attack "
        "of the honest protocol gets misclassified and accepted, 5 % of clean ones rejected "
        f"(n = {', '.join(dict.fromkeys(judged))}). Brackets: 95 %. {' '.join([*totals, *copies])} "
        "[Every table](docs/results.md)."
    )
    return f"{markdown_table(rows)}\n\n{textwrap.fill(words, WIDTH, break_on_hyphens=False)}"


def shipped() -> str:
    """The systems in checkpoints/, those of a data set and norm in one row."""
    rows: dict[tuple[str, str], list[System]] = {}
    for name in systems():
        system = load_system(name)
        rows.setdefault((system.card.dataset, system.card.norm), []).append(system)
    table = [["data set", "trained for", "names", "MB of weights"]]
    for (data, norm), found in rows.items():
        radii = dict.fromkeys(written(system.card.eps) for system in found)
        names = ", ".join(f"`{system.name}`" for system in found)
        files = {(system.folder / path).resolve() for system in found for path in system.card.weights}
        size = sum(file.stat().st_size for file in files) / 1e6
        table.append([dataset(data).title, f"{norm} {', '.join(radii)}", names, f"{size:.0f}"])
    return markdown_table(table)


def _measured() -> list[tuple[System, Record]]:
    """For each data set a system, and its record under the paper's attack."""
    found: dict[str, tuple[System, Record]] = {}
    for name in systems():
        system = load_system(name)
        record = valid_records(system.folder, system.card).get(all_detectors(*system.card.threat))
        if record is not None:
            found.setdefault(system.card.dataset, (system, record))
    return list(found.values())


def _ball(system: System) -> str:
    return f"{system.card.norm} {written(system.card.eps)}"
