"""The figure of the Generate page: each model's target logit on natural digits, the noise and its images (figure 10)."""

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from aatviz.explore.attack_grid.result import Model
from aatviz.explore.generation.result import Generated
from aatviz.ui.common.plots import HATCH, HEIGHT, LEGEND, bin_edges, layout, mark
from aatviz.ui.common.theme import NATURAL, PERTURBED, Meaning


def histograms(made: Generated, model: Model, cell: tuple[int, int], target: int | None) -> go.Figure:
    """One model's target logits, three rows on one axis: natural digits of the target class, the noise, the results.

    `target` is one class, or None for all together; the axis is the same for both. `cell` (target, sample) is marked.
    """
    natural, before, after = made.natural_logits[model], made.noise_logits[model], made.logits[model]
    edges = bin_edges([natural.flatten(), before.flatten(), after.flatten()])
    of_class = "the target class" if target is None else f"class {target}"
    parts: tuple[tuple[str, Meaning, str, Tensor], ...] = (
        (f"natural, of {of_class}", NATURAL, "", natural),
        ("the noise itself", PERTURBED, "/", before),
        (f"generated, towards {of_class}", PERTURBED, "x", after),
    )
    fig = make_subplots(rows=len(parts), cols=1, shared_xaxes=True, vertical_spacing=0.05)
    for place, (label, meaning, hatch, logits) in enumerate(parts, 1):
        chosen = logits.flatten() if target is None else logits[target]
        counts = torch.histogram(chosen, edges).hist
        fig.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=(counts / len(chosen)).tolist(),
            customdata=counts.int().tolist(),
            width=float(edges[1] - edges[0]),
            marker={"color": meaning.colour, "line": {"width": 0}, "pattern": HATCH | {"shape": hatch}},
            name=label,
            hovertemplate=f"{label}<br>logit about %{{x:.1f}}<br>%{{customdata:,}} of {len(chosen):,}<extra></extra>",
            row=place,
            col=1,
        )
        fig.update_yaxes(range=[0, 1.15 * float(counts.max()) / len(chosen)], tickformat=".0%", nticks=4, row=place, col=1)
    if target in (None, cell[0]):
        mark(fig, 2, float(before[cell]), "the marked image, noise", NATURAL)
        mark(fig, 3, float(after[cell]), "the marked image, result", PERTURBED)
    layout(fig, HEIGHT, below=LEGEND)
    fig.update_xaxes(range=[float(edges[0]), float(edges[-1])])
    fig.update_xaxes(title=f"logit of {of_class}", row=3, col=1)
    fig.update_yaxes(title="share of images", row=2, col=1)
    return fig
