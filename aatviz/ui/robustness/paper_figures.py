"""The figures of the paper's tables: AUC beside the paper's, a heat map of all detectors, curves by attack, distortion."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from aatviz.thresholds.curves import Curve, corners
from aatviz.ui.common.plots import HATCH, layout
from aatviz.ui.common.theme import NATURAL, PAPER, PERTURBED

STYLES = (
    ("#0072B2", "solid", "circle"),
    ("#D55E00", "dash", "diamond"),
    ("#009E73", "dot", "square"),
    ("#CC79A7", "dashdot", "x"),
    ("#E69F00", "longdash", "star"),
    ("#56B4E9", "longdashdot", "triangle-up"),
)
"""A colour, a dash and a marker for each curve of a figure."""
ZERO = 1e-7
"""The place of 0 on a log axis, which has none: a point at 0 would not be drawn."""
HALF = 0.6
"""Where no line ends lower, the upper half of the axis is enough."""
TICKS = [factor * 10.0**power for power in range(-6, 0) for factor in (1, 3)]


def aucs(rows: list[tuple[str, dict[str, Any], float | None]]) -> go.Figure:
    """1 - AUC on a log axis, for rows of (label, measured AUC, the paper's AUC); the paper's are upright marks. A perfect
    AUC stands at `ZERO`."""
    fig = go.Figure()
    places = list(range(len(rows)))
    measured = [value for _, value, _ in rows]
    fig.add_scatter(
        x=[max(1 - value["value"], ZERO) for value in measured],
        y=places,
        customdata=[[label, value["value"], value["low"], value["high"], value["n"]] for label, value, _ in rows],
        error_x={
            "type": "data",
            "array": [value["value"] - value["low"] for value in measured],
            "arrayminus": [value["high"] - value["value"] for value in measured],
            "thickness": 1.5,
            "width": 3,
        },
        mode="markers",
        name="this system",
        marker={"symbol": PERTURBED.symbol, "color": PERTURBED.colour, "size": 11},
        hovertemplate="%{customdata[0]}<br>AUC %{customdata[1]:.5f}, 95% interval %{customdata[2]:.5f} to "
        "%{customdata[3]:.5f}, n = %{customdata[4]:,}<extra></extra>",
    )
    paper = [(place, value) for place, (_, _, value) in enumerate(rows) if value is not None]
    if paper:
        fig.add_scatter(
            x=[max(1 - value, ZERO) for _, value in paper],
            y=[place for place, _ in paper],
            customdata=[value for _, value in paper],
            mode="markers",
            name="the paper",
            marker={"symbol": "line-ns", "color": PAPER.colour, "size": 17, "line": {"width": 3, "color": PAPER.colour}},
            hovertemplate="the paper: AUC %{customdata:.5f}<extra></extra>",
        )
    layout(fig, 160 + 30 * len(rows), below=100)
    fig.update_layout(margin={"l": 190})
    fig.update_yaxes(range=[len(rows) - 0.5, -0.5], tickvals=places, ticktext=[label for label, _, _ in rows])
    ticks = {tick: f"{tick:g}" for tick in TICKS} | {ZERO: "0"}
    fig.update_xaxes(title="1 - AUC, share of wrong pairs", type="log", tickvals=list(ticks), ticktext=list(ticks.values()))
    return fig


def heat_map(labels: list[str], columns: dict[str, list[float]]) -> go.Figure:
    """The AUC of these detectors (rows, by their labels) under every attack (columns), the darker the worse."""
    values = np.array(list(columns.values())).T
    fig = go.Figure(
        go.Heatmap(
            z=-np.log10(np.clip(1 - values, 1e-5, 1)),
            x=list(columns),
            y=labels,
            customdata=values,
            text=[[f"{value:.4f}" for value in row] for row in values],
            texttemplate="%{text}",
            hovertemplate="detector %{y}, %{x}: AUC %{customdata:.5f}<extra></extra>",
            textfont={"color": "#111111"},
            colorscale=[[0, "#6aaed6"], [1, "#f7fbff"]],  # light enough for its text, in both themes
            showscale=False,
        )
    )
    layout(fig, 150 + 27 * len(labels), below=110)
    fig.update_layout(margin={"l": 70 + 6 * max(0, max(map(len, labels)) - 6)})
    fig.update_xaxes(tickangle=25)
    fig.update_yaxes(autorange="reversed", showgrid=False)
    return fig


def curves(found: dict[str, Curve], kind: str) -> go.Figure:
    """One line for each attack scenario: TPR over FPR where `kind` is "roc", accuracy over error where it is "error"."""
    fig = go.Figure()
    for place, (name, curve) in enumerate(found.items()):
        lap, step = divmod(place, len(STYLES))
        colour, dash = STYLES[step][0], STYLES[(step + 2 * lap) % len(STYLES)][1]  # no two alike
        x, y = (curve.fpr, curve.tpr) if kind == "roc" else (curve.error, curve.accuracy)
        keep = corners(x, y)
        fig.add_scatter(
            x=x[keep].numpy(),
            y=y[keep].numpy(),
            mode="lines",
            name=name,
            line={"color": colour, "dash": dash, "width": 2},
            hovertemplate=f"{name}<br>%{{x:.1%}}, %{{y:.1%}}<extra></extra>",
        )
    labels = {
        "roc": ("false positives: misclassified and accepted", "true positives: natural and accepted"),
        "error": ("error on attacked images", "accuracy on natural images"),
    }
    layout(fig, 480, below=200)
    fig.update_xaxes(title=labels[kind][0], range=[-0.02, 1.02], tickformat=".0%")
    highest = min(float((curve.tpr if kind == "roc" else curve.accuracy).max()) for curve in found.values())
    lowest = 0.49 if highest > HALF else -0.01
    fig.update_yaxes(title=labels[kind][1], range=[lowest, 1.01], tickformat=".0%")
    return fig


def distortion(distances: NDArray[Any], mean: float, paper: float | None) -> go.Figure:
    """How far each image had to be moved, with our mean and the paper's."""
    fig = go.Figure()
    fig.add_histogram(
        x=distances,
        nbinsx=40,
        name="images",
        marker={"color": PERTURBED.colour, "pattern": HATCH | {"shape": "x"}},
        hovertemplate="L2 distance %{x}: %{y} images<extra></extra>",
    )
    marks = [(mean, "mean here", NATURAL.colour), *([(paper, "mean, the paper", PAPER.colour)] if paper else [])]
    for place, (value, words, colour) in enumerate(marks):
        fig.add_vline(x=value, line={"color": colour, "dash": "dash" if place else "solid", "width": 3})
        fig.add_annotation(x=value, y=1.08 + 0.09 * place, yref="paper", text=f"{words}: {value:.2f}", showarrow=False)
    layout(fig, 360)
    fig.update_layout(margin={"t": 70}, showlegend=False)
    fig.update_xaxes(title="L2 distance of the false positive from its image")
    fig.update_yaxes(title="images")
    return fig
