"""What is measured on a subsample: rejecting counted as an error, many restarts, many queries."""

from typing import Any

import streamlit as st

from aatviz.evaluate.honest.verdict import EVERY
from aatviz.metrics.format import interval
from aatviz.report.subsample import pushed_out
from aatviz.store.systems import System
from aatviz.ui.common import takeaway
from aatviz.ui.common.plots import config
from aatviz.ui.robustness import figures, words


def show(system: System, record: dict[str, Any], place: int) -> None:
    """Show the record at one of the thresholds of the honest protocol; `place` 0 is the one that rejects nothing."""
    st.subheader("If rejecting costs as well")
    if place == 0:
        st.caption("Where nothing may be rejected, nothing is to be added here. Choose 1 % or 5 % above.")
        return
    rows = {victim: found[place - 1] for victim, found in record["victims"].items()}
    st.markdown(pushed_out(system.card, record, place - 1, mark="**"))
    st.plotly_chart(
        figures.total(rows, record["radii"]),
        key="robustness-total",
        config=config(f"{system.name}-total-error"),
        alt="The share of images that are wrong, rejected or fooled, as pushes that only get images rejected may grow.",
    )
    takeaway.explain(
        "A classifier that rejects everything withstands everything, and is of no use. So an image counts as an error here "
        "where it is misclassified or rejected as it is (0 on the left), where an attack within so much of ε gets it "
        "**rejected**, and where one within the whole of ε gets it misclassified and accepted (Chen et al., 2023).",
        "curves that stay low on the left: a defence that rejects what is hardly changed has not solved the task. AAT shows "
        "a detector attacked images of *other* classes alone. Nothing keeps it from letting go of its own ones, and a small "
        "push downwards may be enough.",
    )
    names = list(next(iter(rows.values()))["error"])
    labels = {"many restarts": f"the paper's loss, {record['recipe']['restarts']} restarts"}
    labels |= {"many queries": f"black box, {record['recipe']['queries']:,} queries"}
    table = [["on the same images, misclassified and accepted", *(words.NAMES[victim] for victim in rows)]]
    table += [[labels.get(name, name), *(interval(row["error"][name], 3) for row in rows.values())] for name in names]
    takeaway.show_table(table)
    n = next(iter(rows.values()))["error"][EVERY]["n"]
    st.caption(f"n = {n:,} test images, a subsample: these attacks are slow.")
