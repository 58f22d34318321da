"""The curves of training as an SVG."""

from html import escape
from typing import NamedTuple

from benchmarks.training.candidates import TARGET
from benchmarks.training.curve import Curve

WIDTH, HEIGHT, LEFT, BELOW, TOP = 620, 340, 60, 50, 24
LOWEST = 0.99
LEGEND = 170
"""Pixels between the beginning of the legend and the right end of the axis."""


class Style(NamedTuple):
    """How one curve looks; each part alone tells it from the others."""

    color: str
    dash: str
    """Of the line; empty for a solid one."""
    marker: str
    """A path around (0, 0)."""
    filled: bool = True


DISC = "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z"
SQUARE = "M-3.5,-3.5h7v7h-7z"
STYLES = (
    Style("#0072b2", "", DISC),
    Style("#d55e00", "9 4", SQUARE),
    Style("#009e73", "2 4", "M0,-5L4.5,3.5H-4.5z"),
    Style("#cc79a7", "12 4 2 4", "M0,-5.5L5,0L0,5.5L-5,0z"),
    Style("#000000", "5 3", DISC, filled=False),
    Style("#e69f00", "16 4", "M0,5L4.5,-3.5H-4.5z"),
    Style("#56b4e9", "7 3 2 3 2 3", SQUARE, filled=False),
    Style("#882255", "4 6", "M-4,-4L4,4M-4,4L4,-4", filled=False),
    Style("#999933", "1 3", "M-5,0H5M0,-5V5", filled=False),
    Style("#332288", "3 2", "M-5,0L0,-3L5,0L0,3z"),
)


def svg(found: dict[str, Curve], where: str) -> str:
    """One line for each candidate, over seconds; `where` ends the axis' name. 1 - AUC on a logarithmic axis would hide how
    flat they end, so the axis is plain."""
    most = max(seconds for points in found.values() for seconds, _ in points) * 1.02

    def at(seconds: float, auc: float) -> tuple[float, float]:
        share = (max(auc, LOWEST) - LOWEST) / (1 - LOWEST)
        return round(LEFT + WIDTH * seconds / most, 1), round(TOP + HEIGHT * (1 - share), 1)

    parts = []
    for auc in (0.99, 0.992, 0.994, 0.996, 0.998, 1.0):
        _, y = at(0, auc)
        dash = "" if auc == TARGET else ' stroke-dasharray="2 4"'
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}" stroke="#888"{dash}/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{auc:.3f}</text>')
    for minute in range(0, int(most // 60) + 1, max(int(most // 600), 1)):
        x, y = at(60 * minute, LOWEST)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{minute}</text>')
    parts.append(
        f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 40}" text-anchor="middle">minutes of training on {where}</text>'
    )
    parts.append(f'<text x="8" y="{TOP - 8}">mean AUC under attack, validation images</text>')
    lines: list[str] = []
    left, top = LEFT + WIDTH - LEGEND, TOP + HEIGHT - 20 * len(found) - 5
    legend = [f'<rect x="{left - 8}" y="{top - 10}" width="{LEGEND}" height="{20 * len(found)}" fill="#fff"/>']
    for place, (name, curve) in enumerate(found.items()):
        style, y = STYLES[place % len(STYLES)], top + 20 * place
        lines += _line([at(*point) for point in curve], style)
        legend += _line([(left, y), (left + 25, y), (left + 50, y)], style, markers=slice(1, 2))
        legend.append(f'<text x="{left + 58}" y="{y + 4}">{escape(name)}</text>')
    width, height = LEFT + WIDTH + 20, TOP + HEIGHT + BELOW
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img" aria-label="Mean AUC over training time"><style>text{font:12px sans-serif;fill:#222}</style>'
    )
    return "\n".join(
        [head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "<g>", *legend, "</g>", *lines, "</svg>\n"]
    )


def _line(points: list[tuple[float, float]], style: Style, markers: slice = slice(None)) -> list[str]:
    """A line through these points, and markers on some of them."""
    line = " ".join(f"{x},{y}" for x, y in points)
    dash = f' stroke-dasharray="{style.dash}"' if style.dash else ""
    fill = style.color if style.filled else "#fff"
    drawn = [f'<polyline points="{line}" fill="none" stroke="{style.color}" stroke-width="1.5"{dash}/>']
    for x, y in points[markers]:
        place = f'transform="translate({x},{y})"'
        drawn.append(f'<path d="{style.marker}" {place} fill="{fill}" stroke="{style.color}" stroke-width="1.5"/>')
    return drawn
