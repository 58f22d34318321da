"""The table of docs/results.md on L2 5.0, where balls hold real images of the class: what an attack can have left there."""

from aatviz.metrics.format import interval, markdown_table
from aatviz.store.results import valid_records
from aatviz.store.systems import load_system

SYSTEM, TABLE, LOOKED_UP = "mnist-l2-5.0-shared", "table-2", "real-images"
ATTACK = "200 x 0.1"
HEAD = [
    "detector",
    "paper",
    "here, the same attack",
    "here, worst of all",
    "here, a real one shown",
    "images with a real one in reach",
    "own images that these outrank, in the paper at most",
]


def table() -> list[str]:
    """The lines; none before both evaluations have been run."""
    system = load_system(SYSTEM)
    records = valid_records(system.folder, system.card)
    if TABLE not in records or LOOKED_UP not in records:
        return []
    real = {row["detector"]: row for row in records[LOOKED_UP]["rows"]}
    rows = [HEAD]
    for row in records[TABLE]["rows"]:
        shown, paper = real[row["detector"]], row["paper"][ATTACK]
        reach = shown["in_reach"]["value"]
        most = f"{min((1 - paper) / reach, 1):.1%}" if reach else "no limit: none in reach"
        measured = [row["last"][ATTACK], row["worst"], shown["auc"]]
        cells = [*(interval(value, 5) for value in measured), interval(shown["in_reach"]), most]
        rows.append([f"{row['detector']}", f"{paper:.5f}", *cells])
    text = (
        f"`{SYSTEM}` behind the paper's table 2 (Adam {ATTACK}, from the image itself, last iterate): how much of that can "
        "be the attack. An attacker who only looks up training images of the class in the ball needs no gradient. If they "
        "outrank as many of the class's test images as another image of the class does, half, each image with one in reach "
        "costs half its share of the AUC. The last column says how many they can outrank at most if the paper's AUC is "
        "that of the strongest attack. Where that is far below half, the paper's attack misses what the ball holds; where "
        "it is all of them, the difference between the columns is the detector's."
    )
    return ["", text, "", markdown_table(rows)]
