"""The layers of the package, which a test holds every import to, and their picture for docs/architecture.md."""

LAYERS = [
    {"runtime"},
    {"data", "models", "metrics"},
    {"attacks"},
    {"recipes"},
    {"store"},
    {"thresholds"},
    {"aatviz"},
    {"train", "evaluate"},
    {"explore"},
    {"report"},
    {"cli"},
    {"ui.common"},
    {"ui.session"},
    {"ui.own"},
    {"ui.player"},
    {
        "ui.overview",
        "ui.attack",
        "ui.compare",
        "ui.generate",
        "ui.retouch",
        "ui.thresholds",
        "ui.detectors",
        "ui.robustness",
        "ui.playground",
        "ui.lessons",
        "ui.train",
    },
    {"ui"},
]
"""From the bottom up. One rule: what a room imports lies in that room itself or in a lower layer.

So the pages' folders, one layer, never import one another; `ui.player` and `ui.own` are views that pages may use.
"aatviz" is the public names, "ui" what frames all pages.
"""
ABOUT = {
    "runtime": "files, devices, processes",
    "data": "data sets",
    "models": "networks, bank, losses",
    "metrics": "equations, intervals",
    "attacks": "PGD and others, objectives",
    "recipes": "training and evaluation as data",
    "store": "systems, weights, cards",
    "thresholds": "choosing T",
    "aatviz": "the public names",
    "train": "AAT, Madry, natural",
    "evaluate": "recipe to record",
    "explore": "what pages show, as calls",
    "report": "records to Markdown",
    "cli": "aatviz COMMAND",
    "ui.common": "plots, words, address",
    "ui.session": "jobs, runs, caches",
    "ui.player": "an attack, step by step",
    "ui.own": "a visitor's picture",
    "ui": "the frame of all pages",
}
"""In the picture, under a name."""
WIDTH, ROW, GAP, EDGE, LABEL = 760, 40, 6, 12, 92
LIBRARY, UI = ("#dbeafe", "#1e40af"), ("#ffedd5", "#9a3412")
"""Fill and border."""


def picture() -> str:
    """The layers as an SVG, the lowest at the bottom."""
    height = len(LAYERS) * (ROW + GAP) + 2 * EDGE - GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" role="img">',
        "<title>The layers of aatviz: what a room imports lies in that room itself or in a lower layer.</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for place, rooms in enumerate(reversed(LAYERS)):
        y = EDGE + place * (ROW + GAP)
        pages = len(rooms) > len(ABOUT.keys() & rooms)
        names = [f"ui: {', '.join(sorted(room.removeprefix('ui.') for room in rooms))}"] if pages else sorted(rooms)
        width = (WIDTH - 2 * EDGE - LABEL - GAP * (len(names) - 1)) / len(names)
        lines += [_box(EDGE + LABEL + i * (width + GAP), y, width, name, pages) for i, name in enumerate(names)]
    lines += [_label(True), _label(False), "</svg>"]
    return "\n".join(lines) + "\n"


def _box(x: float, y: float, width: float, name: str, pages: bool) -> str:
    fill, border = UI if name.startswith("ui") else LIBRARY
    about = "the pages: a folder each, and none imports another" if pages else ABOUT[name]
    middle = f'x="{x + width / 2:g}" text-anchor="middle"'
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{ROW}" rx="5" fill="{fill}" stroke="{border}"/>'
        f'<text {middle} y="{y + 17:g}" font-size="13" font-weight="bold" fill="{border}">{name}</text>'
        f'<text {middle} y="{y + 32:g}" font-size="11" fill="#333333">{about}</text>'
    )


def _label(ui: bool) -> str:
    """The words at the left of the app's layers, or of the library's."""
    mine = [i for i, rooms in enumerate(reversed(LAYERS)) if any(room.startswith("ui") for room in rooms) == ui]
    y = EDGE + (mine[0] + mine[-1] + 1) / 2 * (ROW + GAP)
    name, about = ("the app", "needs Streamlit") if ui else ("the library", "needs no Streamlit")
    color = (UI if ui else LIBRARY)[1]
    return (
        f'<text x="{EDGE}" y="{y:g}" font-size="14" font-weight="bold" fill="{color}">{name}</text>'
        f'<text x="{EDGE}" y="{y + 15:g}" font-size="9" fill="#333333">{about}</text>'
    )
