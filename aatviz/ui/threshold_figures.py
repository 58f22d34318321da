"""The figures of the Thresholds page: ROC, accuracy against error, and the logits as histograms. T is in all of them."""

import math
from typing import Literal

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from aatviz.curves import AtThreshold, Curve, Decisions, corners
from aatviz.metrics import Interval
from aatviz.ui.theme import FOOLED, GENERATIVE, INTEGRATED, NATURAL, PERTURBED, REJECTED, ROBUST, THRESHOLD, Meaning

Scale = Literal["log", "linear"]
HATCHED = {"fillmode": "overlay", "fgcolor": "white", "fgopacity": 0.9, "solidity": 0.25, "size": 6}
MEANINGS = {"generative": GENERATIVE, "integrated": INTEGRATED}
HEIGHT = 460


def config(name: str) -> dict[str, object]:
    """Plotly's mode bar with one button: the picture as a PNG of that name."""
    picture = {"format": "png", "scale": 3, "filename": name}
    return {"displaylogo": False, "modeBarButtons": [["toImage"]], "displayModeBar": True, "toImageButtonOptions": picture}


def roc(curves: dict[str, Curve], now: dict[str, AtThreshold], scale: Scale, top: bool) -> go.Figure:
    """Equation 7 over equation 8 for every threshold, with the point of T on each curve."""
    fig = go.Figure()
    for name, curve in curves.items():
        rates = now[name]
        _staircase(fig, MEANINGS[name], curve.fpr, curve.tpr, curve.threshold, scale, rates.fpr.n, "natural accepted")
        _point(fig, MEANINGS[name], rates.fpr, rates.tpr, scale, f"T = {rates.threshold:g}")
    _rates_layout(fig, scale, top, next(iter(now.values())).fpr.n)
    fig.update_xaxes(title="false positive rate (eq. 8)")
    fig.update_yaxes(title="true positive rate (eq. 7)")
    return fig


def accuracy_error(
    curves: dict[str, Curve],
    now: dict[str, AtThreshold],
    robust: tuple[Interval, Interval],
    scale: Scale,
    top: bool,
) -> go.Figure:
    """Equation 14 over equation 15 for every threshold; `robust` is that classifier's accuracy and error, one point."""
    fig = go.Figure()
    for name, curve in curves.items():
        rates = now[name]
        _staircase(
            fig, MEANINGS[name], curve.error, curve.accuracy, curve.threshold, scale, rates.error.n, "accepted and right"
        )
        _point(fig, MEANINGS[name], rates.error, rates.accuracy, scale, f"T = {rates.threshold:g}")
    accuracy, error = robust
    _point(fig, ROBUST, error, accuracy, scale, "no reject option", legend=ROBUST.label)
    _rates_layout(fig, scale, top, next(iter(now.values())).error.n)
    fig.update_xaxes(title="error on attacked images (eq. 15)")
    fig.update_yaxes(title="accuracy on natural images (eq. 14)")
    return fig


def histograms(decisions: Decisions, threshold: float, low: float, high: float) -> go.Figure:
    """The winning logits of natural and of attacked images, split by what becomes of them at T."""
    edges = bin_edges(low, high)
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    accepted, held = decisions.natural >= threshold, decisions.perturbed >= threshold
    right = decisions.perturbed_right
    parts: tuple[tuple[int, str, Meaning, str, Tensor], ...] = (
        (1, "natural, accepted", NATURAL, "", decisions.natural[accepted]),
        (1, "rejected", REJECTED, "/", decisions.natural[~accepted]),
        (2, "attacked, accepted, fooled", FOOLED, "x", decisions.perturbed[held & ~right]),
        (2, "attacked, accepted, still right", PERTURBED, "", decisions.perturbed[held & right]),
        (2, "rejected", REJECTED, "/", decisions.perturbed[~held]),
    )
    for row, label, meaning, pattern, scores in parts:
        n = len(decisions.natural if row == 1 else decisions.perturbed)
        fig.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=(torch.histogram(scores, edges).hist / n).tolist(),
            width=float(edges[1] - edges[0]),
            marker={"color": meaning.colour, "line": {"width": 0}, "pattern": HATCHED | {"shape": pattern}},
            name=label,
            legendgroup=label,
            showlegend=(row, label) != (2, "rejected"),
            hovertemplate=f"{label}<br>logit about %{{x:.1f}}<br>%{{y:.2%}} of {n:,}<extra></extra>",
            row=row,
            col=1,
        )
    for row, scores in ((1, decisions.natural), (2, decisions.perturbed)):
        peak = float(torch.histogram(scores, edges).hist.max()) / len(scores)
        fig.update_yaxes(range=[0, 1.12 * peak], tickformat=".0%", nticks=5, row=row, col=1)
        fig.add_vline(x=threshold, line={"color": THRESHOLD.colour, "dash": THRESHOLD.dash, "width": 3}, row=row, col=1)
    _layout(fig)
    fig.add_annotation(
        x=threshold,
        y=1.0,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        text=f"rejected ◂ <b>T = {threshold:g}</b> ▸ accepted",
    )
    fig.update_layout(barmode="stack", bargap=0, height=HEIGHT + 40)
    fig.update_xaxes(range=[low, high])
    fig.update_xaxes(title="logit of the winning class, z", row=2, col=1)
    fig.update_yaxes(title="natural", row=1, col=1)
    fig.update_yaxes(title="attacked", row=2, col=1)
    return fig


def bin_edges(low: float, high: float) -> Tensor:
    """Edges from low to high, 40 to 100 bins of a round width."""
    width = next(step for step in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, math.inf) if (high - low) / step <= 80)
    bins = max(round((high - low) / width), 1) if math.isfinite(width) else 80
    return torch.linspace(low, high, bins + 1)


def _zero(n: int) -> float:
    """Where a rate of 0 is drawn on a log axis: at half of the smallest rate that n images can show."""
    return 0.5 / n


def _shown(rates: Tensor, scale: Scale, n: int) -> list[float]:
    values: list[float] = (rates.clamp_min(_zero(n)) if scale == "log" else rates).tolist()
    return values


def _staircase(
    fig: go.Figure, meaning: Meaning, x: Tensor, y: Tensor, threshold: Tensor, scale: Scale, n: int, what: str
) -> None:
    drawn = corners(x, y)
    fig.add_scatter(
        x=_shown(x[drawn], scale, n),
        y=y[drawn].tolist(),
        customdata=torch.stack([threshold[drawn], x[drawn]], 1).tolist(),
        mode="lines",
        line={"color": meaning.colour, "dash": meaning.dash, "width": 2.5},
        name=meaning.label,
        hovertemplate=f"{meaning.label}<br>T = %{{customdata[0]:.2f}}<br>{what}: %{{y:.1%}}"
        "<br>fooled and accepted: %{customdata[1]:.1%}<extra></extra>",
    )


def _point(
    fig: go.Figure, meaning: Meaning, x: Interval, y: Interval, scale: Scale, note: str, legend: str | None = None
) -> None:
    at = max(x.value, _zero(x.n)) if scale == "log" else x.value
    low = max(x.low, _zero(x.n)) if scale == "log" else x.low
    fig.add_scatter(
        x=[at],
        y=[y.value],
        error_x=_whiskers(meaning, x.high - at, at - low),
        error_y=_whiskers(meaning, y.high - y.value, y.value - y.low),
        mode="markers",
        marker=(
            {"symbol": meaning.symbol, "color": meaning.colour, "size": 17}
            if legend
            else {"symbol": f"{meaning.symbol}-open", "color": meaning.colour, "size": 15, "line": {"width": 3}}
        ),
        name=legend or f"{meaning.label} at T",
        showlegend=legend is not None,
        hovertemplate=f"{meaning.label}<br>{note}<br>{x.value:.1%}, {y.value:.1%}<extra></extra>",
    )


def _whiskers(meaning: Meaning, up: float, down: float) -> dict[str, object]:
    """The interval around a point, as plotly's error bar."""
    return {
        "type": "data",
        "array": [max(up, 0.0)],
        "arrayminus": [max(down, 0.0)],
        "color": meaning.colour,
        "thickness": 1.5,
        "width": 4,
    }


def _rates_layout(fig: go.Figure, scale: Scale, top: bool, n: int) -> None:
    _layout(fig)
    if scale == "log":
        decades = [10.0**-k for k in range(round(math.log10(n)), -1, -1) if 10.0**-k >= 1 / n]
        ticks = [_zero(n), *decades]
        labels = ["0", *(f"{100 * value:g}%" for value in decades)]
        fig.update_xaxes(
            type="log", range=[math.log10(0.8 * _zero(n)), math.log10(1.15)], tickvals=ticks, ticktext=labels, minor=None
        )
    else:
        fig.update_xaxes(type="linear", range=[-0.02, 1.02], tickformat=".0%", nticks=6)
    fig.update_yaxes(range=[0.898, 1.002] if top else [-0.02, 1.02], tickformat=".0%", nticks=6)


def _layout(fig: go.Figure) -> None:
    """One size, one place for the legend, no zooming by accident: a swipe on a phone scrolls the page."""
    fig.update_layout(
        height=HEIGHT,
        margin={"l": 64, "r": 12, "t": 34, "b": 130},
        legend={"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"},
        dragmode=False,
        hovermode="closest",
        uirevision="fixed",
    )
    fig.update_xaxes(fixedrange=True, showgrid=True)
    fig.update_yaxes(fixedrange=True, automargin=False)
