"""The figures of the honest protocol: error by attack, and error along one setting of an attack."""

import math
from typing import Any

import plotly.graph_objects as go

from aatviz.data.spec import written_beside
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.ui.common.plots import layout
from aatviz.ui.common.theme import GENERATIVE, INTEGRATED, ROBUST, Meaning
from aatviz.ui.robustness.words import ROWS

VICTIMS: dict[str, Meaning] = {"generative": GENERATIVE, "integrated": INTEGRATED, "robust": ROBUST}
MOST_LINEAR = 20
"""The whole box is at most so many times larger than the smallest ball on a linear axis."""
AXES = {"steps": "steps of PGD", "step_size": "step size", "eps": "radius ε of the ball"}
LABELS_APART = 0.25
"""Two texts below a logarithmic axis are at least so far apart, as a share of it."""
SHIFTS = (-0.24, 0.0, 0.24)
LEAST_RANGE = 0.1
"""The axis of errors reaches at least this far, so that a tiny error does not look large."""


def by_attack(found: dict[str, dict[str, Any]]) -> go.Figure:
    """The error of each victim under each attack, with its 95 % interval; by the rows of `words.ROWS`."""
    fig = go.Figure()
    shown = [row for row in ROWS if any(row in values for values in found.values())]
    for shift, (victim, values) in zip(SHIFTS, found.items(), strict=False):
        meaning = VICTIMS[victim]
        errors = list(values.values())
        fig.add_scatter(
            x=[value["value"] for value in errors],
            y=[shown.index(row) + shift for row in values],
            customdata=[[ROWS[row], value["low"], value["high"], value["n"]] for row, value in values.items()],
            error_x={
                "type": "data",
                "array": [value["high"] - value["value"] for value in errors],
                "arrayminus": [value["value"] - value["low"] for value in errors],
                "thickness": 1.5,
                "width": 3,
            },
            mode="markers",
            name=meaning.label,
            marker={"symbol": meaning.symbol, "color": meaning.colour, "size": 10},
            hovertemplate=f"{meaning.label}<br>%{{customdata[0]}}: %{{x:.1%}} fooled<br>95% interval "
            "%{customdata[1]:.1%} to %{customdata[2]:.1%}, n = %{customdata[3]:,}<extra></extra>",
        )
    last = shown.index(EVERY)
    fig.add_hrect(y0=last - 0.45, y1=last + 0.45, fillcolor="rgba(128, 128, 128, 0.18)", line_width=0, layer="below")
    most = max(value["high"] for values in found.values() for value in values.values())
    layout(fig, 150 + 38 * len(shown), below=110)
    fig.update_layout(margin={"l": 160})
    fig.update_yaxes(range=[len(shown) - 0.5, -0.5], tickvals=list(range(len(shown))), ticktext=[ROWS[row] for row in shown])
    fig.update_xaxes(title="misclassified and accepted", range=[0, max(LEAST_RANGE, min(most, 1)) * 1.02], tickformat=".0%")
    return fig


def sweep(rows: dict[str, dict[str, Any]], settings: list[dict[str, float]], name: str, trained: float | None) -> go.Figure:
    """The error of each victim along one setting; `trained`, for radii, marks that which the system is trained for."""
    fig = go.Figure()
    x = [setting[name] for setting in settings]
    texts = [f"{value:g}" if trained is None else written_beside(value, trained) for value in x]
    for victim, row in rows.items():
        _line(fig, victim, x, row["sweeps"][name], f"{AXES[name]} %{{customdata[3]}}: %{{y:.0%}} fooled", texts)
    if trained is not None:
        fig.add_vline(x=trained, line={"color": "#808080", "dash": "dot", "width": 2})
    layout(fig, 360, below=120)
    linear = name == "eps" and x[-1] < MOST_LINEAR * x[0]
    fig.update_xaxes(title=AXES[name], type="linear" if linear else "log", tickangle=0)
    if not linear:
        written = _apart(x, trained)
        short = [text if "/" in text or value >= 100 else f"{value:.3g}" for value, text in zip(x, texts, strict=True)]
        fig.update_xaxes(tickvals=[x[row] for row in written], ticktext=[short[row] for row in written])
    fig.update_yaxes(title="misclassified and accepted", range=[-0.03, 1.03], tickformat=".0%")
    return fig


def _apart(x: list[float], trained: float | None) -> list[int]:
    """The rows of the values that are written below a logarithmic axis, so far apart that the texts do not meet: of the one
    nearest to what the system is trained for, of both ends, and of others where there is room."""
    wished = [len(x) - 1, *range(len(x))]
    if trained is not None:
        wished.insert(0, min(range(len(x)), key=lambda row: abs(x[row] - trained)))
    room, kept = LABELS_APART * math.log(x[-1] / x[0]), list[int]()
    for row in wished:
        if all(abs(math.log(x[row] / x[other])) > room for other in kept):
            kept.append(row)
    return sorted(kept)


def total(rows: dict[str, dict[str, Any]], radii: list[float]) -> go.Figure:
    """The total error of each victim where images that a push within a share of eps gets rejected count as well."""
    fig, texts = go.Figure(), [f"{radius:g}" for radius in radii]
    for victim, row in rows.items():
        _line(fig, victim, radii, row["rejected"], "%{customdata[3]} ε: %{y:.0%} wrong, rejected or fooled", texts)
    layout(fig, 360, below=120)
    fig.update_xaxes(title="how far a push to be rejected may go, in ε", tickvals=radii)
    fig.update_yaxes(title="wrong, rejected or fooled", range=[-0.03, 1.03], tickformat=".0%")
    return fig


def _line(fig: go.Figure, victim: str, x: list[float], values: list[dict[str, Any]], words: str, texts: list[str]) -> None:
    """Add one victim's errors, with their intervals on hover; `texts` is x in words, the fourth of a point's data."""
    meaning = VICTIMS[victim]
    fig.add_scatter(
        x=x,
        y=[value["value"] for value in values],
        customdata=[[value["low"], value["high"], value["n"], text] for value, text in zip(values, texts, strict=True)],
        mode="lines+markers",
        name=meaning.label,
        line={"color": meaning.colour, "dash": meaning.dash, "width": 2},
        marker={"symbol": meaning.symbol, "color": meaning.colour, "size": 9},
        hovertemplate=f"{meaning.label}<br>{words}<br>95% interval "
        "%{customdata[0]:.0%} to %{customdata[1]:.0%}, n = %{customdata[2]}<extra></extra>",
    )
