"""Two more readings of what is stored: the error in growing balls with its price on clean images, and what it would imply.

A classifier that may reject can withstand every attack and be of no use. So an image counts as an error here where the
natural image is misclassified or rejected, or where an attack in the ball makes it misclassified and accepted. As a curve
over eps from 0 that is the total error of Chen et al. (2023, arXiv 2305.01139), except that nobody here attacks to get a
barely perturbed image rejected: what is rejected counts on natural images alone, so this is a lower bound of theirs.

Tramer (2022, arXiv 2107.11630) shows that a classifier with reject option of such an error within eps implies one without,
perhaps very slow, of at most that error within eps / 2. Here the error is what known attacks reach, not the true one: where
it implies much more than anybody has reached, the attacks were too weak, rather than the detector strong.
"""

import math
from typing import Any

from torch import Tensor

from aatviz.data.spec import written_beside
from aatviz.evaluate.honest.verdict import EVERY, total_error, worst_case
from aatviz.evaluate.images import evenly, stored_scores
from aatviz.metrics import share
from aatviz.metrics.format import interval, markdown_table
from aatviz.runtime.files import read_arrays
from aatviz.store.results import result_file
from aatviz.store.systems import System
from aatviz.thresholds import curves
from aatviz.thresholds.choose import accepting, accepting_scores

REJECTION = 0.05
"""The share of held-out clean images that the threshold rejects."""
HEAD = ["victim", "eps 0: wrong or rejected", "within eps", "implied within eps / 2", "robust classifier here", "n"]


def of_curves(system: System) -> str:
    """Both readings at 0 and at the system's eps, under the attacks of figure 2; Markdown."""
    record = curves.load(system)
    rows = [HEAD]
    for victim in curves.JUDGES:
        decisions = getattr(record, victim)
        threshold = accepting(decisions.held_out, REJECTION)
        fooled = decisions.perturbed.accepted(threshold) & ~decisions.perturbed.right
        natural = ~(decisions.natural.accepted(threshold) & decisions.natural.right)
        found = total_error(evenly(natural, len(fooled)), fooled[None])
        robust = f"{interval(record.robust_error, percent=True, digits=1)} within eps"
        rows.append(_row(victim, found, robust))
    return _section("Rejecting counted, and what it would imply, under the attacks of figure 2", rows)


def of_honest(system: System, record: dict[str, Any]) -> str:
    """The error as a curve over eps from 0, and both readings under the worst of all attacks of the honest protocol;
    Markdown."""
    stored = read_arrays(result_file(system, record["recipe"]["name"], "npz"))
    arrays = stored_scores({name: array for name, array in stored.items() if array.dtype.kind != "U"})
    radii = [setting["eps"] for setting in record["settings"]["eps"]][:-1]  # the last one is the whole box
    along = [["victim", "eps 0", *(f"eps {written_beside(radius, system.card.eps)}" for radius in radii), "n"]]
    rows = [HEAD]
    for victim, found in record["victims"].items():
        scores = {key: arrays[f"{victim}/natural.{key}"] for key in ("score", "right", "held_out")}
        threshold = accepting_scores(scores["held_out"], REJECTION)
        natural = ~(scores["right"] & (scores["score"] >= threshold))
        swept = arrays[f"{victim}/sweep eps.scores"].T[:-1] >= threshold
        curve = total_error(evenly(natural, swept.shape[1]), swept)
        along.append([victim, *(f"{float(row.float().mean()):.0%}" for row in curve), str(swept.shape[1])])
        attacks = {name: arrays[f"{victim}/{name}.scores"] for name in found["at"][0]["error"] if name != EVERY}
        fooled = worst_case(attacks)[None] >= threshold
        rows.append(
            _row(victim, total_error(evenly(natural, fooled.shape[1]), fooled), _robust(record, arrays, system.card.eps))
        )
    curve_words = (
        "The same along the sweep over eps (PGD on the victim's own loss): natural images misclassified or rejected, or "
        "fooled in this ball or a smaller one."
    )
    text = _section("Rejecting counted, and what it would imply, under the worst of all attacks", rows)
    if "robust" in record["victims"]:
        nearest = (
            "The robust classifier's errors are those in the nearest balls of the sweep, one no larger than eps / 2 and one "
            "no smaller: its error within eps / 2 lies between them."
        )
        curve_words = f"{nearest}\n\n{curve_words}"
    return f"{text}\n{curve_words}\n\n{markdown_table(along)}\n"


def _robust(record: dict[str, Any], arrays: dict[str, Tensor], eps: float) -> str:
    """The error of the robust classifier, where nothing is rejected, in the balls of the sweep that are nearest to half of
    eps: the largest of at most that, and the smallest of at least that."""
    if "robust" not in record["victims"]:
        return ""
    radii = [setting["eps"] for setting in record["settings"]["eps"]]
    scores = arrays["robust/sweep eps.scores"].T
    right = evenly(arrays["robust/natural.right"], scores.shape[1])
    errors = total_error(~right, scores > -math.inf)[1:]
    above = next(place for place, radius in enumerate(radii) if radius >= eps / 2)
    below = above - 1 if above and radii[above] > eps / 2 else above
    return ", ".join(
        f"{interval(share(errors[place]), percent=True, digits=1, with_n=True)} within {written_beside(radii[place], eps)}"
        for place in range(below, above + 1)
    )


def _row(victim: str, found: Tensor, robust: str) -> list[str]:
    clean, attacked = (interval(share(row), percent=True, digits=1) for row in (found[0], found[-1]))
    return [victim, clean, attacked, f"at most {attacked.partition(' ')[0]}", robust, f"{found.shape[1]:,}"]


def _section(title: str, rows: list[list[str]]) -> str:
    words = (
        f"At the threshold that rejects {REJECTION:.0%} of held-out clean images an error is an image that is misclassified "
        "or rejected as it is, or that an attack in the ball gets misclassified and accepted (compare arXiv 2305.01139; "
        "nobody attacked here to get images rejected). Were these attacks the strongest there are, a classifier without "
        "reject option, perhaps a very slow one, would err on at most as many within eps / 2 (arXiv 2107.11630). The robust "
        "classifier rejects nothing, and may be trained for another ball."
    )
    return f"### {title}\n\n{words}\n\n{markdown_table(rows)}\n"
