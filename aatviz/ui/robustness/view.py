"""The honest protocol's verdict on the Robustness page: the words, every attack, sweeps, checks, the attack unit test."""

from typing import Any

import streamlit as st

from aatviz.attacks.victims import WITH_REJECT
from aatviz.data.spec import written
from aatviz.evaluate.detectors import KIND as DETECTORS
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.explore.detector_records import protocol
from aatviz.recipes.paper import evaluations_of
from aatviz.store.systems import System
from aatviz.ui.common import pgd_fields, takeaway
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.plots import config
from aatviz.ui.common.url import UrlState, choice, whole
from aatviz.ui.common.words import code, message
from aatviz.ui.robustness import figures, thorough, words
from aatviz.ui.session import stored
from aatviz.ui.session.sidebar import current_dataset, current_system

PARTS = {"verdict": "The verdict", "paper": "Tables and figures", "own": "Run it yourself"}
CLEAN = {"none": "nothing", "1%": "1 %", "5%": "5 %"}
MOST_IMAGES = 200


def victims(system: System) -> tuple[str, ...]:
    """The victims that the protocol can attack in this system."""
    return tuple(name for name in WITH_REJECT if name != "robust" or not system.lacks("robust_classifier"))


def opening(system: System) -> str:
    """The part that the page opens with: the verdict; or the tables, where only these have been measured."""
    found = stored.records(system)
    return (
        "paper"
        if "honest" not in found and any(record["kind"] == DETECTORS.name for record in found.values())
        else "verdict"
    )


state = UrlState(
    "robustness",
    [
        choice("show", lambda: opening(current_system()), tuple(PARTS)),
        choice("clean", "5%", tuple(CLEAN)),
        choice("table", lambda: protocol(current_system()), lambda: tuple(evaluations_of(current_system().card))),
        choice("victim", "generative", lambda: victims(current_system())),
        choice("attack", "multi-targeted", lambda: words.every_name(current_system().card.classes)),
        whole("count", 20, 1, MOST_IMAGES),
        pgd_fields.eps_param(lambda: current_system().card.eps, current_dataset),
    ],
)
EQUATION = (
    r"\begin{aligned}\text{Error} = \tfrac{1}{N}\,|\{x' : \;& \hat k(x') \ne y,\; z \ge T, \\"
    r"& \|x'-x\| \le \varepsilon,\; x' \in [0,1]^d\}|\end{aligned}\;\;(15)"
)


def show(system: System, record: dict[str, Any] | None, subsample: dict[str, Any] | None) -> None:
    """Show the stored result at one threshold, or how to measure it."""
    if why := system.lacks("full_bank", "robust_classifier", what="The honest protocol"):
        st.info(message(why), icon=":material/query_stats:")
        return
    if record is None:
        view_first("robustness")
        st.info(
            "The honest protocol has not been run on these weights yet. Measure it with "
            f"{code(f'aatviz evaluate {system.name} --recipe honest')}; or try single attacks under “{PARTS['own']}”.",
            icon=":material/query_stats:",
        )
        return
    st.pills(
        "Held-out natural images that may be rejected",
        list(CLEAN),
        format_func=CLEAN.__getitem__,
        required=True,
        help="Sets T for each classifier, on images that no number here is measured on.",
        **state.widget("clean"),
    )
    place = list(CLEAN).index(state["clean"])
    st.markdown(words.verdict(record, place))
    view_first("robustness")
    _attacks(system, record, place)
    _sweeps(system, record, place)
    if subsample is not None:
        thorough.show(system, subsample, place)
    st.subheader("Are gradients masked?")
    st.markdown("A defence may only look strong because attacks get no useful gradient. These signs would tell.")
    for name, victim in record["victims"].items():
        st.markdown(f"**{words.NAMES[name].capitalize()}**\n\n{words.checks(victim['at'][place]['checks'])}")
    _planted(record)


def _attacks(system: System, record: dict[str, Any], place: int) -> None:
    found = words.errors(record, place)
    st.plotly_chart(
        figures.by_attack(found),
        key="robustness-by-attack",
        config=config(f"{system.name}-error-by-attack"),
        alt="The share of attacked images that are misclassified and accepted, for each attack and classifier.",
    )
    takeaway.explain(
        f"{next(iter(found.values()))[EVERY]['n']:,} test images, attacked in the ball that the system was trained for "
        f"({system.card.norm} ε = {written(system.card.eps)}). An attack has won where the image is "
        "misclassified **and** accepted **and** inside the ball **and** in [0,1]. The last row takes, for each image, "
        "the worst of all attacks.",
        "the distance between the paper's own loss and the worst of all: that is what a too friendly evaluation hides. "
        "A robust classifier has no detectors; here it rejects by the log-odds of its own decision, at the same clean cost.",
        (EQUATION,),
    )
    with st.expander("As a table", icon=":material/table:"):
        takeaway.show_table(words.table(found))
    takeaway.download_csv("Error by attack (CSV)", f"{system.name}-honest.csv", lambda: takeaway.table(*words.csv(record)))


def _sweeps(system: System, record: dict[str, Any], place: int) -> None:
    """Draw the sweeps: more steps, other step sizes, larger balls."""
    rows = {name: victim["at"][place] for name, victim in record["victims"].items()}
    st.subheader("With more steps, other step sizes, larger balls")
    for column, name in zip(st.columns(len(figures.AXES)), figures.AXES, strict=True):
        column.plotly_chart(
            figures.sweep(rows, record["settings"][name], name, system.card.eps if name == "eps" else None),
            key=f"robustness-{name}",
            config=config(f"{system.name}-error-by-{name}"),
            alt=f"The share of attacked images that are misclassified and accepted, by {figures.AXES[name]}.",
        )
    n = next(iter(rows.values()))["sweeps"]["steps"][0]["n"]
    takeaway.explain(
        f"PGD on the paper's loss on {n} images, with one of its settings changed at a time. It starts from the image "
        "itself, in larger and smaller balls also from two random starts, and the best step of each image counts. "
        "The dotted line is the radius that the system was trained for.",
        "curves that are flat to the right: more effort finds nothing new. And the last point on the right: there, the ball "
        "holds every image, so that an attack that works must succeed on all of them.",
    )


def _planted(record: dict[str, Any]) -> None:
    if "planted" not in record:
        return
    st.subheader("Do the attacks find what is there?")
    st.markdown(
        "The attack unit test (Zimmermann et al., 2022): the bank's last layer is replaced so that **every** image has an "
        "adversarial example inside the ball, planted by construction. An attack that misses these says nothing where it "
        "finds nothing."
    )
    st.markdown(words.planted(record["planted"]))
