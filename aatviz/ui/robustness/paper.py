"""The paper's tables and figures of one system as pictures, beside the paper's own numbers."""

from typing import Any

import streamlit as st

from aatviz.evaluate.detectors import KIND as DETECTORS
from aatviz.evaluate.distortion import KIND as DISTORTION
from aatviz.evaluate.robust_logits import KIND as ROBUST_LOGITS
from aatviz.explore.detector_records import WORST, protocol
from aatviz.metrics.format import headline, interval
from aatviz.recipes.paper import SIDE_BY_SIDE
from aatviz.report import orders, reach_table, report, side_by_side_table
from aatviz.report.setting import setting
from aatviz.store.systems import System
from aatviz.ui.common import takeaway
from aatviz.ui.common.plots import config
from aatviz.ui.common.url import UrlState
from aatviz.ui.common.words import code, literal, lowest
from aatviz.ui.robustness import data, paper_figures, words
from aatviz.ui.session import stored
from aatviz.ui.session.sidebar import current_dataset

AUCS = (DETECTORS.name, ROBUST_LOGITS.name)
HARDEST = 2
"""At most so many detectors are named as the hardest, and never all."""
MOST = 20
"""The most detectors, or rows, in a figure; of more, the weakest are drawn."""


def show(system: System, state: UrlState) -> None:
    """Show all tables and figures that have been measured."""
    records = stored.records(system)
    tables = [name for name, record in records.items() if record["kind"] in AUCS]
    if not records.keys() - {"honest"}:
        st.info(
            f"Nothing has been measured on these weights yet. {code(f'aatviz evaluate {system.name}')} does.",
            icon=":material/info:",
        )
        return
    if tables:
        if state["table"] not in tables:
            st.session_state[state.key("table")] = tables[0]
        beside = any(row["paper"] for row in records[state["table"]]["rows"])
        whose = "AUC of the detectors" if len(system.card.bank) > 1 else "AUC of the detector"
        st.subheader(f"{whose}, beside the paper's" if beside else whose)
        st.pills("Table", tables, required=True, format_func=lambda name: name.replace("-", " "), **state.widget("table"))
        if beside and (other := setting(system.card)):
            st.markdown(other)
        _aucs(system, records[state["table"]])
    _heat_map(system, records)
    _side_by_side(records)
    _curves(system, records)
    _distortion(system, records)
    _reach(records)
    name = f"{system.name}-report.md"
    st.download_button(
        "The whole report (Markdown)",
        lambda: report(system),
        name,
        "text/markdown",
        icon=":material/description:",
        on_click="ignore",
    )


def _aucs(system: System, record: dict[str, Any]) -> None:
    recipe, names = record["recipe"], current_dataset().classes
    rows = [
        (
            f"{words.detector(row['detector'], names)}, {attack}",
            row["last"].get(attack, row["best"][attack]),
            row["paper"].get(attack),
        )
        for attack in sorted(recipe["attacks"], key=lambda attack: recipe["attacks"][attack]["steps"])
        for row in record["rows"]
    ]
    if len(rows) > len(record["rows"]) and record["recipe"]["name"] == WORST:
        rows = [(f"{words.detector(row['detector'], names)}, worst of all", row["worst"], None) for row in record["rows"]]
    few = rows if len(rows) <= takeaway.MOST_ROWS else sorted(rows, key=lambda row: row[1]["value"])[:MOST]
    st.plotly_chart(
        paper_figures.aucs(few),
        key="robustness-aucs",
        config=config(f"{system.name}-{recipe['name']}"),
        alt=f"AUC of the detectors of {system.name}, {recipe['about']}",
    )
    takeaway.explain(
        f"{recipe['about']} One dot for each detector and attack, with its 95 % interval; further to the left is better. "
        "The axis shows 1 - AUC in powers of ten, so that AUCs close to 1 can be told apart.",
        (
            "where the paper's mark lies inside or to the right of our interval: there, this system does what the paper's "
            "does. "
            if any(paper for *_, paper in rows)
            else "the weakest detectors. "
            if len(record["rows"]) > 1
            else "the attack that gets furthest. "
        )
        + "With more steps the dots should hardly move: an attack that still gains has not converged.",
    )
    if len(few) < len(rows):
        st.caption(f"The figure shows the {len(few)} weakest of {len(rows)}; the table has all of them.")
    lines = [["detector, attack", "paper", "here (95% interval)", "n"]]
    lines += [[literal(label), f"{p:.5f}" if p else "", interval(value, 5), f"{value['n']:,}"] for label, value, p in rows]
    with st.expander("As a table", icon=":material/table:"):
        takeaway.show_table(lines)


def _heat_map(system: System, records: dict[str, dict[str, Any]]) -> None:
    columns: dict[str, list[float]] = {}
    for name in (protocol(system), WORST):
        if name not in records:
            continue
        record = records[name]
        columns |= {
            attack if name == WORST else f"paper's: {attack}": [headline_of(row, attack) for row in record["rows"]]
            for attack in record["recipe"]["attacks"]
        }
        if name == WORST:
            columns["worst of these"] = [row["worst"]["value"] for row in record["rows"]]
    if not columns:
        return
    names, bank, first = current_dataset().classes, system.card.bank, next(iter(columns.values()))
    weakest = sorted(range(len(first)), key=first.__getitem__)
    shown = sorted(weakest[:MOST])
    labels = [words.detector(bank[place], names) for place in shown]
    every = len(shown) == len(first)
    whose = "The detector" if len(first) == 1 else "Every detector" if every else f"The {len(shown)} weakest detectors"
    st.subheader(f"{whose} under every attack")
    st.plotly_chart(
        paper_figures.heat_map(labels, {attack: [values[place] for place in shown] for attack, values in columns.items()}),
        key="robustness-heat",
        config=config(f"{system.name}-heat-map"),
        alt="A heat map of the AUC of every detector under every attack.",
    )
    caption = "AUC; the darker a cell, the more pairs the detector gets wrong."
    if hardest := [literal(names[bank[place]]) for place in lowest(first, HARDEST)]:
        caption += f" In the first column {' and '.join(hardest)} {'are' if len(hardest) > 1 else 'is'} the hardest."
    st.caption(caption)


def headline_of(row: dict[str, Any], attack: str) -> float:
    """The AUC under one attack: its last iterate where the recipe keeps that, as the paper does, else the best."""
    value: float = headline({"last": {k: v for k, v in row["last"].items() if k == attack}, "worst": row["best"][attack]})[
        "value"
    ]
    return value


def _curves(system: System, records: dict[str, dict[str, Any]]) -> None:
    found = data.scenario_curves(system, records)
    if not found:
        return
    st.subheader("Detection and classification under each attack")
    for column, kind in zip(st.columns(2), ("roc", "error"), strict=True):
        column.plotly_chart(
            paper_figures.curves(found, kind),
            key=f"robustness-{kind}",
            config=config(f"{system.name}-{kind}-by-attack"),
            alt="ROC curves by attack." if kind == "roc" else "Accuracy on natural images against error, by attack.",
        )
    figures = data.figures(system, records)
    numbers = " and ".join(name.removeprefix("figure-") for name in figures)
    of = f"Figures {numbers} of the paper: each" if figures else "As in the paper's figures 2 and 4, each"
    takeaway.explain(
        f"{of} line is one victim under one attack, at every threshold T. First natural images accepted against "
        "attacked ones that are misclassified and accepted, then accuracy against error.",
        "the line that lies lowest: there the attack gets furthest."
        + "".join(words.blind(records[name]) for name in figures),
    )
    if sentences := [sentence for name in figures for sentence in orders(records[name])]:
        st.markdown("**The order of the attacks**, errors as measured:\n\n" + "\n".join(f"- {each}" for each in sentences))


def _side_by_side(records: dict[str, dict[str, Any]]) -> None:
    """The bank and the robust classifier under the same attacks."""
    if SIDE_BY_SIDE not in records:
        return
    st.subheader("The bank and the robust classifier beside each other")
    takeaway.show_table(side_by_side_table(records[SIDE_BY_SIDE]))
    takeaway.explain(
        f"{records[SIDE_BY_SIDE]['recipe']['about']} Accuracy is on natural test images; an error is a misclassified and "
        "accepted image in the ball, and for each image the worst attack counts.",
        "who errs less at the same share of rejected held-out images, and which attack alone comes closest to the worst.",
    )


def _distortion(system: System, records: dict[str, dict[str, Any]]) -> None:
    """Every search for the smallest distortion that has been measured, below each other."""
    found = {name: record for name, record in records.items() if record["kind"] == DISTORTION.name}
    if not found:
        return
    st.subheader("How far must an image be moved?")
    if any(record["recipe"]["paper"] for record in found.values()) and (other := setting(system.card)):
        st.markdown(other)
    for name, record in found.items():
        recipe, value, nearest = record["recipe"], record["distortion"]["last"], record["distortion"]["best"]
        beside = ", beside the paper's" if recipe["paper"] else ""
        st.markdown(f"**{name.replace('-', ' ').capitalize()}.** {recipe['about']}")
        if not value["n"]:
            st.markdown(words.distortion(record))
            continue
        st.plotly_chart(
            paper_figures.distortion(data.distances(system, name), value["value"], recipe["paper"]),
            key=f"robustness-distortion-{name}",
            config=config(f"{system.name}-distortion-{name}"),
            alt="A histogram of the L2 distances of false positives from their images.",
        )
        takeaway.explain(
            words.distortion(record),
            f"the mean, {interval(value, 2)}{beside}. It keeps what "
            f"its search ends with; the nearest false positive on the way is at {nearest['value']:.2f} on average.",
        )


def _reach(records: dict[str, dict[str, Any]]) -> None:
    """Real images of the class inside the ball."""
    if "real-images" not in records:
        return
    record = records["real-images"]
    st.subheader(f"Real {current_dataset().plural} within reach")
    st.markdown(words.reach(record, current_dataset()))
    if record["mean"]["in_reach"]:
        takeaway.show_table(reach_table(record))
        takeaway.explain(
            "For each out-of-class test image, the real training images of the class inside its ball are looked up, and the "
            "one that scores highest is shown instead of it. Where there is none, the image itself is.",
            "classes that others come close to. Images that lie so near another class are rare, so a detector may score "
            "them low anyway: the AUC falls by less than the share in reach.",
        )
