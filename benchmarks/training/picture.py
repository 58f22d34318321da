"""The curves of training as an SVG."""

from html import escape

from benchmarks.training.candidates import TARGET
from benchmarks.training.curve import Curve

WIDTH, HEIGHT, LEFT, BELOW, TOP = 620, 340, 60, 50, 24
COLORS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000")
LOWEST = 0.99


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
    for place, (name, curve) in enumerate(found.items()):
        color, points = COLORS[place % len(COLORS)], [at(*point) for point in curve]
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
