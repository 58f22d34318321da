"""The table of docs/results.md on images that systems draw out of class noise: which bank draws best."""

from aatviz.data.registry import dataset
from aatviz.explore.generation.scores import DRAWN, NOISE, Scores, load_scores
from aatviz.metrics.format import interval, markdown_table
from aatviz.store.systems import System, load_system, systems

HEAD = [
    "system",
    "KID of its detectors' images",
    "of its robust classifier's",
    "of the noise",
    "the judge sees the class",
    "n",
]


def table() -> list[str]:
    """The lines; none where nothing was measured."""
    found = [(system, scores) for system in map(load_system, systems()) if (scores := load_scores(system))]
    if not found:
        return []
    rows = [HEAD]
    for system, scores in found:
        ours = scores.distance[DRAWN[0]]
        cells = [_kid(scores, name) for name in (*DRAWN, NOISE)]
        rows.append([f"`{system.name}`", *cells, interval(scores.accuracy[DRAWN[0]], 3), f"{ours.n:,}"])
    text = (
        "Images that each bank draws out of class noise with the settings of its Generate page, none selected: kernel "
        "inception distance to the images of the sample (lower is nearer), on the features of a judge that no attack saw, "
        "with its standard deviation; and how often the judge takes the detectors' images for the class. Distances are "
        f"comparable within a data set only. {' '.join(_best(found))} The Generate page of each system says the same of it."
    )
    return ["", text, "", markdown_table(rows)]


def _kid(scores: Scores, name: str) -> str:
    found = scores.distance[name]
    return f"{found.value:.3g} ± {found.std:.2g}"


def _best(found: list[tuple[System, Scores]]) -> list[str]:
    """For each data set with several banks, the one whose images come nearest, and its distance from the next."""
    by_data: dict[str, list[tuple[float, float, str]]] = {}
    for system, scores in found:
        ours = scores.distance[DRAWN[0]]
        by_data.setdefault(system.card.dataset, []).append((ours.value, ours.std, system.name))
    words = []
    for name, banks in by_data.items():
        if len(banks) > 1:
            (least, spread, best), (following, other, _) = sorted(banks)[:2]
            clear = "clearly" if following - least > 2 * (spread**2 + other**2) ** 0.5 else "not clearly"
            words.append(f"Of {dataset(name).title}'s banks, `{best}` comes nearest, {clear} (two standard deviations).")
    return words
