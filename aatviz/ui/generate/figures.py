"""The figure of the Generate page: each model's target logit on natural images, the noise and its own (figure 10)."""

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from aatviz.data import Dataset
from aatviz.explore.attack_grid.result import Model
from aatviz.explore.generation.result import Generated
from aatviz.ui.common.plots import HATCH, HEIGHT, LEGEND, bin_edges, layout, mark
from aatviz.ui.common.theme import NATURAL, PERTURBED, Meaning


def histograms(made: Generated, known: Dataset, model: Model, cell: tuple[int, int], row: int | None) -> go.Figure:
    """One model's target logits, three rows on one axis: natural images of the target class, the noise, the results.

    `row` is that of one class, or None for all together; the axis is the same for both. `cell` (row, sample) is marked.
    """
    before, after = made.noise_logits[model], made.logits[model]
    edges = bin_edges([made.natural(model), before.flatten(), after.flatten()])
    of_class = "the target class" if row is None else f"class {known.classes[int(made.targets[row])]}"
    parts: tuple[tuple[str, Meaning, str, Tensor], ...] = (
        (f"natural, of {of_class}", NATURAL, "", made.natural(model, row)),
        ("the noise itself", PERTURBED, "/", before if row is None else before[row]),
        (f"generated, towards {of_class}", PERTURBED, "x", after if row is None else after[row]),
    )
    fig = make_subplots(rows=len(parts), cols=1, shared_xaxes=True, vertical_spacing=0.05)
    for place, (label, meaning, hatch, logits) in enumerate(parts, 1):
        n, counts = max(logits.numel(), 1), torch.histogram(logits.flatten(), edges).hist
        fig.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=(counts / n).tolist(),
            customdata=counts.int().tolist(),
            width=float(edges[1] - edges[0]),
            marker={"color": meaning.colour, "line": {"width": 0}, "pattern": HATCH | {"shape": hatch}},
            name=label,
            hovertemplate=f"{label}<br>logit about %{{x:.1f}}<br>%{{customdata:,}} of {n:,}<extra></extra>",
            row=place,
            col=1,
        )
        peak = max(float(counts.max()), 1e-9) / n
        fig.update_yaxes(range=[0, 1.15 * peak], tickformat=".0%", nticks=4, row=place, col=1)
    if row in (None, cell[0]):
        mark(fig, 2, float(before[cell]), "the marked image, noise", NATURAL)
        mark(fig, 3, float(after[cell]), "the marked image, result", PERTURBED)
    layout(fig, HEIGHT, below=LEGEND)
    fig.update_xaxes(range=[float(edges[0]), float(edges[-1])])
    fig.update_xaxes(title=f"logit of {of_class}", row=3, col=1)
    fig.update_yaxes(title="share of images", row=2, col=1)
    return fig
