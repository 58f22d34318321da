"""The answers to the lessons' questions, from stored results: the option that is right, why, and the figures behind it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from aatviz.explore.attack_grid.result import MODELS, Comparison, Model, decide
from aatviz.explore.attack_path import Trace
from aatviz.explore.detector_records import protocol
from aatviz.explore.generation.result import LOW_MARK, Generated
from aatviz.explore.snippets import (
    attack_code,
    attack_command,
    comparison_code,
    comparison_command,
    generation_code,
    generation_command,
)
from aatviz.metrics import Interval
from aatviz.store.systems import System
from aatviz.thresholds import choose as operating_points
from aatviz.thresholds import curves
from aatviz.thresholds.curves import CurveRecord
from aatviz.thresholds.snippets import command, python_code
from aatviz.ui.common.words import VICTIMS
from aatviz.ui.lessons.catalogue import GIVEN_UP
from aatviz.ui.lessons.lesson import THRESHOLD, Lesson
from aatviz.ui.lessons.showcase import sample_index

MOVED = 1.0
"""A logit that changes by less has hardly moved."""
FEW, MOST = 0.25, 0.75
"""Up to the first share of the images counts as "hardly any", from the second on as "nearly all"."""
HALF = 0.5
"""A model counts as sure of what it has made where it is sure of at least this share of its results."""
_SURE = ((True, True, True), (False, True, True), (False, False, True), (False, False, False))
"""The options of the lesson on rubbish: which of the `MODELS` are sure, in their order. The last option is anything else."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The index of the right option, the reason in Markdown, the figures in it, and the commands behind them."""

    option: int
    why: str
    figures: tuple[tuple[str, float], ...]
    snippets: tuple[tuple[str, str, str], ...] = ()
    """For `takeaway.reproduce`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """The stored results of one system from which answers are made; None or empty where something was not measured."""

    system: System
    traces: list[Trace]
    """The traces of this lesson's attack; empty where there are none."""
    record: CurveRecord | None
    """The curves of figure 2."""
    comparison: Comparison | None
    """The Compare page's stored run."""
    generated: Generated | None
    """The Generate page's stored run from uniform noise."""


def answer(lesson: Lesson, facts: Facts) -> Answer | None:
    """The answer to a lesson's question, or None where its figures have not been measured for this system."""
    if lesson.case is not None and not facts.traces:
        return None
    found = ANSWERS[lesson.name](facts)
    if found is None or lesson.case is None:
        return found
    name, index = facts.system.name, sample_index(facts.system, lesson.case)
    attacks = tuple(
        (
            f"The attack, victim *{attack.victim}*, on the command line and in Python:",
            attack_command(name, attack, index=index),
            attack_code(name, attack, index=index),
        )
        for attack in lesson.case.attacks
    )
    return replace(found, snippets=attacks + found.snippets)


def _why_detect(facts: Facts) -> Answer:
    (run,) = facts.traces
    label = int(run.z_f[run.kept].argmax())
    logit = float(run.z_h[run.kept, label])
    rejected = logit < THRESHOLD
    fooled = label != run.y
    why = (
        f"At the end *f* says {label}{_fooled_words(fooled, run.y)}. Detector {label} gives the image a logit of "
        f"{logit:.1f}, {'below' if rejected else 'not below'} T = {THRESHOLD:g}: "
        f"**{'rejected' if rejected else 'accepted'}**."
    )
    figures = [("class that f names", float(label)), (f"logit of detector {label}", logit)]
    if facts.record:
        decisions = facts.record.integrated
        before = curves.at(decisions, -torch.inf).error
        after = curves.at(decisions, THRESHOLD).error
        why += (
            f" This attacker never looked at the detectors. One who attacks *f* and the detectors together (loss 13) fools "
            f"*f* on {_of_100(before.value)} of 100 test images, and still gets {_of_100(after.value)} of 100 past T."
        )
        figures += [("f fooled, loss 13", before.value), ("f fooled and accepted, loss 13", after.value)]
    return Answer(option=int(rejected), why=why, figures=tuple(figures))


def _fool_classifier(facts: Facts) -> Answer:
    natural, robust = facts.traces
    f, r = int(natural.z_f[natural.kept].argmax()), int(robust.z_r[robust.kept].argmax())
    fooled = (f != natural.y, r != robust.y)
    why = f"The natural classifier says {f}, the robust one {r}; the truth is {natural.y}."
    figures = [("natural classifier says", float(f)), ("robust classifier says", float(r))]
    if facts.record:
        error, attack = facts.record.robust_error, facts.record.recipe["scenarios"]["robust"]["attack"]
        why += (
            f" But robust does not mean safe: at ε = {attack['eps']:g} the same kind of attack fools the robust classifier "
            f"on {_of_100(error.value)} of 100 test images, and with more than that it was never trained."
        )
        figures.append((f"robust classifier fooled, eps {attack['eps']:g}", error.value))
    option = [(True, True), (True, False), (False, True), (False, False)].index(fooled)
    return Answer(option=option, why=why, figures=tuple(figures))


def _fool_detector(facts: Facts) -> Answer:
    start, end, detector = _climb(facts)
    option = 0 if end >= THRESHOLD else 1 if end - start >= MOVED else 2
    why = f"The logit goes from {start:.1f} to {end:.1f}. " + (
        f"That is above T = {THRESHOLD:g}: this attack has won. Look at the picture: how much of an 8 did it have to draw?"
        if option == 0
        else f"The attack draws strokes of an 8, for nothing else raises this logit, but ε is too small to finish it, and "
        f"T = {THRESHOLD:g} is not reached."
        if option == 1
        else "This attack found nothing that raises it. Another one might."
    )
    rows = facts.system.card.metrics.get(protocol(facts.system), {}).get("rows")
    figures = [("logit before", start), ("logit after", end)]
    if rows:
        worst = rows[detector]["worst"]
        why += (
            f" Over {worst['n']:,} attacked test images the AUC of this detector is {worst['value']:.4f}: a natural "
            f"{detector} nearly always has the higher logit."
        )
        figures.append((f"AUC of detector {detector}, attacked", worst["value"]))
    return Answer(option=option, why=why, figures=tuple(figures))


def _looks_like_target(facts: Facts) -> Answer | None:
    grid = facts.comparison
    if grid is None or "robust" not in grid.images:
        return None
    targets = torch.arange(grid.classes)
    fooled = (decide(facts.system, "robust", grid.logits["robust"])[0] == targets) & grid.is_pair
    accepted = fooled & (grid.logits["robust"]["generative"].diagonal(dim1=1, dim2=2) >= THRESHOLD)
    pairs, n, m = int(grid.is_pair.sum()), int(fooled.sum()), int(accepted.sum())
    if not n:
        return None
    why = (
        f"Of {pairs} digits pushed towards another class, {n} made the robust classifier see the target. The detector of "
        f"the target accepts {m} of these {n} at T = {THRESHOLD:g}. "
    )
    why += (
        "They convince one network, and do not look like the target. To convince a detector, an attack has to draw."
        if m / n <= FEW
        else "So here the two kinds of network see something in common."
    )
    option = 2 if m / n <= FEW else 0 if m / n >= MOST else 1
    figures = (("pairs", pairs), ("robust classifier sees the target", n), ("of these, accepted by its detector", m))
    name = facts.system.name
    made = (comparison_command(name, grid.settings), comparison_code(name, grid.settings))
    snippets = (("The stored comparison, on the command line and in Python:", *made),)
    return Answer(option=option, why=why, figures=figures, snippets=snippets)


def _rubbish(facts: Facts) -> Answer | None:
    made = facts.generated
    if made is None:
        return None
    n = made.judged_noise.numel()
    sure, seen = ({model: shares(model) for model in MODELS} for shares in (made.sure, made.judged_as_target))
    mostly = tuple(sure[model].value >= HALF for model in MODELS)
    option = _SURE.index(mostly) if mostly in _SURE else len(_SURE)

    def counts(shares: dict[Model, Interval]) -> str:
        return ", ".join(f"{round(n * shares[model].value)} ({VICTIMS[model]})" for model in MODELS)

    why = (
        f"Of {n} results each, so many have a higher target logit than the lowest {LOW_MARK:.0%} of natural digits of that "
        f"class: {counts(sure)}. And do they show anything? An independent classifier, which no attack has seen, finds the "
        f"target in {counts(seen)}. Trust your own eyes more: it is a natural classifier itself, and may fall for the same "
        "rubbish."
    )
    figures = tuple(
        (f"{VICTIMS[model]}: {label}", shares[model].value)
        for model in MODELS
        for label, shares in (("sure", sure), ("target found", seen))
    )
    name = facts.system.name
    made_by = (generation_command(name, made.settings), generation_code(name, made.settings))
    snippets = (("The stored images, on the command line and in Python:", *made_by),)
    return Answer(option=option, why=why, figures=figures, snippets=snippets)


def _choosing_t(facts: Facts) -> Answer | None:
    if facts.record is None:
        return None
    decisions = facts.record.generative
    shares = (operating_points.REJECTION, GIVEN_UP)
    low, high = (operating_points.accepting(decisions.held_out, share) for share in shares)
    before, after = curves.at(decisions, low), curves.at(decisions, high)
    ratio = after.error.value / before.error.value if before.error.value else 1.0
    option = 0 if ratio > 2 / 3 else 1 if ratio > 1 / 3 else 2
    why = (
        f"T goes from {low:g} to {high:g}. Of 100 attacked test images {_of_100(before.error.value)} were fooled and "
        f"accepted, now {_of_100(after.error.value)}. The price: {_of_100(1 - after.tpr.value)} of 100 natural test images "
        f"are rejected, instead of {_of_100(1 - before.tpr.value)}. T was chosen on {len(decisions.held_out):,} other "
        "images: one that is chosen on the test images themselves looks better than it is."
    )
    figures = (
        ("T, few rejected", low),
        ("fooled and accepted", before.error.value),
        ("natural rejected", 1 - before.tpr.value),
        ("T, more rejected", high),
        ("fooled and accepted", after.error.value),
        ("natural rejected", 1 - after.tpr.value),
    )
    name = facts.system.name
    snippets = tuple(
        (
            f"The rates where {share:.0%} of the held-out clean images may be rejected, T = {threshold:g}:",
            command(name, threshold),
            python_code(name, threshold),
        )
        for share, threshold in zip(shares, (low, high), strict=True)
    )
    return Answer(option=option, why=why, figures=figures, snippets=snippets)


def _limits(facts: Facts) -> Answer:
    start, end, _ = _climb(facts)
    trained, used = facts.system.card.eps, facts.traces[0].settings.eps
    accepted = end >= THRESHOLD
    why = (
        f"The logit goes from {start:.1f} to {end:.1f}: **{'accepted' if accepted else 'rejected'}** at T = {THRESHOLD:g}. "
        f"The detector was trained with ε = {trained:g}, and here a pixel may change by {used:g}. "
        + (
            "Then again, look at the picture: it has become more of an 8, too. Where exactly does a 3 end?"
            if accepted
            else "It still holds against this one attack on this one image. That is luck, not a promise."
        )
    )
    return Answer(option=int(not accepted), why=why, figures=(("logit before", start), ("logit after", end)))


def _climb(facts: Facts) -> tuple[float, float, int]:
    """The attacked detector's logit at the start and at the end, and its class."""
    (run,) = facts.traces
    detector = run.settings.detector
    assert detector is not None
    return float(run.z_h[0, detector]), float(run.z_h[run.kept, detector]), detector


def _fooled_words(fooled: bool, y: int) -> str:
    return f", and the truth is {y}" if fooled else ", which is right: this attack failed"


def _of_100(share: float) -> str:
    """A share as a number out of 100, such as "12.8"."""
    return f"{100 * share:.1f}".removesuffix(".0")


ANSWERS: dict[str, Callable[[Facts], Answer | None]] = {
    "why-detect": _why_detect,
    "fool-classifier": _fool_classifier,
    "fool-detector": _fool_detector,
    "looks-like-target": _looks_like_target,
    "rubbish": _rubbish,
    "choosing-t": _choosing_t,
    "limits": _limits,
}
