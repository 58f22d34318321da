"""The table of docs/results.md on the smallest distortion: every stored search, beside the paper's tables 3 and 5."""

from aatviz.metrics.format import interval, markdown_table
from aatviz.recipes.evaluation import DistortionEvaluation
from aatviz.recipes.paper import evaluations_of
from aatviz.store.results import valid_records
from aatviz.store.systems import load_system, systems

HEAD = ["system", "search", "T", "it accepts", "mean, last iterate", "mean, nearest", "paper", "false positives"]


def table() -> list[str]:
    """The lines; none before a search has been run."""
    rows = [HEAD]
    for system in map(load_system, systems()):
        records = valid_records(system.folder, system.card)
        for name, recipe in evaluations_of(system.card).items():
            if not isinstance(recipe, DistortionEvaluation) or name not in records:
                continue
            record = records[name]
            found, accepted = record["distortion"], record.get("accepted", recipe.true_positive_rate)
            paper = "" if recipe.paper is None else f"{recipe.paper:g} ({recipe.paper_rate:.2%})"
            means = [interval(found[which], 2) for which in ("last", "best")]
            rate = interval(found["last"]["false_positive_rate"], with_n=True)
            rows.append([f"`{system.name}`", name, f"{record['threshold']:.2f}", f"{accepted:.1%}", *means, paper, rate])
    if len(rows) == 1:
        return []
    text = (
        "The mean L2 distortion that makes an image of another class a false positive, unconstrained, by a search for the "
        "constant c of loss 16 (tables 3 and 5), with 95 % intervals: of the last iterate with the largest c that works, "
        "the paper's, and of the nearest of all iterates. T is the one that accepts 95 % of natural images, or the "
        "paper's own. In brackets behind the paper's mean: its share of false positives."
    )
    return ["", text, "", markdown_table(rows)]
