"""Parts of the Overview: the system's card in numbers, the limits of the defence, and what to show without a stored run."""

from typing import Any

import streamlit as st
import torch
from torch import Tensor

from aatviz.data.spec import written
from aatviz.evaluate.honest.verdict import EVERY
from aatviz.explore import detector_records
from aatviz.metrics.format import bounds, headline, interval, markdown_table, means_of
from aatviz.recipes.paper import SIDE_BY_SIDE
from aatviz.recipes.published import published
from aatviz.report.card_readme import training_minutes
from aatviz.report.subsample import pushed_out
from aatviz.store.systems import System, checkpoints_folder
from aatviz.ui.common.glossary import tip
from aatviz.ui.common.pictures import enlarged
from aatviz.ui.common.url import UrlState, number
from aatviz.ui.common.words import code
from aatviz.ui.player.view import T_LIMITS
from aatviz.ui.session import caches
from aatviz.ui.session.sidebar import bank_size, current_dataset, default_threshold
from aatviz.ui.session.stored import records

ROWS, MOST_CLASSES = 3, 10
"""The most images of a class, and the most classes, in the picture that stands in for a stored run."""
PLAYER_KEY = "overview-player"
state = UrlState("overview", [number("T", default_threshold, *T_LIMITS)])


def read_url() -> None:
    """Read T from the URL, check it, and bring the URL up to date."""
    if notes := state.read():
        st.info("  \n".join(notes), icon=":material/link:")
    state.write()


def below(system: System, stored: bool) -> str:
    """What the page shows first, in a sentence; nothing without a stored run."""
    if not stored:
        return ""
    noun, victim = current_dataset().noun, "one detector" if system.lacks("full_bank") else "it"
    if system.robust is None:
        return f"Below, {victim} is attacked on one {noun}: press play, and watch what the attack has to draw."
    return (
        f"Below, {victim} and the usual *robust classifier* are attacked on the same {noun}: press play, and watch what "
        "each attack has to draw."
    )


def without_showcase(system: System, sample: tuple[Tensor, Tensor] | None) -> None:
    """The command that makes the stored run, and real images, where the sample x (N,C,H,W), y (N,) is here."""
    st.info(
        "There is no stored run for these weights yet. Make it with "
        f"{code(f'python tools/build_showcase.py {system.name}')}, or run an attack yourself on the Attack page.",
        icon=":material/movie:",
    )
    if sample is None:
        return
    dataset = current_dataset()
    shown = range(min(len(dataset.classes), MOST_CLASSES))
    images = [sample[0][sample[1] == k][:ROWS] for k in shown]
    columns = [torch.cat([*part, *[part.new_zeros(dataset.shape)] * (ROWS - len(part))], 1) for part in images]
    few = "" if len(shown) == len(dataset.classes) else f" of the first {len(shown)} of {len(dataset.classes)} classes"
    st.image(
        enlarged(torch.cat(columns, 2), 4),
        caption=f"The sample: up to three {dataset.plural} of each class{few}, none of them in a training set.",
        width="stretch",
    )


def numbers(system: System) -> None:
    """Show the card's measured figures, each with n and its 95 % interval, as far as they have been measured."""
    st.markdown("### This system in numbers")
    card, metrics = system.card, system.card.metrics
    count, size = bank_size(system.folder, card)
    hard = records(system, ("honest", SIDE_BY_SIDE))
    auc = "AUC" if len(card.bank) == 1 else "Mean AUC"
    tiles = [
        ("Networks in the bank", str(count), f"{size:.1f} MB of weights, {_detectors(len(card.bank))}"),
        *_auc(detector_records.protocol(system), metrics, f"{auc}, the paper's attack"),
        *_auc(detector_records.WORST, metrics, f"{auc}, worst of three attacks"),
        *_rate(metrics, "accuracy", "generative", "Accuracy, generative", "natural test images, no rejection"),
        *_error(hard, metrics, "generative", "Error, generative", "loss 10"),
        *_rate(metrics, "accuracy", "robust", "Accuracy, robust classifier", "natural test images"),
        *_error(hard, metrics, "robust", "Error, robust classifier", "loss 9"),
    ]
    for column, (label, value, note) in zip(_columns(len(tiles)), tiles, strict=True):
        with column:
            st.metric(label, value, border=True, help=tip("AUC") if "AUC" in label else None)
            st.caption(note)
    if len(tiles) == 1:
        st.caption("No results are stored for this system yet; `aatviz evaluate` measures them.")


def comparison(system: System) -> None:
    """Compare the systems for the same threat, from their cards: what a shared trunk saves, and what it costs."""
    compared = {
        detector_records.protocol(system): "mean AUC, the paper's attack",
        detector_records.WORST: "mean AUC, worst of three attacks, 3 restarts",
    }
    same = {name: card for name, card in caches.cards().items() if card.threat == system.card.threat}
    cards = {
        name: card
        for name, card in same.items()
        if card.metrics.keys() >= compared.keys()
        and all((checkpoints_folder() / name / file).is_file() for file in card.files.detectors)
    }
    if len(cards) < 2:
        return
    rows = [["", *cards]]
    banks = {name: bank_size(checkpoints_folder() / name, card) for name, card in cards.items()}
    rows.append(["networks, MB", *(f"{count}, {size:.1f}" for count, size in banks.values())])
    rows.append(["training of the detectors, minutes of one core", *(training_minutes(card) for card in cards.values())])
    for recipe, label in compared.items():
        rows.append([label, *(interval(_mean_auc(card.metrics[recipe]), 5) for card in cards.values())])
    most = max(count for count, _ in banks.values())
    st.markdown("### One network, or one for each class" if most > 1 else "### Systems for the same attacker")
    st.markdown(markdown_table(rows))
    if most > 1:
        st.caption(
            "Where separate detectors were finetuned from a shared network, their training comes on top of its training. "
            f"An attack on all logits costs {most} networks a step on the separate bank, and one on the shared bank."
        )


def limits(system: System) -> None:
    """Say what this defence does not withstand."""
    card = system.card
    norm, noun = card.norm.replace("inf", "∞"), current_dataset().noun
    st.markdown("### What it does not withstand")
    st.markdown(
        f"These detectors were trained for perturbations of {norm} norm at most {written(card.eps)}. **Beyond that "
        "radius, or in another norm, nothing is promised**: raise ε on the Attack page and watch the detectors accept what "
        f"is no {noun} of their class. Stronger attacks break the idea further: "
        "[Tramèr, Carlini, Brendel and Madry (2020)](https://arxiv.org/abs/2002.08347) try every target class in turn, and "
        f"with that bring the paper's CIFAR-10 systems down (at ε = 8/255 and a 5-point clean cost {_survived()}). A single "
        "attack that fails, as some do here, proves nothing: take it as a look at one attack, not as a guarantee."
    )
    if record := records(system, ("thorough",)).get("thorough"):
        st.markdown(pushed_out(card, record, mark="**"))


def _survived() -> str:
    """The shares of images that withstood the attacks of Tramèr et al., in words."""
    left = published("cifar10", "Linf", 8 / 255).survived
    return " and ".join(
        f"{share:.1%} of {n:,} test images survive for the {name} classifier" for name, (share, n) in left.items()
    )


def _columns(count: int) -> list[Any]:
    """Rows of at most three tiles."""
    columns: list[Any] = []
    for start in range(0, count, 3):
        columns += st.columns(3)[: min(3, count - start)]
    return columns


def _auc(recipe: str, metrics: dict[str, Any], label: str) -> list[tuple[str, str, str]]:
    """The mean AUC of the detectors in one record, or nothing where it has not been measured."""
    if recipe not in metrics:
        return []
    mean = _mean_auc(metrics[recipe])
    return [(label, f"{mean['value']:.4f}", f"of {_detectors(len(metrics[recipe]['rows']))}; {_interval(mean)}")]


def _detectors(count: int) -> str:
    return "one detector" if count == 1 else f"{count} detectors"


def _mean_auc(record: dict[str, Any]) -> dict[str, Any]:
    """The detectors' mean, with its interval and the number of attacked images behind it."""
    found: dict[str, Any] = headline(means_of(record))
    return found


def _rate(metrics: dict[str, Any], kind: str, victim: str, label: str, note: str) -> list[tuple[str, str, str]]:
    """A proportion without rejection, or nothing where it has not been measured."""
    if (value := metrics.get("curves", {}).get(kind, {}).get(victim)) is None:
        return []
    return [(label, f"{value['value']:.4f}", f"{note}; {_interval(value)}")]


def _error(
    hard: dict[str, dict[str, Any]], metrics: dict[str, Any], victim: str, label: str, loss: str
) -> list[tuple[str, str, str]]:
    """The error under all attacks of the honest protocol; where that has not been run, under the worst of three optimizers;
    where neither has been run, under one attack. `hard` holds the existing records of the first two."""
    honest, beside = (hard.get(name, {}).get("victims", {}).get(victim) for name in ("honest", SIDE_BY_SIDE))
    if honest:
        row = honest["at"][1]
        worst, how = (
            row["error"][EVERY],
            f"worst of all attacks, T rejects {100 * row['clean_rejection']:g} % of clean images",
        )
    elif beside:
        worst, how = beside[0]["error"], "worst of three optimizers, no rejection"
    else:
        return _rate(metrics, "error_without_rejection", victim, label, f"attacked by {loss} alone, no rejection")
    return [(label, f"{worst['value']:.4f}", f"{how}; {_interval(worst)}")]


def _interval(value: dict[str, Any]) -> str:
    return f"95 % interval {bounds(value)}, n = {value['n']:,}"
