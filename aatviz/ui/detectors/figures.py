"""The figures of the Detectors page: AUC of all detectors, one detector's logits and ROC, and its training."""

import math
from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from aatviz.explore.detector_records import Profile, Roc, TrainingPart
from aatviz.metrics import Interval
from aatviz.thresholds.curves import corners
from aatviz.ui.common.classes import shortened
from aatviz.ui.common.plots import HATCH, bin_edges, layout
from aatviz.ui.common.theme import NATURAL, PAPER, PERTURBED, Meaning

Scale = Literal["log", "linear"]
KINDS: dict[str, tuple[str, Meaning, str]] = {
    "in-class": ("natural, in-class", NATURAL, ""),
    "out-of-class": ("natural, out-of-class", NATURAL, "/"),
    "attacked": ("attacked, out-of-class", PERTURBED, "x"),
}
"""By the kind of image: its label, its colour, and the hatch of its bars."""
BAND = "rgba(128, 128, 128, 0.22)"
LEAST_SHARE = 0.5
"""On a log axis, a share of 0 is drawn as this many images."""


def overview(found: list[Profile], attack: str, k: int, names: Sequence[str]) -> go.Figure:
    """The AUC of these detectors, natural and attacked, with the paper's beside it; detector k is marked. `names` are those
    of all classes."""
    fig = go.Figure()
    place = {profile.k: x for x, profile in enumerate(found)}
    rows = [profile for profile in found if attack in profile.attacked]
    label = f"{PERTURBED.label}, this system"
    _dots(fig, label, PERTURBED, [(place[p.k] - 0.13, names[p.k], p.attacked[attack].auc) for p in rows])
    _dots(fig, f"{NATURAL.label}, this system", NATURAL, [(place[p.k] + 0.13, names[p.k], p.natural) for p in found])
    paper = [(profile, profile.paper) for profile in found if profile.paper is not None]
    if paper:
        fig.add_scatter(
            x=[place[profile.k] for profile, _ in paper],
            y=[value for _, value in paper],
            customdata=[names[profile.k] for profile, _ in paper],
            mode="markers",
            name="perturbed, the paper's own detector",
            marker={"symbol": PAPER.symbol, "color": PAPER.colour, "size": 17, "line": {"width": 3, "color": PAPER.colour}},
            hovertemplate="detector %{customdata}<br>the paper: %{y:.5f}<extra></extra>",
            **_always_opaque(),
        )
    fig.add_vrect(x0=place[k] - 0.45, x1=place[k] + 0.45, fillcolor=BAND, line_width=0, layer="below")
    lows = [profile.natural.low for profile in found] + [profile.attacked[attack].auc.low for profile in rows]
    least = min([*lows, *(value for _, value in paper)])
    layout(fig, 340)
    fig.update_layout(clickmode="event+select")
    if any(len(names[profile.k]) > 2 for profile in found):  # long names need the room of the legend
        fig.update_layout(legend={"y": 1.02, "yanchor": "bottom"}, margin={"t": 90, "b": 110}, height=410)
    ticks = [shortened(names[profile.k]) for profile in found]
    fig.update_xaxes(
        title="detector k", range=[-0.6, len(found) - 0.4], tickvals=list(place.values()), ticktext=ticks, showgrid=False
    )
    fig.update_yaxes(title="AUC", range=[least - 0.04 * (1 - least), 1 + 0.04 * (1 - least)], nticks=7)
    return fig


def histograms(scores: dict[str, Tensor], scale: Scale) -> go.Figure:
    """One detector's logits of each kind of image, one above the other on one axis."""
    edges = bin_edges(list(scores.values()))
    fig = make_subplots(rows=len(scores), cols=1, shared_xaxes=True, vertical_spacing=0.05)
    for row, (kind, z) in enumerate(scores.items(), 1):
        label, meaning, hatch = KINDS[kind]
        counts = torch.histogram(z, edges).hist
        share = counts / len(z)
        fig.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=share.tolist(),
            customdata=counts.int().tolist(),
            width=float(edges[1] - edges[0]),
            marker={"color": meaning.colour, "line": {"width": 0}, "pattern": HATCH | {"shape": hatch}},
            name=label,
            hovertemplate=f"{label}<br>logit about %{{x:.1f}}<br>%{{customdata:,}} of {len(z):,}<extra></extra>",
            row=row,
            col=1,
        )
        if scale == "log":
            limits = [math.log10(LEAST_SHARE / len(z)), math.log10(1.6 * float(share.max()))]
            decades = [10.0**-power for power in range(5) if 10.0**-power > LEAST_SHARE / len(z)]
            text = [f"{100 * value:g}%" for value in decades]
            fig.update_yaxes(type="log", range=limits, tickvals=decades, ticktext=text, row=row, col=1)
        else:
            fig.update_yaxes(range=[0, 1.12 * float(share.max())], tickformat=".0%", nticks=4, row=row, col=1)
    layout(fig, 460)
    fig.update_xaxes(range=[float(edges[0]), float(edges[-1])])
    fig.update_xaxes(title="logit z of the detector", row=len(scores), col=1)
    fig.update_yaxes(title="share of images", row=(len(scores) + 1) // 2, col=1)
    return fig


def roc(curves: dict[str, tuple[Roc, int]], scale: Scale) -> go.Figure:
    """The share of accepted in-class images over that of accepted out-of-class images, for every threshold. `curves` are by
    the kind of out-of-class image, each with its n."""
    fig = go.Figure()
    zero = LEAST_SHARE / max(n for _, n in curves.values())
    for kind, (curve, n) in curves.items():
        label, meaning, _ = KINDS[kind]
        drawn = corners(curve.fpr, curve.tpr)
        fpr = curve.fpr[drawn]
        fig.add_scatter(
            x=(fpr.clamp_min(zero) if scale == "log" else fpr).tolist(),
            y=curve.tpr[drawn].tolist(),
            customdata=torch.stack([curve.threshold[drawn], fpr], 1).tolist(),
            mode="lines",
            line={"color": meaning.colour, "dash": meaning.dash, "width": 2.5},
            name=label,
            hovertemplate=f"{label}, n = {n:,}<br>T = %{{customdata[0]:.2f}}<br>out-of-class accepted: "
            "%{customdata[1]:.2%}<br>in-class accepted: %{y:.1%}<extra></extra>",
        )
    layout(fig, 460)
    if scale == "log":
        decades = [10.0**-power for power in range(4, -1, -1) if 10.0**-power > 2 * zero]
        text = ["0", *(f"{100 * value:g}%" for value in decades)]
        limits = [math.log10(0.8 * zero), math.log10(1.15)]
        fig.update_xaxes(type="log", range=limits, tickvals=[zero, *decades], ticktext=text)
    else:
        fig.update_xaxes(range=[-0.02, 1.02], tickformat=".0%", nticks=6)
    fig.update_xaxes(title="out-of-class images accepted")
    fig.update_yaxes(title="in-class images accepted", range=[-0.02, 1.02], tickformat=".0%", nticks=6)
    return fig


def training(parts: list[TrainingPart]) -> go.Figure:
    """AUC on validation and on training images by step, for all networks from which the detector was finetuned in turn."""
    fig = go.Figure()
    kept_x, kept_y, values = [], [], []
    ends = [0.0]
    for part in parts:
        ends.append(ends[-1] + part.rows[-1]["step"])
    for name, label, meaning, filled in (
        ("validation_adversarial", "validation, adversarial", PERTURBED, True),
        ("validation_natural", "validation, natural", NATURAL, True),
        ("train_adversarial", "training, adversarial", PERTURBED, False),
        ("train_natural", "training, natural", NATURAL, False),
    ):
        x: list[float | None] = []
        y: list[float | None] = []
        for start, part in zip(ends, parts, strict=False):
            x += [*(start + row["step"] for row in part.rows), None]
            y += [*(row[name] for row in part.rows), None]
        values += [value for value in y if value is not None]
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines+markers",
            name=label,
            line={"color": meaning.colour, "dash": meaning.dash if filled else "dot", "width": 1.2},
            marker={"symbol": meaning.symbol if filled else f"{meaning.symbol}-open", "color": meaning.colour, "size": 10},
            hovertemplate=f"{label}<br>step %{{x:,.0f}}<br>AUC %{{y:.5f}}<extra></extra>",
        )
    for start, part in zip(ends, parts, strict=False):
        kept_x.append(start + part.rows[part.kept]["step"])
        kept_y.append(part.rows[part.kept]["validation_adversarial"])
    fig.add_scatter(
        x=kept_x,
        y=kept_y,
        mode="markers",
        name="weights that were kept",
        marker={"symbol": "square-open", "color": PAPER.colour, "size": 19, "line": {"width": 2}},
        hoverinfo="skip",
    )
    for place in ends[1:-1]:
        fig.add_vline(x=place, line={"color": PAPER.colour, "width": 1, "dash": "dot"})
    layout(fig, 430)
    least = min(values)
    fig.update_xaxes(title="training step", range=[0, 1.04 * ends[-1]], tickformat=",")
    fig.update_yaxes(title="AUC", range=[least - 0.1 * (1 - least), 1 + 0.06 * (1 - least)], nticks=7)
    return fig


def _dots(fig: go.Figure, label: str, meaning: Meaning, aucs: list[tuple[float, str, Interval]]) -> None:
    fig.add_scatter(
        x=[x for x, _, _ in aucs],
        y=[auc.value for _, _, auc in aucs],
        customdata=[[name, auc.low, auc.high, auc.n] for _, name, auc in aucs],
        error_y={
            "type": "data",
            "array": [auc.high - auc.value for *_, auc in aucs],
            "arrayminus": [auc.value - auc.low for *_, auc in aucs],
            "thickness": 1.5,
            "width": 4,
        },
        mode="markers",
        name=label,
        marker={"symbol": meaning.symbol, "color": meaning.colour, "size": 11},
        hovertemplate=f"detector %{{customdata[0]}}<br>{label}: %{{y:.5f}}<br>95% interval %{{customdata[1]:.5f}} to "
        "%{customdata[2]:.5f}<br>%{customdata[3]:,} out-of-class images<extra></extra>",
        **_always_opaque(),
    )


def _always_opaque() -> dict[str, object]:
    """Keep all points opaque: a click selects a detector, which the band shows, and plotly would fade the other points."""
    return {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}}}
