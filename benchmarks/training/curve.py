"""Mean AUC over the seconds of training, evaluations not counted, for each candidate."""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

import torch

from aatviz.recipes import Job
from aatviz.store.files import read_json
from aatviz.train.loop import Progress, train
from benchmarks.training.candidates import TARGET

Curve = list[tuple[float, float]]
"""Seconds of training, and the mean AUC of the ten detectors on validation images under the strong attack."""
WIDTH, HEIGHT, LEFT, BELOW, TOP = 620, 340, 60, 50, 24
COLORS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000")
LOWEST = 0.99


def run(job: Job, dataset: str, folder: Path) -> dict[str, Any]:
    """Train it, or go on; what is done is only read."""

    def report(progress: Progress) -> None:
        if progress.score:
            minutes, auc = progress.seconds_left / 60, progress.score["validation_adversarial"]
            print(f"{job.name}: step {progress.step} of {progress.steps}, AUC {auc:.5f}, {minutes:.0f} min left", flush=True)

    train(job, dataset, folder, report=report)
    points = curve(read_json(folder / "history" / f"{job.name}.json"))
    return {"about": about(job), "threads": torch.get_num_threads(), "points": points, "seconds_to_target": reached(points)}


def curve(history: Iterable[dict[str, float]]) -> Curve:
    """From the rows of a training history."""
    points, evaluating = [], 0.0
    for row in history:
        points.append((round(row["seconds"] - evaluating, 1), row["validation_adversarial"]))
        evaluating += row["evaluation_seconds"]
    return points


def reached(points: Curve) -> float | None:
    """The seconds of the first evaluation that is at the target; None where none is."""
    return next((seconds for seconds, auc in points if auc >= TARGET), None)


def about(job: Job) -> str:
    """What distinguishes the candidates, in words."""
    (attack,) = job.attacks
    words = [f"{attack.optimizer.capitalize()} {attack.steps} x {attack.step_size:g}", f"batches of {job.batch}"]
    words += [f"each {job.replay} times in a row"] if job.replay > 1 else []
    words += ["images moved by a pixel"] if job.shift else []
    words += [f"weights averaged ({job.average:g})"] if job.average else []
    return f"{', '.join(words)}; {job.steps:,} updates"


def table(found: dict[str, dict[str, Any]]) -> str:
    """Lines of text: time to the target, last AUC, words."""
    lines = [f"{'recipe':16}{f's to {TARGET}':>12}{'s in all':>10}{'last AUC':>10}  what"]
    for name, row in found.items():
        to = "never" if row["seconds_to_target"] is None else f"{row['seconds_to_target']:.0f}"
        seconds, auc = row["points"][-1]
        lines.append(f"{name:16}{to:>12}{seconds:10.0f}{auc:10.5f}  {row['about']}")
    return "\n".join(lines)


def svg(found: dict[str, dict[str, Any]]) -> str:
    """One line for each candidate; 1 - AUC on a logarithmic axis would hide how flat they end, so the axis is plain."""
    most = max(seconds for row in found.values() for seconds, _ in row["points"]) * 1.02

    def at(seconds: float, auc: float) -> tuple[float, float]:
        share = (max(auc, LOWEST) - LOWEST) / (1 - LOWEST)
        return round(LEFT + WIDTH * seconds / most, 1), round(TOP + HEIGHT * (1 - share), 1)

    parts = []
    for auc in (0.99, 0.992, 0.994, 0.996, 0.998, 1.0):
        _, y = at(0, auc)
        dash = "" if auc == TARGET else ' stroke-dasharray="2 4"'
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}" stroke="#888"{dash}/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{auc:.3f}</text>')
    minutes = range(0, int(most // 60) + 1, max(int(most // 600), 1))
    for minute in minutes:
        x, y = at(60 * minute, LOWEST)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{minute}</text>')
    parts.append(
        f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 40}" text-anchor="middle">minutes of training on two cores</text>'
    )
    parts.append(f'<text x="8" y="{TOP - 8}">mean AUC under attack, validation images</text>')
    for place, (name, row) in enumerate(found.items()):
        color, points = COLORS[place % len(COLORS)], [at(*point) for point in row["points"]]
        line = " ".join(f"{x},{y}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{color}"/>' for x, y in points]
        y = TOP + HEIGHT - 20 * (len(found) - place)
        parts.append(f'<rect x="{LEFT + WIDTH - 220}" y="{y - 8}" width="14" height="4" fill="{color}"/>')
        parts.append(f'<text x="{LEFT + WIDTH - 200}" y="{y}">{escape(name)}</text>')
    width, height = LEFT + WIDTH + 20, TOP + HEIGHT + BELOW
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img" aria-label="Mean AUC over training time"><style>text{font:12px sans-serif;fill:#222}</style>'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>\n"])
