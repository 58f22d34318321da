"""The data of the Detectors page, cached until a file changes, and the texts and files that are made from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st
import torch
from torch import Tensor

from aatviz.explore import detector_records
from aatviz.explore.detector_records import Profile, TrainingPart
from aatviz.metrics import Interval
from aatviz.runtime import printed
from aatviz.store.results import result_file
from aatviz.store.systems import System
from aatviz.ui.common import takeaway
from aatviz.ui.common.datasets import dataset_of_card
from aatviz.ui.common.plots import bin_edges
from aatviz.ui.session import caches

T = TypeVar("T")
COUNT = 10
"""Images in each ranking."""
TRAINING_COLUMNS = ("validation_adversarial", "validation_natural", "train_adversarial", "train_natural")


@dataclass(frozen=True, kw_only=True, eq=False)
class Detectors:
    """Everything that is stored about the detectors of one system."""

    bank: tuple[int, ...]
    """The classes of the detectors, in the order of their columns."""
    profiles: list[Profile]
    """One for each detector; empty where none has been measured."""
    sample_logits: Tensor | None
    """The logits (N,K) of the bundled sample, or None."""
    sample_y: Tensor
    """The classes (N,) of the images of these logits."""
    training: list[list[TrainingPart]]
    """For each detector, the parts of its training; an empty list where no history is stored."""
    problems: list[str]
    """What cannot be shown, and what to do about it, in a sentence or two each."""

    def scores(self, k: int, attack: str) -> dict[str, Tensor]:
        """Detector k's stored logits by the kind of image, as far as there are any: of the test set, else of the sample."""
        if self.profiles:
            profile = self.profiles[self.column(k)]
            scores = {"in-class": profile.positive, "out-of-class": profile.negative}
            return scores | ({"attacked": profile.attacked[attack].scores} if attack in profile.attacked else {})
        if self.sample_logits is None:
            return {}
        own, z = self.sample_y == k, self.sample_logits[:, self.column(k)]
        return {"in-class": z[own], "out-of-class": z[~own]}

    def column(self, k: int) -> int:
        """The column of detector k."""
        return self.bank.index(k)


def detectors(system: System) -> Detectors:
    """The stored results about a system's detectors; they are read again when one of their files changes."""
    recipes = (detector_records.protocol(system), detector_records.WORST)
    files = [result_file(system, recipe, kind) for recipe in recipes for kind in ("json", "npz")]
    files += [result_file(system, detector_records.SAMPLE, "npz"), *sorted((system.folder / "history").rglob("*.json"))]
    try:
        y = caches.sample(system.card.dataset)[1]
    except (FileNotFoundError, ValueError):  # the page says so where it shows images
        y = torch.empty(0)
    return _read(system, y, str(system.folder), tuple(_changed(file) for file in files), len(y))


@st.cache_resource(max_entries=4, show_spinner="Preparing the results …")
def _read(_system: System, _y: Tensor, folder: str, stamps: tuple[int, ...], count: int) -> Detectors:
    problems: list[str] = []

    def attempt(read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except (FileNotFoundError, ValueError) as error:
            problems.append(str(error))
            return otherwise

    bank = _system.card.bank
    logits = attempt(lambda: detector_records.stored_sample_logits(_system), None)
    if logits is None and count and not dataset_of_card(_system.card).passed_on:  # what is stored could be of another copy
        logits = detector_records.sample_logits(_system)
    return Detectors(
        bank=bank,
        profiles=attempt(lambda: detector_records.load(_system), []),
        sample_logits=logits if logits is not None and len(logits) == count else None,
        sample_y=_y,
        training=attempt(lambda: [detector_records.training(_system, k) for k in bank], [[] for _ in bank]),
        problems=problems,
    )


def _changed(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


def histogram_csv(scores: dict[str, Tensor]) -> str:
    """One row for each bin: its ends, and the number of images of each kind in it."""
    edges = bin_edges(list(scores.values()))
    counts = [torch.histogram(z, edges).hist.int().tolist() for z in scores.values()]
    ends = [[f"{edge:g}" for edge in part.tolist()] for part in (edges[:-1], edges[1:])]
    return takeaway.table(["logit_from", "logit_to", *scores], zip(*ends, *counts, strict=True))


def roc_csv(curves: dict[str, detector_records.Roc]) -> str:
    """The exact ROC curves by the kind of out-of-class image, a row for every threshold at which a rate changes."""
    rows = (
        [kind, *(f"{value:.9g}" for value in point)]
        for kind, curve in curves.items()
        for point in zip(*(column.tolist() for column in curve), strict=True)
    )
    return takeaway.table(["out_of_class", "threshold", "false_positive_rate", "true_positive_rate"], rows)


def auc_csv(found: list[Profile]) -> str:
    """One row for each detector and each set of out-of-class images, with the paper's figure where it gives one."""
    rows = []
    for profile in found:
        aucs = {"natural": profile.natural, **{name: part.auc for name, part in profile.attacked.items()}}
        for name, auc in aucs.items():
            about = profile.attacked[name].about if name in profile.attacked else ""
            paper = profile.paper if name == "paper" and profile.paper is not None else ""
            rows.append([profile.k, name, *(f"{value:.6f}" for value in auc[:3]), auc.n, paper, about])
    return takeaway.table(["detector", "out_of_class", "auc", "low", "high", "n", "paper", "attack"], rows)


def headline(profile: Profile, attack: str) -> Interval:
    """A detector's AUC under this attack, or, where that has not been measured, against natural images."""
    return profile.attacked[attack].auc if attack in profile.attacked else profile.natural


def auc_table(found: list[Profile], attack: str, names: Sequence[str]) -> dict[str, list[Any]]:
    """The AUC of all detectors as columns, the weakest first."""
    ranked = sorted(found, key=lambda profile: headline(profile, attack).value)
    attacked = [headline(profile, attack) for profile in ranked]
    return {
        "detector": [names[profile.k] for profile in ranked],
        "AUC, attacked" if attack in found[0].attacked else "AUC": [round(auc.value, 5) for auc in attacked],
        "from": [round(auc.low, 5) for auc in attacked],
        "to": [round(auc.high, 5) for auc in attacked],
        "images": [auc.n for auc in attacked],
        "AUC, natural": [round(profile.natural.value, 5) for profile in ranked],
    }


def rankings(z: Tensor, y: Tensor, bank: tuple[int, ...], k: int) -> dict[str, Tensor]:
    """The rankings of detector k that are not empty, from the logits z (N,K) of the bank and the classes y (N,)."""
    found = detector_records.rankings(z, y, k, COUNT, bank.index(k))
    return {name: rows for name, rows in found.items() if len(rows)}


def ranking_csv(z: Tensor, y: Tensor, bank: tuple[int, ...], k: int) -> str:
    """One row for each image of the four rankings of detector k."""
    rows = [
        [name, place + 1, index, int(y[index]), f"{z[index, bank.index(k)]:.4f}"]
        for name, indices in rankings(z, y, bank, k).items()
        for place, index in enumerate(indices.tolist())
    ]
    return takeaway.table(["ranking", "place", "index", "class", "logit"], rows)


def training_csv(parts: list[TrainingPart]) -> str:
    """One row for each evaluation during training."""
    rows = [
        [part.job, part.detectors, f"{row['step']:g}", int(place == part.kept), *(row[name] for name in TRAINING_COLUMNS)]
        for part in parts
        for place, row in enumerate(part.rows)
    ]
    return takeaway.table(["network", "detectors", "step", "kept", *TRAINING_COLUMNS], rows)


def command_line(system: str, k: int) -> str:
    """The command that prints the numbers of the page."""
    return printed.command("detector", system, k=k, count=COUNT)


def python_code(system: System, k: int, measured: bool, ranked: bool = True) -> str:
    """The Python that prints the numbers of the page: the AUCs, if `measured`, and, if `ranked`, the rankings."""
    column = system.card.bank.index(k)
    where = "" if column == k else f", column={column}"
    lines = [
        "import aatviz",
        "from aatviz.explore import detector_records",
        "",
        printed.system_line(system.name),
    ]
    if measured:
        lines += [
            f"profile = detector_records.load(system)[{column}]",
            'print("natural", profile.natural)',
            "for name, attacked in profile.attacked.items():",
            "    print(name, attacked.auc)",
        ]
    if not ranked:
        return "\n".join(lines)
    lines += [
        f'x, y = aatviz.load_data({printed.text(system.card.dataset)}, split="sample")',
        "z = detector_records.sample_logits(system)",
        f"for name, indices in detector_records.rankings(z, y, k={k}, count={COUNT}{where}).items():",
        f"    print(name, indices.tolist(), z[indices, {column}].tolist())",
    ]
    return "\n".join(lines)
