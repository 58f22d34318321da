"""A system and an evaluation recipe -> a result record, in parts that run side by side and survive an interruption.

A record is `<system>/results/<recipe>.json` with its scores in an `.npz` of the same name. It carries the hash of the
weights and of the recipe it was made from: where both still hold, nothing is computed again.
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aatviz.attacks import Iterate, norm, objective, pgd
from aatviz.data import load_data
from aatviz.metrics import Interval, auc_interval, wilson
from aatviz.recipes.evaluation import DetectorEvaluation, Evaluation, Scenario, SystemEvaluation
from aatviz.recipes.spec import AttackSpec
from aatviz.store.files import read_arrays, read_json, write_arrays, write_json
from aatviz.store.systems import System

CHUNK = 250
Arrays = dict[str, NDArray[Any]]
Report = Callable[[str, float], None]
"""Called with a part's name and the share of it that is done."""


def parts(system: System, evaluation: Evaluation) -> list[str]:
    """The parts that can be computed on their own: one a detector, or one a scenario and two for natural images."""
    if isinstance(evaluation, DetectorEvaluation):
        return [f"detector-{k}" for k in range(system.card["classes"])]
    return ["natural", "held_out", *evaluation.scenarios]


def run_part(system: System, evaluation: Evaluation, part: str, bf16: bool, report: Report = lambda *_: None) -> Path:
    """Compute one part, unless its file is there already, and return that file."""
    path = _part_file(system, evaluation, part)
    if path.exists():
        return path
    split = evaluation.held_out if isinstance(evaluation, SystemEvaluation) and part == "held_out" else "test"
    x, y = load_data(system.card["dataset"], split=split)
    started = time.monotonic()
    if isinstance(evaluation, DetectorEvaluation):
        arrays = _detector_part(system, evaluation, int(part.removeprefix("detector-")), x, y, bf16, report)
    elif part in ("natural", "held_out"):
        arrays = {"y": y.numpy()} | _all_logits(system, x)
    else:
        arrays = _scenario_part(system, evaluation.scenarios[part], evaluation.count, x, y, bf16, report)
    arrays["seconds"] = np.array(time.monotonic() - started)
    write_arrays(path, arrays)
    return path


def finish(system: System, evaluation: Evaluation) -> dict[str, Any]:
    """Put the parts together into the record, write it, and remove the parts."""
    names = parts(system, evaluation)
    files = [_part_file(system, evaluation, part) for part in names]
    if missing := [part for part, file in zip(names, files, strict=True) if not file.exists()]:
        raise ValueError(f"{evaluation.name} is not complete: {', '.join(missing)} still to be computed.")
    arrays = {part: read_arrays(file) for part, file in zip(names, files, strict=True)}
    seconds = {part: float(scores.pop("seconds")) for part, scores in arrays.items()}
    if isinstance(evaluation, DetectorEvaluation):
        summary = _detector_rows(evaluation, arrays)
    else:
        summary = _system_rows(system, evaluation, arrays)
    record = {
        "system": system.name,
        "recipe": dataclasses.asdict(evaluation),
        "recipe_hash": recipe_hash(evaluation),
        "weights_hash": weights_hash(system),
        "seconds": round(sum(seconds.values()), 1),
        **summary,
    }
    merged = {f"{part}.{name}": array for part, scores in arrays.items() for name, array in scores.items()}
    write_arrays(result_file(system, evaluation.name, "npz"), merged)
    write_json(result_file(system, evaluation.name, "json"), record)
    for file in files:
        file.unlink()
    return record


def stored(system: System, evaluation: Evaluation) -> dict[str, Any] | None:
    """The record of this recipe on these very weights, or None."""
    path = result_file(system, evaluation.name, "json")
    if not path.exists():
        return None
    record = read_json(path)
    fits = record["recipe_hash"] == recipe_hash(evaluation) and record["weights_hash"] == weights_hash(system)
    return record if fits else None


def evenly(values: Tensor, count: int) -> Tensor:
    """At most `count` of the values (N, ...), evenly spread. MNIST's test set is not shuffled: its first half is harder,
    so its first images would not stand for it."""
    count = min(count, len(values))
    return values[torch.arange(count) * len(values) // max(count, 1)]


def result_file(system: System, recipe: str, kind: str) -> Path:
    """Where a record ("json") or its scores ("npz") lie."""
    return system.folder / "results" / f"{recipe}.{kind}"


def recipe_hash(evaluation: Evaluation) -> str:
    """A hash over everything that changes a number: all fields but the words."""
    settings = dataclasses.asdict(dataclasses.replace(evaluation, about=""))
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def weights_hash(system: System) -> str:
    """A hash over all weight files of the system, in the card's order."""
    files = system.card["files"]
    paths = [*files["detectors"], files["classifier"], files["robust"]]
    digests = [hashlib.sha256((system.folder / path).read_bytes()).hexdigest() for path in paths]
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


def _part_file(system: System, evaluation: Evaluation, part: str) -> Path:
    key = f"{recipe_hash(evaluation)}-{weights_hash(system)}"
    return system.folder / "results" / "parts" / f"{evaluation.name}-{part}-{key}.npz"


def _attack(
    system: System | nn.Module,
    loss: Any,
    spec: AttackSpec,
    x: Tensor,
    y: Tensor | None,
    target: int | None,
    bf16: bool,
    report: Callable[[float], None],
) -> tuple[Tensor, Tensor]:
    """Attack in chunks: the best iterates of every sample, and the last iterates (of the last restart)."""
    kept, last = [], []
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        goal = objective(loss, system, y=None if y is None else y[part], target=target, bf16=bf16)
        final: list[Tensor] = []

        def watch(it: Iterate, final: list[Tensor] = final) -> None:
            if it.step == spec.steps:
                final[:] = [it.x_adv]

        settings = dataclasses.asdict(spec) | {"keep": "best"}
        kept.append(pgd(goal, x[part], **settings, seed=start, callback=watch))
        last.extend(final)
        report(min((start + CHUNK) / len(x), 1.0))
    x_best, x_last = torch.cat(kept), torch.cat(last)
    for x_adv in (x_best, x_last):
        if norm(x_adv - x, spec.norm).max() > spec.eps + 1e-5 or x_adv.min() < 0 or x_adv.max() > 1:
            raise AssertionError("An attack left the ball or the box; its numbers would be worthless.")
    return x_best, x_last


@torch.no_grad()
def _score(bank_logit: Callable[[Tensor], Tensor], x: Tensor) -> NDArray[Any]:
    return torch.cat([bank_logit(part) for part in x.split(1000)]).numpy()


def _detector_part(
    system: System, evaluation: DetectorEvaluation, k: int, x: Tensor, y: Tensor, bf16: bool, report: Report
) -> Arrays:
    bank = system.detectors

    def logit(images: Tensor) -> Tensor:
        return bank.logit(images, k)

    negative = evenly(x[y != k], evaluation.count)
    arrays: Arrays = {"positive": _score(logit, x[y == k]), "negative": _score(logit, x[y != k])}
    for index, (name, spec) in enumerate(evaluation.attacks.items()):

        def progress(share: float, index: int = index) -> None:
            report(f"detector-{k}", (index + share) / len(evaluation.attacks))

        best, last = _attack(system, "detector_logit", spec, negative, None, k, bf16, progress)
        arrays[f"best {name}"] = _score(logit, best)
        if spec.keep == "last":
            arrays[f"last {name}"] = _score(logit, last)
    return arrays


def _scenario_part(
    system: System, scenario: Scenario, count: int, x: Tensor, y: Tensor, bf16: bool, report: Report
) -> Arrays:
    victim = system.robust_classifier if scenario.victim == "robust" else system

    def progress(share: float) -> None:
        report(scenario.victim, share)

    x, y = evenly(x, count), evenly(y, count)
    best, _ = _attack(victim, scenario.loss, scenario.attack, x, y, None, bf16, progress)
    return {"y": y.numpy()} | _all_logits(system, best)


def _all_logits(system: System, x: Tensor) -> Arrays:
    """Logits of f, of the bank and of the robust classifier: what every curve and every T is computed from."""
    models = {"z_f": system.classifier, "z_h": system.detectors, "z_r": system.robust_classifier}
    return {name: _score(model, x) for name, model in models.items()}


def _detector_rows(evaluation: DetectorEvaluation, arrays: dict[str, Arrays]) -> dict[str, Any]:
    rows = []
    for k, scores in enumerate(arrays.values()):
        positive = torch.from_numpy(scores["positive"])
        best = [torch.from_numpy(scores[f"best {name}"]) for name in evaluation.attacks]
        row: dict[str, Any] = {
            "detector": k,
            "natural": auc_interval(positive, torch.from_numpy(scores["negative"]))._asdict(),
            "worst": auc_interval(positive, torch.stack(best).amax(0))._asdict(),
            "paper": evaluation.paper[k] if evaluation.paper else None,
        }
        for keep in ("last", "best"):
            row[keep] = {
                name: auc_interval(positive, torch.from_numpy(scores[f"{keep} {name}"]))._asdict()
                for name in evaluation.attacks
                if f"{keep} {name}" in scores
            }
        rows.append(row)
    mean: dict[str, Any] = {key: _mean(row[key]["value"] for row in rows) for key in ("natural", "worst")}
    for keep in ("last", "best"):
        mean[keep] = {name: _mean(row[keep][name]["value"] for row in rows) for name in rows[0][keep]}
    return {"rows": rows, "mean": mean}


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _system_rows(system: System, evaluation: SystemEvaluation, arrays: dict[str, Arrays]) -> dict[str, Any]:
    natural = {name: torch.from_numpy(array) for name, array in arrays["natural"].items()}
    labels = {
        "generative": system.generative.decide(natural["z_h"])[0],
        "classifier": natural["z_f"].argmax(1),
        "robust": natural["z_r"].argmax(1),
    }
    accuracy = {name: _proportion(label == natural["y"])._asdict() for name, label in labels.items()}
    error = {}
    for name, scenario in evaluation.scenarios.items():
        logits = {key: torch.from_numpy(array) for key, array in arrays[name].items()}
        decided = {"generative": system.generative.decide(logits["z_h"])[0], "integrated": logits["z_f"].argmax(1)}
        label = decided.get(scenario.victim, logits["z_r"].argmax(1))
        error[name] = _proportion(label != logits["y"])._asdict()
    return {"accuracy": accuracy, "error_without_rejection": error}


def _proportion(hits: Tensor) -> Interval:
    return wilson(int(hits.sum()), len(hits))
