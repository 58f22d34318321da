"""The results as one SVG: a bar for every engine, as long as it is faster than the fastest peer."""

from html import escape

from benchmarks.peers.cases import FEWER, LISTED, OURS, Contestant
from benchmarks.peers.rows import Result, images
from benchmarks.peers.table import against_fastest

LEFT, WIDTH, RIGHT, BAR, GAP = 360, 480, 190, 16, 4
COLORS = dict.fromkeys((OURS, LISTED, FEWER), "#1f5fa8")
OTHERS = "#8a8f98"
STYLE = (
    "text{font:12px sans-serif;fill:#222;paint-order:stroke;stroke:#fff;stroke-width:4px}.title{font:bold 14px sans-serif}"
)


def svg(result: Result) -> str:
    """Cases below each other, the bars of a case to one scale; the line is the fastest peer as it ships on the same bank."""
    parts: list[str] = []
    y = 24
    for name, case in result["cases"].items():
        bars = [(found, speed) for found in case["found"] if (speed := against_fastest(case, found)) is not None]
        if not bars:
            continue
        unit = WIDTH / max(speed for _, speed in bars)
        parts.append(_text(8, y, f"{name}: {case['about']}, {images(case['images'])}, {case['steps']} steps", kind="title"))
        y += 10
        x, bottom = round(LEFT + unit, 1), y + len(bars) * (BAR + GAP)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{y - 2}" y2="{bottom}" stroke="#222" stroke-dasharray="3 3"/>')
        for found, speed in bars:
            who = str(Contestant(found["engine"], found["precision"], found["bank"]))
            parts.append(_text(LEFT - 8, y + BAR - 4, who, anchor="end"))
            color = COLORS.get(found["engine"], OTHERS)
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{unit * speed:.1f}" height="{BAR}" fill="{color}"/>')
            parts.append(_text(round(LEFT + unit * speed) + 6, y + BAR - 4, f"{speed:.2f} x, {found['median']:.3g} s"))
            y += BAR + GAP
        y += 30
    width = LEFT + WIDTH + RIGHT
    parts.append(_text(8, y, "1 x, the dashed line, is the fastest peer in fp32 on the same bank. Medians of one run."))
    size = f'width="{width}" height="{y + 16}" viewBox="0 0 {width} {y + 16}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="Speed of attack engines">'
    return "\n".join([head, f"<style>{STYLE}</style>", '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>\n"])


def _text(x: int, y: int, words: str, *, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'
