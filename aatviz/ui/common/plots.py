"""Common parts of plotly figures: layout, the hatch and bins of bars, marks, the one button of the mode bar."""

import plotly.graph_objects as go
import torch
from torch import Tensor

from aatviz.ui.common.theme import Meaning

HATCH = {"fillmode": "overlay", "fgcolor": "white", "fgopacity": 0.9, "solidity": 0.25, "size": 6}
"""The pattern of bars, to which a figure adds the shape of the hatch: so colour is never the only difference."""
TOP = 34
HEIGHT, LEGEND = 460, 150
"""In pixels: a figure of three histograms, and the legend below it."""


def layout(fig: go.Figure, height: int, below: int = 92) -> None:
    """Give a figure the common layout: a fixed height, the legend below, and no zooming, so that a swipe on a phone scrolls
    the page. `below` is the room under the axis in pixels; a legend of several lines needs more."""
    fig.update_layout(
        height=height,
        bargap=0,
        margin={"l": 70, "r": 12, "t": TOP, "b": below},
        legend={"orientation": "h", "x": 0, "y": -58 / (height - TOP - below), "yanchor": "top"},
        dragmode=False,
        hovermode="closest",
        uirevision="fixed",
    )
    fig.update_xaxes(fixedrange=True)
    fig.update_yaxes(fixedrange=True, automargin=False, showgrid=True)


def config(name: str) -> dict[str, object]:
    """Plotly's mode bar with one button: the picture as a PNG of that name."""
    picture = {"format": "png", "scale": 3, "filename": name}
    return {"displaylogo": False, "modeBarButtons": [["toImage"]], "displayModeBar": True, "toImageButtonOptions": picture}


def mark(fig: go.Figure, place: int, x: float, label: str, meaning: Meaning) -> None:
    """Mark the logit x of one image in row `place` of histograms."""
    top: float = fig.get_subplot(place, 1).yaxis.range[1]
    fig.add_scatter(
        x=[x],
        y=[0.07 * top],
        mode="markers",
        marker={"symbol": meaning.symbol, "color": meaning.colour, "size": 13, "line": {"color": "white", "width": 2}},
        name=label,
        hovertemplate=f"{label}<br>logit {x:.2f}<extra></extra>",
        row=place,
        col=1,
    )


def bin_edges(scores: list[Tensor]) -> Tensor:
    """The edges of about 60 bins of a round width that hold all scores, the same for every kind of image."""
    low, high = (float(end(torch.cat(scores))) for end in (torch.min, torch.max))
    width = next((step for step in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0) if (high - low) / step <= 60), (high - low) / 60)
    first, last = int(low // width), int(high // width) + 1
    return torch.arange(first, last + 1, dtype=torch.float32) * width
