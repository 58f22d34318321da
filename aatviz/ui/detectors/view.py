"""The views of the Detectors page: one choice of a detector drives them all, from what is stored."""

from functools import partial
from typing import cast

import streamlit as st

from aatviz.explore import detector_records
from aatviz.explore.detector_records import Profile
from aatviz.metrics.format import interval, markdown_table
from aatviz.report.setting import setting
from aatviz.runtime import printed
from aatviz.store.systems import System
from aatviz.ui.common import takeaway
from aatviz.ui.common.classes import class_param, pick_class
from aatviz.ui.common.pacing import view_first
from aatviz.ui.common.plots import config
from aatviz.ui.common.url import UrlState, choice
from aatviz.ui.common.words import code, literal, message
from aatviz.ui.detectors import data, figures, strips, words
from aatviz.ui.session import caches
from aatviz.ui.session.sidebar import current_dataset, current_system, link_params
from aatviz.ui.session.stored import sample_or_say

HARDEST = 9
"""The page begins with the paper's hardest class, or the last one."""
MANY = 20
"""Of more detectors than this, the figure shows the `EXTREME` weakest and strongest."""
EXTREME = 8
ROOM = 44
"""The most letters of the detectors' buttons; names that need more are shown as a list."""
state = UrlState(
    "detectors",
    [
        class_param("k", HARDEST, current_dataset, lambda: current_system().card.bank),
        choice("attack", "paper", detector_records.ATTACKS),
        choice("axis", "log", ("log", "linear")),
        choice("counts", "linear", ("linear", "log")),
    ],
)


@st.fragment
def page(system: System) -> None:
    """All that depends on the chosen detector: when another one is chosen, only this function runs again."""
    found = data.detectors(system)
    notes = state.read()
    measured = list(found.profiles[0].attacked) if found.profiles else []
    if measured and state["attack"] not in measured:
        notes.append(f"{words.ATTACKS[state['attack']].capitalize()} has not been measured for this system.")
        st.session_state[state.key("attack")] = measured[0]
    if notes:
        st.info("  \n".join(notes), icon=":material/link:")
    _choose(system, measured)
    for problem in found.problems:
        st.info(message(problem), icon=":material/query_stats:")
    st.header(f"Detector {literal(_name(state['k']))}")
    if found.profiles:
        _numbers(found.profiles[found.column(state["k"])])
    _ranked(system, found)
    view_first("detectors")
    _logits(system, found)
    _training(system, found)
    if found.profiles:
        _overview(system.name, found.profiles)
    takeaway.reproduce(_snippets(system, found))
    state.write()


def _choose(system: System, measured: list[str]) -> None:
    row = st.container(horizontal=True)
    with row:
        pick_class(row, "Detector k", current_dataset().classes, state, "k", room=ROOM, among=system.card.bank)
        if measured:
            st.pills(
                "Attacked by",
                measured,
                format_func=words.ATTACKS.__getitem__,
                required=True,
                wrap=True,
                help=words.ATTACKS_HELP,
                **state.widget("attack"),
            )


def _name(k: int) -> str:
    return current_dataset().classes[k]


def _drawn(found: list[Profile]) -> list[Profile]:
    """The detectors that the figure has room for: all, or the weakest, the strongest and the chosen one, by rising AUC."""
    if len(found) <= MANY:
        return found
    ranked = sorted(found, key=lambda profile: data.headline(profile, state["attack"]).value)
    ends = ranked[:EXTREME] + ranked[-EXTREME:]
    return [profile for profile in ranked if profile in ends or profile.k == state["k"]]


def _overview(system: str, found: list[Profile]) -> None:
    attack, names, drawn = state["attack"], current_dataset().classes, _drawn(found)
    key = f"detectors-overview-{state['k']}-{attack}"  # a new key for each choice: else the last selection would stay
    alone = len(found) == 1
    st.header("Its AUC" if alone else "All detectors")
    st.plotly_chart(
        figures.overview(drawn, attack, state["k"], names),
        key=key,
        config=config(f"auc-{attack}"),
        on_select=partial(_picked, key, [profile.k for profile in drawn]),
        selection_mode="points",
        alt="AUC of every detector with its 95% interval: " + "; ".join(words.aucs(names[p.k], p, attack) for p in drawn),
    )
    takeaway.explain(*words.overview(found, attack, names), equations=(words.AUC_EQUATION,))
    if len(drawn) < len(found):
        st.caption(
            f"The figure shows the {EXTREME} weakest and the {EXTREME} strongest of {len(found)} detectors. All of them:"
        )
        st.dataframe(data.auc_table(found, attack, names), hide_index=True, height=280)
    with st.container(horizontal=True):
        takeaway.download_csv(
            "AUC (CSV)" if alone else "AUC of all detectors (CSV)", f"{system}-auc.csv", lambda: data.auc_csv(found)
        )
        st.caption(words.CAMERA, width="stretch")


def _picked(key: str, drawn: list[int]) -> None:
    """A click on a point selects its detector, unless a lesson has locked the choice."""
    points = st.session_state[key].selection.points
    if points and not state.widget("k")["disabled"]:
        st.session_state[state.key("k")] = drawn[min(max(round(points[0]["x"]), 0), len(drawn) - 1)]


def _numbers(profile: Profile) -> None:
    rows = [["out-of-class images", "AUC (95% interval)", "images"]]
    rows.append(["● natural", interval(profile.natural._asdict(), 5), f"{profile.natural.n:,}"])
    for name, part in profile.attacked.items():
        bold = "**" if name == state["attack"] else ""
        auc = interval(part.auc._asdict(), 5)
        rows.append([f"◆ {bold}{words.ATTACKS[name]}{bold}", f"{bold}{auc}{bold}", f"{part.auc.n:,}"])
    if profile.paper is not None:
        rows.append(["― the paper's own detector, its attack", f"{profile.paper:.5f}", "not given"])
    st.markdown(words.in_a_sentence(literal(_name(profile.k)), profile, state["attack"]))
    st.markdown(markdown_table(rows))
    st.caption(words.where_from(profile, state["attack"]))
    if profile.paper is not None and (other := setting(current_system().card)):
        st.caption(other)


def _logits(system: System, found: data.Detectors) -> None:
    k = state["k"]
    scores = found.scores(k, state["attack"])
    if not scores:
        return
    rest = {kind: z for kind, z in scores.items() if kind != "in-class"}
    curves = {kind: (detector_records.roc(scores["in-class"], z), len(z)) for kind, z in rest.items()}
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Its logits")
        st.segmented_control("Height of the bars", ("linear", "log"), required=True, **state.widget("counts"))
        st.plotly_chart(
            figures.histograms(scores, cast(figures.Scale, state["counts"])),
            key="detectors-histograms",
            config=config(f"logits-detector-{k}"),
            alt=f"Histograms of the logits of detector {_name(k)}: "
            + "; ".join(f"{figures.KINDS[kind][0]}, median {z.median():.1f}" for kind, z in scores.items()),
        )
        st.markdown(words.histograms(literal(_name(k)), bool(found.profiles)))
    with right:
        st.subheader("Its ROC curve")
        st.segmented_control("Horizontal axis", ("log", "linear"), required=True, **state.widget("axis"))
        st.plotly_chart(
            figures.roc(curves, cast(figures.Scale, state["axis"])),
            key="detectors-roc",
            config=config(f"roc-detector-{k}"),
            alt=f"ROC curves of detector {_name(k)} against "
            + " and ".join(f"{figures.KINDS[kind][0]} images ({n:,})" for kind, (_, n) in curves.items()),
        )
        st.markdown(words.ROC)
    with st.container(horizontal=True):
        name = f"{system.name}-detector-{k}"
        takeaway.download_csv("Histogram (CSV)", f"{name}-logits.csv", lambda: data.histogram_csv(scores))
        takeaway.download_csv(
            "ROC (CSV)", f"{name}-roc.csv", lambda: data.roc_csv({kind: curve for kind, (curve, _) in curves.items()})
        )
    st.latex(words.OBJECTIVE)
    st.caption(words.OBJECTIVE_IN_WORDS)


def _ranked(system: System, found: data.Detectors) -> None:
    k, logits = state["k"], found.sample_logits
    st.subheader("What it ranks highest and lowest")
    if sample_or_say(system) is None:
        return
    if logits is None:
        st.info(
            f"There are no stored logits of the sample for these weights. Make them with "
            f"{code(f'python tools/build_showcase.py {system.name}')}.",
            icon=":material/image_search:",
        )
        return
    x, y = caches.sample(system.card.dataset)
    rankings = data.rankings(logits, y, found.bank, k)
    # the first system is not named: a page takes it out of its URL, and that extra step would break the Back button
    link = {} if system.name == caches.systems()[0] else link_params()
    full_bank = not system.lacks("full_bank")
    for name, indices in rankings.items():
        st.markdown(f"**{strips.TITLES[name]}**")
        st.html(strips.strip(x, y, logits[:, found.column(k)], indices, k, current_dataset().classes, link, full_bank))
    takeaway.explain(*words.ranked(literal(_name(k)), len(y)))
    with st.container(horizontal=True):
        file = f"{system.name}-detector-{k}-ranked"
        takeaway.download_png(
            "The four rows (PNG)", f"{file}.png", lambda: strips.picture(x, logits[:, found.column(k)], rankings)
        )
        takeaway.download_csv("Rankings (CSV)", f"{file}.csv", lambda: data.ranking_csv(logits, y, found.bank, k))


def _training(system: System, found: data.Detectors) -> None:
    k = state["k"]
    parts = found.training[found.column(k)]
    st.subheader("How it was trained")
    if not parts:
        st.info("No training history is stored for this detector.", icon=":material/history:")
        return
    st.plotly_chart(
        figures.training(parts),
        key="detectors-training",
        config=config(f"training-detector-{k}"),
        alt=f"AUC of detector {_name(k)} during training, natural and adversarial, on validation and on training images.",
    )
    takeaway.explain(*words.training(parts, literal(_name(k))))
    takeaway.download_csv(
        "Training history (CSV)", f"{system.name}-detector-{k}-training.csv", lambda: data.training_csv(parts)
    )


def _snippets(system: System, found: data.Detectors) -> list[tuple[str, str, str]]:
    k = state["k"]
    parts = {"AUCs": bool(found.profiles), "rankings": bool(len(found.sample_y))}
    snippets = []
    if any(parts.values()):
        what = " and the ".join(part for part, there in parts.items() if there)
        python = data.python_code(system, k, parts["AUCs"], parts["rankings"])
        snippets.append((f"The {what} of this page:", data.command_line(system.name, k), python))
    snippets.append(
        (
            "To measure the records themselves (this takes long; what is stored is not computed again):",
            "\n".join(
                printed.command("evaluate", system.name, recipe=name)
                for name in (detector_records.protocol(system), detector_records.WORST)
            ),
            "",
        )
    )
    return snippets
