"""What all plotly figures have in common: their layout, the hatch of their bars, and the one button of their mode bar."""

import plotly.graph_objects as go

HATCH = {"fillmode": "overlay", "fgcolor": "white", "fgopacity": 0.9, "solidity": 0.25, "size": 6}
"""A bar's pattern, to which the shape of its hatch is added: colour does not stand alone."""
TOP = 34


def layout(fig: go.Figure, height: int, below: int = 92) -> None:
    """One size, the legend below, no zooming by accident: a swipe on a phone scrolls the page. `below` is the room under the
    axis in pixels; a legend of several lines needs more."""
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
