"""The words of the Playground: where a training stands, what its measured numbers say, and the links to each step."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from aatviz.data import toy
from aatviz.explore.plane import live, measures
from aatviz.recipes.plane import PlaneSettings, named
from aatviz.ui.common import plane_results, takeaway
from aatviz.ui.common.plane_results import mean
from aatviz.ui.playground.training import Run

PAGE = "pages/playground.py"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A link to one setting of this page, and what to look for there."""

    label: str
    look: str
    link: dict[str, str]


STEPS = (
    Step(
        label="The paper's, eps 0.15",
        look="All negatives start at points of other classes. Robust near the data; far from it, the detectors accept what "
        "they have never seen.",
        link={},
    ),
    Step(
        label="Small ball, eps 0.05",
        look="A steep slope between the classes, and promises about nothing else.",
        link={"eps": "0.05"},
    ),
    Step(
        label="Too large, eps 0.5",
        look="The attacker reaches real points of the class: what should be low is high as well, and the AUC falls, for a "
        "good reason. The detector becomes a density.",
        link={"eps": "0.5"},
    ),
    Step(
        label="Half from anywhere",
        look="Half of the negatives start anywhere in the square. The landscape rises at the data alone, and noise climbs "
        "onto it.",
        link={"anywhere": "50"},
    ),
)


def standing(run: Run) -> str:
    """Where the training stands, in a sentence."""
    if run.bundled:
        return f"Trained models, {run.step:,} updates each. Press Train to watch it happen from the first update on."
    if not run.step:
        return "Networks with their first weights, which know nothing. Press Train."
    if run.done:
        return f"All {run.step:,} updates are made."
    return f"Update {run.step:,} of {run.settings.updates:,}{'' if run.playing else ', paused'}."


def overlapping(points: toy.Plane, eps: float) -> str:
    """What it means that balls of the two classes meet; "" where hardly any do."""
    share = measures.overlap(*live.train_points(points), eps)
    if share < 0.05:
        return ""
    return (
        f"At eps {eps:g}, {share:.0%} of the points have a point of another class within two eps: their balls meet, and no "
        "classifier can be right in all of both. Madry's gives way there, however long it trains. A detector only has to "
        "rank its class above what the attacker reaches."
    )


def links() -> None:
    """The steps as links, each of which opens this page with its settings."""
    st.markdown("**Four settings to look at**, one after the other:")
    for column, step in zip(st.columns(len(STEPS), gap="medium"), STEPS, strict=True):
        with column:
            st.page_link(
                PAGE, label=step.label, icon=":material/arrow_forward:", query_params={"points": "moons", **step.link}
            )
            st.caption(step.look)


def explain() -> None:
    """The words beside the view."""
    takeaway.explain(
        "Each map is one logit over the whole square: orange where it is above T, blue where it is below, the line where it "
        "is T. T lets the chosen share of the class's own training points through. Lines with a moving dot are negatives: "
        "they start at points of other classes, or anywhere, and the attack pushes them uphill inside their ball. The "
        "training then presses down where they arrive. A classifier's logit is drawn as if it were a detector's.",
        "the corners, where no point lies. Which maps are orange there? Drag the cross onto a point, then away from it: "
        "who is fooled, and who rejects? Drop noise: on which maps does it end on the data?",
        (
            r"\min_\theta \; E_{x \sim C_k}[L(h_k(x), 1)] "
            r"+ E_{x \sim C_{\setminus k}}[\max_{\|x'-x\| \le \epsilon} L(h_k(x'), 0)]",
        ),
    )


def measured() -> None:
    """What was measured over several seeds; nothing where the result is not here."""
    found = plane_results.stored()
    if found is None:
        return

    def row(model: str, **settings: Any) -> dict[str, Any] | None:
        return plane_results.row(found, "moons", model, PlaneSettings(**settings))

    paper, anywhere = row("shared"), row("shared", anywhere=0.5)
    st.subheader("What this shows about the paper's detectors")
    if paper and anywhere:
        st.markdown(
            f"**The paper's own negatives leave far points accepted.** On two moons, a detector trained as in the paper "
            f"accepts {_share(paper['far'])} of the square that lies far from all data; with half of the negatives from "
            f"anywhere it is {_share(anywhere['far'])}. Near the data both hold: the AUC under attack is "
            f"{mean(paper['auc']):.3f} and {mean(anywhere['auc']):.3f}. Noise climbs onto the data in "
            f"{_share(paper['climbed'])} and {_share(anywhere['climbed'])} of all cases."
        )
    short, long = row("classifier", updates=500), row("classifier")
    if short and long:
        st.markdown(
            "**In so small a ball the natural classifier is no easy prey, once it has learned the moons:** its AUC under "
            f"the same attack is {mean(short['auc']):.3f} after 500 updates, and {mean(long['auc']):.3f} after "
            f"{PlaneSettings().updates:,}."
        )
    attack = found["attack"]
    takeaway.show_table([HEAD, *(_row(row) for row in found["rows"])])
    st.caption(
        f"Means over seeds, in brackets the least and the largest. AUC at eps {attack['eps']:g}: {attack['steps']} steps of "
        f"{attack['step_size']:g}, best iterate, {found['negatives']} negatives a class, fresh test points. Far: more than "
        f"{found['far_distance']:g} from every training point. Accepted: a logit above the one that "
        f"{100 * found['share']:.0f}% of the class exceed, averaged over the detectors. Noise: {found['noise']} points, "
        f"pushed for 200 steps; it has climbed where it ends within {found['near_distance']:g} of a point of its class. "
        f"Measured by `{plane_results.COMMAND}`."
    )


HEAD = ["points", "model", "eps", "negatives", "AUC", "far points accepted", "noise that climbs", "seeds"]
_MODELS = {"classifier": "natural classifier", "robust": "Madry's", "shared": "AAT detectors"}


def _row(row: dict[str, Any]) -> list[str]:
    aat = row["model"] == "shared"
    negatives = f"{100 * row['anywhere']:.0f}% from anywhere" if row["anywhere"] else "other classes"
    settings = named(row["recipe"])
    short = settings is not None and settings.updates != PlaneSettings().updates
    return [
        row["points"],
        f"{_MODELS[row['model']]}, {settings.updates:,} updates" if settings and short else _MODELS[row["model"]],
        "" if row["model"] == "classifier" else f"{row['eps']:g}",
        negatives if aat else "",
        _spread(row["auc"], 3),
        _spread(row["far"], 2),
        _spread(row["climbed"], 2),
        str(row["seeds"]),
    ]


def _spread(values: list[float], decimals: int) -> str:
    return f"{mean(values):.{decimals}f} ({min(values):.{decimals}f} to {max(values):.{decimals}f})"


def _share(values: list[float]) -> str:
    return f"{100 * mean(values):.0f}%"
