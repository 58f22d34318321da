"""The answers to the lessons on the Playground, from what `benchmarks.plane` has stored and from the bundled models."""

from collections.abc import Callable, Sequence
from typing import Any

from aatviz.explore.plane import bundled, live
from aatviz.ui.common import plane_results
from aatviz.ui.common.plane_results import mean
from aatviz.ui.lessons.answers import Answer
from aatviz.ui.lessons.lesson import Lesson, PlaneCase

ALIKE = 0.01
"""AUCs that differ by less are alike."""
APART, HIGH = 0.1, 0.97
"""AUCs that differ by more are far apart; from the second on, an AUC is close to 1."""
LITTLE = 0.1
"""A detector that accepts less of the far square accepts hardly anything of it."""


def answer(lesson: Lesson) -> Answer | None:
    """The answer to a question about models of the plane; None where their figures are not here."""
    assert lesson.plane is not None
    return ANSWERS[lesson.name](lesson.plane)


def _why_attack(case: PlaneCase) -> Answer | None:
    (settings,) = case.settings
    found = bundled.trained(bundled.POINTS, settings)
    if found is None:
        return None
    aucs = {model: aucs for model, (_, aucs) in found.items()}
    (plain, natural), (_, robust), (clean, detectors) = aucs["classifier"], aucs["robust"], aucs["detectors"]
    gain = detectors - natural
    option = 0 if min(natural, detectors) >= HIGH else 1 if gain > APART else 2 if gain < -APART else 3
    why = (
        f"Without an attack the AUCs are {plain:.3f} (natural classifier) and {clean:.3f} (detectors); under attack "
        f"**{natural:.3f}** and **{detectors:.3f}**. "
    )
    why += (
        "The natural classifier has never seen what an attacker does, and leaves slopes to walk up. "
        if gain > 0
        else "Here the attack in training has not paid. "
    )
    if robust < natural:
        why += (
            f"Madry's classifier, which was attacked in training too, has {robust:.3f}: in balls of this size classes meet, "
            "and no classifier can be right in all of both. A detector only has to rank its own class higher. "
        )
    why += (
        f"Attacked as in training, with {settings.inner_steps} steps; {live.VALIDATION} negatives a class, one training of "
        "each."
    )
    figures = tuple(
        (f"{model}: AUC, {kind}", value)
        for model, pair in aucs.items()
        for kind, value in zip(("natural", "attacked"), pair, strict=True)
    )
    return Answer(option=option, why=why, figures=figures, snippets=(_bundled(case),))


def _what_eps_does(case: PlaneCase) -> Answer | None:
    rows = _rows(case)
    if rows is None:
        return None
    radii = [row["eps"] for row in rows]
    auc, far, climbed = ([mean(row[name]) for row in rows] for name in ("auc", "far", "climbed"))
    *others, last = auc
    option = 0 if last > max(others) + ALIKE else 2 if last < min(others) - ALIKE else 1
    why = (
        f"The AUC is {_listed([f'{value:.3f}' for value in auc])} after training with "
        f"ε = {_listed([f'{value:g}' for value in radii])}. "
    )
    if option == 2:
        why += "In the largest ball the attacker reaches real points of the class: what should be low has to stay high. "
    why += f"And far from all data these detectors accept {_listed([f'{share:.0%}' for share in far])} of the square. "
    if far[-1] < far[0] and climbed[-1] > climbed[0]:
        why += (
            f"Noise climbs onto the data in {climbed[-1]:.0%} of all cases with the largest ball, in {climbed[0]:.0%} with "
            "the smallest. So ε trades one thing for the other: a small ball separates, a large one describes. "
        )
    return Answer(option=option, why=why + _how(rows), figures=_figures(rows, "eps"), snippets=(_measured(),))


def _where_negatives_start(case: PlaneCase) -> Answer | None:
    rows = _rows(case)
    if rows is None:
        return None
    paper, anywhere = (mean(row["far"]) for row in rows)
    option = [(True, True), (False, False), (False, True), (True, False)].index((paper < LITTLE, anywhere < LITTLE))
    shares = [mean(row["climbed"]) for row in rows]
    why = (
        f"**{paper:.0%}** with the paper's negatives, **{anywhere:.0%}** with {rows[1]['anywhere']:.0%} from anywhere. "
        f"Noise climbs onto the data in {shares[0]:.0%} and {shares[1]:.0%} of all cases. "
    )
    if anywhere < paper:
        why += (
            "A detector promises something where it was attacked, and nothing elsewhere. So where the negatives start "
            "decides what it becomes: a border between classes, or a map of its own class. "
        )
    aucs = [f"{mean(row['auc']):.3f}" for row in rows]
    why += f"Near the data, the AUC under attack is {_listed(aucs)}. "
    return Answer(option=option, why=why + _how(rows), figures=_figures(rows, "anywhere"), snippets=(_measured(),))


def _rows(case: PlaneCase) -> list[dict[str, Any]] | None:
    """The stored rows of detectors on the bundled points, one for each of the settings; None where one is missing."""
    result = plane_results.stored()
    found = [plane_results.row(result, bundled.POINTS.kind, "shared", one) if result else None for one in case.settings]
    rows = [row for row in found if row is not None]
    return rows if len(rows) == len(found) else None


def _how(rows: list[dict[str, Any]]) -> str:
    result = plane_results.stored()
    assert result is not None
    attack = result["attack"]
    return (
        f"Means over {rows[0]['seeds']} trainings; the attack: ε = {attack['eps']:g}, {attack['steps']} steps, "
        f"{result['negatives']} negatives a class."
    )


def _figures(rows: list[dict[str, Any]], by: str) -> tuple[tuple[str, float], ...]:
    names = {"auc": "AUC, attacked", "far": "far points accepted", "climbed": "noise that climbs"}
    return tuple(
        (f"{by} {row[by]:g}: {label}, seed {seed}", value)
        for row in rows
        for name, label in names.items()
        for seed, value in enumerate(row[name])
    )


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _measured() -> tuple[str, str, str]:
    return "All of these trainings, and what was measured of them:", plane_results.COMMAND, ""


def _bundled(case: PlaneCase) -> tuple[str, str, str]:
    (settings,) = case.settings
    place = bundled.SETTINGS.index(settings)
    code = (
        "from aatviz.explore.plane import bundled\n\n"
        f"models = bundled.trained(bundled.POINTS, bundled.SETTINGS[{place}])\n"
        "for name, (_, aucs) in models.items():\n"
        "    print(name, *aucs)\n"
    )
    command = f"aatviz train {settings.name} --dataset {bundled.POINTS.name}"
    return "The same trainings, and the AUCs of the models that this package brings:", command, code


ANSWERS: dict[str, Callable[[PlaneCase], Answer | None]] = {
    "why-attack-in-training": _why_attack,
    "what-eps-does": _what_eps_does,
    "where-negatives-start": _where_negatives_start,
}
"""By the lesson's name; each needs the settings in the order of `lessons.plane`."""
