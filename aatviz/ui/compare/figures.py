"""The figures of the Compare page: each model's target logit on natural and on attacked samples (the paper's figure 8)."""

import math

import numpy as np
import plotly.graph_objects as go
import torch
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from aatviz.data import Dataset
from aatviz.explore.attack_grid.result import Comparison, Model, NaturalLogits
from aatviz.ui.common.plots import HATCH, HEIGHT, LEGEND, layout, mark
from aatviz.ui.common.theme import NATURAL, PERTURBED, THRESHOLD, Meaning

MOST_BINS = 70


def histograms(
    grid: Comparison, known: Dataset, model: Model, natural: NaturalLogits, cell: tuple[int, int], column: int | None
) -> go.Figure:
    """One model's target logits, three rows on one axis: natural samples of the target class, of other classes, attacked.

    `column` is one target, or None for all together; the axis is the same for both. `cell` (row, column) is marked: its
    natural sample among those of other classes (or of the target class, if it is one), its perturbed image among the
    attacked ones.
    """
    row, marked = cell
    after, is_pair = grid.after(model), grid.is_pair
    columns = torch.arange(len(grid.targets))
    chosen = is_pair if column is None else is_pair & (columns == column)
    picked = grid.targets.tolist() if column is None else [int(grid.targets[column])]
    own, others = natural.own[picked].sum(0), natural.others[picked].sum(0)
    low, factor, bins = _axis(natural, float(after.min()), float(after.max()))
    width = factor * natural.width
    edges = torch.linspace(low * natural.width, low * natural.width + bins * width, bins + 1)
    attacked = torch.histogram(after[chosen], edges).hist.numpy()
    of_class = "the target class" if column is None else f"class {known.classes[picked[0]]}"
    parts: tuple[tuple[str, Meaning, str, NDArray[np.float64]], ...] = (
        (f"natural, of {of_class}", NATURAL, "", _coarse(own, natural.first - low, factor, bins)),
        ("natural, of other classes", NATURAL, "/", _coarse(others, natural.first - low, factor, bins)),
        (f"attacked, towards {of_class}", PERTURBED, "x", attacked.astype(float)),
    )
    fig = make_subplots(rows=len(parts), cols=1, shared_xaxes=True, vertical_spacing=0.05)
    for place, (label, meaning, hatch, counts) in enumerate(parts, 1):
        n = max(int(counts.sum()), 1)
        fig.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=(counts / n).tolist(),
            customdata=counts.astype(int).tolist(),
            width=width,
            marker={"color": meaning.colour, "line": {"width": 0}, "pattern": HATCH | {"shape": hatch}},
            name=label,
            hovertemplate=f"{label}<br>logit about %{{x:.1f}}<br>%{{customdata:,}} of {n:,}<extra></extra>",
            row=place,
            col=1,
        )
        peak = max(float(counts.max()) / n, 1e-9)
        fig.update_yaxes(range=[0, 1.15 * peak], tickformat=".0%", nticks=4, row=place, col=1)
    if column in (None, marked):
        from_row = 2 if is_pair[row, marked] else 1
        mark(fig, from_row, float(grid.before(model)[row, marked]), f"the marked {known.noun}, natural", NATURAL)
        mark(fig, 3, float(after[row, marked]), f"the marked {known.noun}, attacked", PERTURBED)
    if column is not None:
        line = {"color": THRESHOLD.colour, "dash": "dot", "width": 2}
        fig.add_vline(x=float(natural.median[picked[0]]), line=line)
    layout(fig, HEIGHT, below=LEGEND)
    fig.update_xaxes(range=[float(edges[0]), float(edges[-1])])
    fig.update_xaxes(title=f"logit of {of_class}", row=3, col=1)
    fig.update_yaxes(title="share of images", row=2, col=1)
    return fig


def _axis(natural: NaturalLogits, least: float, most: float) -> tuple[int, int, int]:
    """The first bin, in units of `natural.width`; how many bins make one drawn bar; and the number of bars."""
    low = min(natural.first, math.floor(least / natural.width))
    high = max(natural.first + natural.own.shape[1], math.floor(most / natural.width) + 1)
    factor = max(math.ceil((high - low) / MOST_BINS), 1)
    return low, factor, math.ceil((high - low) / factor)


def _coarse(counts: NDArray[np.int64], offset: int, factor: int, bins: int) -> NDArray[np.float64]:
    """Counts (B,) of the fine bins, the first of them at `offset`, as counts (bins,) of the drawn bars."""
    fine = np.zeros(factor * bins)
    fine[offset : offset + len(counts)] = counts
    return fine.reshape(bins, factor).sum(1)
