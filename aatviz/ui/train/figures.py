"""The curves of a training, and its detectors' pictures as rows of small images."""

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go
from torch import Tensor

from aatviz.explore.training_pictures import Pictures
from aatviz.ui.common.classes import a, shortened
from aatviz.ui.common.pictures import data_url, enlarged
from aatviz.ui.common.plots import layout
from aatviz.ui.common.theme import NATURAL, PERTURBED, ROBUST, Meaning

Rows = Sequence[Mapping[str, float]]
NETWORKS: dict[str, tuple[str, Meaning]] = {
    "classifier": ("natural classifier", NATURAL),
    "robust": ("robust classifier", ROBUST),
    "shared": ("detectors", PERTURBED),
}
HEIGHT = 320
MOST_ROWS = 6
STYLE = """<style>
.train-pictures { border-collapse: collapse; font-size: 0.8125rem; font-variant-numeric: tabular-nums; line-height: 1.3; }
.train-pictures :is(th, td) { padding: 0.15rem 0.3rem; text-align: center; font-weight: normal; border: 0; }
.train-pictures img { display: block; width: 3.2rem; height: auto; image-rendering: pixelated; border-radius: 0.2rem;
  margin: 0 auto; }
.train-scroll { overflow-x: auto; max-width: 100%; }
</style>"""


def curves(rows: Mapping[str, Rows], names: Sequence[str], title: str) -> go.Figure:
    """The natural and the adversarial score on validation images by step, of these networks."""
    fig = go.Figure()
    for name in names:
        label, meaning = NETWORKS[name]
        for kind, dash, filled in (("natural", "solid", False), ("adversarial", "dash", True)):
            fig.add_scatter(
                x=[row["step"] for row in rows.get(name, ())],
                y=[row[f"validation_{kind}"] for row in rows.get(name, ())],
                mode="lines+markers",
                name=f"{label}, {kind}",
                line={"color": meaning.colour, "dash": dash, "width": 1.6},
                marker={
                    "symbol": meaning.symbol if filled else f"{meaning.symbol}-open",
                    "color": meaning.colour,
                    "size": 9,
                },
                hovertemplate=f"{label}, {kind}<br>step %{{x:,.0f}}<br>{title} %{{y:.4f}}<extra></extra>",
            )
    layout(fig, HEIGHT, below=112)
    fig.update_yaxes(title=title, range=[-0.03, 1.03], nticks=6)
    fig.update_xaxes(title="step")
    return fig


def climbed(found: Sequence[Pictures], classes: Sequence[str]) -> str:
    """HTML: what each detector makes of the same noise, a row for each evaluation."""
    rows = [(made.step, [_cell(made.climbed[k] / 255, made.logits["climbed"][k], a(classes[k])) for k in _columns(made)])
            for made in _some(found)]  # fmt: skip
    return _table(rows, found, classes, "Noise pushed up each detector's logit")


def hardest(found: Sequence[Pictures], classes: Sequence[str]) -> str:
    """HTML: the attacked negative with the highest logit of each detector, a row for each evaluation."""
    rows = []
    for made in _some(found):
        cells = []
        for k in _columns(made):
            of = classes[int(made.label[k])]
            words = f"{a(of)}, attacked towards {classes[k]}"
            cells.append(_cell(made.attacked[k] / 255, made.logits["attacked"][k], words, shortened(of)))
        rows.append((made.step, cells))
    return _table(rows, found, classes, "The hardest attacked negative of each detector")


def _some(found: Sequence[Pictures]) -> list[Pictures]:
    """The first, the last, and some in between."""
    if len(found) <= MOST_ROWS:
        return list(found)
    places = {round(i * (len(found) - 1) / (MOST_ROWS - 1)) for i in range(MOST_ROWS)}
    return [found[place] for place in sorted(places)]


def _columns(made: Pictures) -> range:
    return range(len(made.label))


def _cell(image: Tensor, logit: Tensor, words: str, below: str = "") -> str:
    text = f"{float(logit):.1f}" + (f" · {escape(below)}" if below else "")
    return f'<td><img src="{data_url(enlarged(image, 1))}" alt="{escape(words)}, logit {float(logit):.1f}">{text}</td>'


def _table(rows: list[tuple[int, list[str]]], found: Sequence[Pictures], classes: Sequence[str], name: str) -> str:
    head = "".join(f"<th scope='col'>{escape(shortened(classes[k]))}</th>" for k in _columns(found[0]))
    body = "".join(f"<tr><th scope='row'>{step:,}</th>{''.join(cells)}</tr>" for step, cells in rows)
    return (
        f'{STYLE}<div class="train-scroll" tabindex="0" role="region" aria-label="{escape(name)}">'
        f'<table class="train-pictures"><tr><th scope="col">step</th>{head}</tr>{body}</table></div>'
    )


def strip(images: Mapping[str, Tensor]) -> str:
    """HTML: a few images (n,C,H,W) in [0,1] of every class, by its name."""
    rows = []
    for name, some in images.items():
        pictures = "".join(f'<td><img src="{data_url(enlarged(one, 1))}" alt=""></td>' for one in some)
        rows.append(f"<tr><th scope='row' style='text-align:left'>{escape(name)}</th>{pictures}</tr>")
    return (
        f'{STYLE}<div class="train-scroll" tabindex="0" role="region" aria-label="Some images of each class">'
        f'<table class="train-pictures">{"".join(rows)}</table></div>'
    )
