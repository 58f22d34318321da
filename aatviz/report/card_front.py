"""The first part of the README of a checkpoint folder: what the system is, how to load it, what it withstands and what
not."""

from collections.abc import Mapping
from typing import Any

from aatviz.data.registry import dataset
from aatviz.data.spec import UnknownDataset, written, written_beside
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.metrics.format import headline, interval, markdown_table, means_of
from aatviz.recipes.paper import WORST_CASE, all_detectors
from aatviz.report.subsample import pushed_out
from aatviz.runtime.printed import system_line
from aatviz.store import pretrained
from aatviz.store.card import Card

Record = Mapping[str, Any]
MANY = 0.01
"""From this share on, the README mentions images whose ball holds a real image of another class."""


def front(card: Card, honest: Record | None, thorough: Record | None) -> str:
    """The first part of the README, in Markdown. `honest` and `thorough` are the records of the honest protocol, and of what
    goes beyond it, if these weights have them."""
    lines = [f"# {card.system}", card.about, _holds(card)]
    lines += ["## Load it", f"```python\nimport aatviz\n\n{system_line(card.system)}\n```"]
    lines += [
        "In the app it is in the sidebar. In the place of the name, the path of this folder will do.",
        "## What it withstands",
    ]
    lines += _withstands(card, honest) if honest else _not_judged(card)
    lines += ["## What it does not withstand", *_does_not(card, honest, thorough), "## Licence and data", _licence(card)]
    return "\n\n".join(lines) + "\n"


def _ball(card: Card) -> str:
    return f"{card.norm} {written(card.eps)}"


def _holds(card: Card) -> str:
    networks = len(card.files.detectors)
    bank = "one detector" if len(card.bank) == 1 else f"{len(card.bank)} detectors"
    bank += " in one network" if networks == 1 < len(card.bank) else ""
    others = {"a natural classifier": True, "a robust classifier": card.files.robust, "a judge": card.files.judge}
    found = [bank, *(name for name, file in others.items() if file), *(["class Gaussians"] if card.files.gaussians else [])]
    return f"It holds {', '.join(found[:-1])} and {found[-1]}, trained on {_title(card)} against attacks of {_ball(card)}."


def _withstands(card: Card, honest: Record) -> list[str]:
    rows = [["attacked", "clean images rejected", "accuracy", "misclassified and accepted", "n"]]
    for victim, found in honest["victims"].items():
        for row in found["at"][1:]:
            error = row["error"][EVERY]
            cells = [f"{victim} classifier", f"{row['clean_rejection']:.0%}", interval(row["accuracy"], 1, percent=True)]
            rows.append([*cells, interval(error, 1, percent=True), f"{error['n']:,}"])
    words = (
        f"The honest protocol tries every attack known to hurt, in the ball {_ball(card)}, and the worst of them counts for "
        "each test image. Thresholds come from held-out clean images. In brackets: 95 % intervals."
    )
    return [words, markdown_table(rows)]


def _not_judged(card: Card) -> list[str]:
    """What is known without the honest protocol: the detectors' AUC, and the errors under one attack."""
    words = "The honest protocol has not been run on these weights, so all below is weaker evidence."
    kinds = {all_detectors(*card.threat): "the paper's attack", WORST_CASE: "the worst of three optimizers with restarts"}
    whose = "AUC of the detector" if len(card.bank) == 1 else "Mean AUC of the detectors"
    found = [
        f"- {whose} under {attack}: {interval(mean)}, n = {mean['n']:,}."
        for name, attack in kinds.items()
        if name in card.metrics
        for mean in [headline(means_of(card.metrics[name]))]
    ]
    errors = card.metrics.get("curves", {}).get("error_without_rejection", {})
    found += [
        f"- The {victim} classifier errs on {interval(error, 1, percent=True)} of attacked images (n = {error['n']:,}), "
        "with nothing rejected and its own loss alone."
        for victim, error in errors.items()
    ]
    return [words, "\n".join(found)] if found else [words]


def _does_not(card: Card, honest: Record | None, thorough: Record | None) -> list[str]:
    points = [f"- Another norm, or a ball larger than {_ball(card)}: it was not trained for that."]
    points += _real_images(card)
    if thorough:
        points.append(
            f"- {pushed_out(card, thorough)} Nothing in their training keeps detectors from letting go of their own images."
        )
    if honest:
        points += _larger_balls(card, honest)
        free = {victim: found["at"][0]["error"][EVERY]["value"] for victim, found in honest["victims"].items()}
        listed = ", ".join(f"{value:.0%} for the {victim} classifier" for victim, value in free.items())
        points.append(f"- With nothing rejected, attacks get their way on so many images: {listed}.")
        points += _robust_is_safer(honest)
    points.append("- Attacks that nobody has tried yet. No number here is a proof.")
    return ["\n".join(points)]


def _real_images(card: Card) -> list[str]:
    """A sentence for balls that hold many real images of other classes."""
    record = card.metrics.get("real-images")
    share = means_of(record)["in_reach"] if record else {"value": 0.0}
    if share["value"] < MANY:
        return []
    return [
        f"- Looking things up: {interval(share, 1, percent=True)} of the images have a real training image of another class "
        f"in their ball (n = {share['n']:,}). A detector is right to accept that one, so such a ball asks for too much."
    ]


def _larger_balls(card: Card, honest: Record) -> list[str]:
    """A sentence about the largest ball of the sweep, apart from the whole box, at the last threshold."""
    tried = [setting["eps"] for setting in honest["settings"]["eps"]]
    places = [place for place, eps in enumerate(tried[:-1]) if eps > card.eps]
    if not places or "generative" not in honest["victims"]:
        return []
    row = honest["victims"]["generative"]["at"][-1]
    error, radius = row["sweeps"]["eps"][places[-1]], written_beside(tried[places[-1]], card.eps)
    return [
        f"- At {card.norm} {radius} the generative classifier accepts {interval(error, 0, percent=True)} of "
        f"attacked images as the wrong class, where {row['clean_rejection']:.0%} of clean images are rejected "
        f"(n = {error['n']:,})."
    ]


def _robust_is_safer(honest: Record) -> list[str]:
    """A sentence where the baseline is fooled less often than the detectors, at the last threshold."""
    at_last = {victim: found["at"][-1]["error"][EVERY]["value"] for victim, found in honest["victims"].items()}
    if not {"generative", "robust"} <= at_last.keys() or at_last["robust"] >= at_last["generative"]:
        return []
    return [
        f"- It is no safer than the robust classifier beside it, which is fooled on {at_last['robust']:.1%} of the images "
        f"where the generative classifier is on {at_last['generative']:.1%}."
    ]


def _title(card: Card) -> str:
    try:
        return dataset(card.dataset).title
    except UnknownDataset:
        return card.dataset


def _licence(card: Card) -> str:
    starts = (pretrained.named(job.get("start_from")) for job in card.recipe.get("jobs", ()))
    others = [pretrained.KNOWN[name] for name in dict.fromkeys(starts) if name in pretrained.KNOWN]
    files = ", ".join(f"{one.file} ({one.licence})" for one in others)
    ours = "under the licence of the code"
    weights = f"Finetuned from {files}; what was added is {ours}." if files else f"The weights are {ours}."
    try:
        known = dataset(card.dataset)
    except UnknownDataset:
        data = f"Trained on the data set {card.dataset}, which is not on this machine; its licence is that of its images."
        return f"{weights} {data}"
    copy = known.copies.get(card.data_hash)
    source = f"{known.source}; this system's are {copy}" if copy else known.source
    return f"{weights} Data: {known.title} ({known.licence}); here from {source}."
