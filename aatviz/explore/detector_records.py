"""Each base detector's numbers, from stored files: logits and AUC, ROC, its ranking of the sample, its training.

profile = detector_records.load(aatviz.load_system("mnist-linf-0.3-shared"))[3]
profile.attacked["paper"].auc       # a value with its 95 % interval and n
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aatviz.data import load_data
from aatviz.evaluate import stored
from aatviz.explore.stored_run import load_run, store_run
from aatviz.metrics import Interval, rate
from aatviz.recipes.evaluation import attack_words
from aatviz.recipes.paper import WORST_CASE, all_detectors, evaluations_of
from aatviz.recipes.spec import OF_DETECTORS
from aatviz.runtime.files import making_sense_of, read_arrays
from aatviz.runtime.memory import in_batches
from aatviz.store.card import CARD, read_card
from aatviz.store.results import read_history, result_file
from aatviz.store.systems import System

WORST = WORST_CASE
"""The name of the evaluation recipe of stronger attacks; `protocol` gives that of the paper's protocol."""
ATTACKS = ("paper", "best", "worst")
"""The paper's attack at its last iterate; the same attack at the best iterate of each image; the worst of several."""
SAMPLE = "sample_logits"
CHUNK = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class Attacked:
    """Out-of-class test images after an attack that pushed them up a detector's logit."""

    about: str
    """The attack in words."""
    scores: Tensor
    """The detector's logits (A,)."""
    auc: Interval
    """The AUC of these scores against those of the natural in-class images."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """One base detector on natural and on attacked test images."""

    k: int
    positive: Tensor
    """Its logits of the natural in-class images (P,)."""
    negative: Tensor
    """Its logits of the natural out-of-class images (M,)."""
    natural: Interval
    """The AUC of the in-class against the out-of-class logits."""
    attacked: dict[str, Attacked]
    """By the names of `ATTACKS`; only those that have been measured."""
    paper: float | None
    """The AUC of the paper's own detector (table 11 or 12) under the attack "paper", where it gives one."""


class Roc(NamedTuple):
    """The rates at rising thresholds; three tensors (L,). A sample is accepted where its logit is at least T."""

    threshold: Tensor
    fpr: Tensor
    """The share of the out-of-class images that is accepted."""
    tpr: Tensor
    """The share of the in-class images that is accepted."""


@dataclass(frozen=True, kw_only=True)
class TrainingPart:
    """The training of one network, with its scores on the way."""

    job: str
    """The recipe's job: "detector-3", "shared", "stage/shared"."""
    detectors: int
    """How many detectors the network holds; each AUC is the mean over them."""
    rows: list[dict[str, float]]
    """AUC by step: step, seconds, and {train,validation}_{natural,adversarial}."""
    classifier: str | None = None
    """The job of the classifier whose weights it started from; None where it started from detectors or at random."""

    @property
    def kept(self) -> int:
        """The index of the row whose weights were kept: that of the best adversarial AUC on validation images, the last of
        equals."""
        scores = [row["validation_adversarial"] for row in self.rows]
        return max(range(len(scores)), key=lambda i: (scores[i], i))


def protocol(system: System) -> str:
    """The evaluation recipe that measures all detectors by the paper's protocol: table-11, for example."""
    return all_detectors(*system.card.threat)


def load(system: System) -> list[Profile]:
    """The profiles of all detectors, in the order of the bank's columns.

    Raises FileNotFoundError where no record of these weights is there, with the command that measures one, and ValueError
    for a damaged record.
    """
    command = f"`aatviz evaluate {system.name} --recipe {protocol(system)}`"
    found: dict[str, tuple[dict[str, Any], dict[str, NDArray[Any]]]] = {}
    try:
        for name in (protocol(system), WORST):
            file = result_file(system, name, "npz")
            if file.is_file() and (record := stored(system, evaluations_of(system.card)[name], least=1)) is not None:
                found[name] = (record, read_arrays(file))
        if not found:
            raise FileNotFoundError(
                f"Nobody has measured these detectors of {system.name} under attack yet. Measure them with: {command}"
            )
        return [_profile(place, k, found) for place, k in enumerate(system.detectors.classes)]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"The record of the detectors of {system.name} cannot be used: {error} is missing in it. "
            f"Measure it again with: {command}"
        ) from error


def roc(positive: Tensor, negative: Tensor) -> Roc:
    """The exact ROC curve of in-class scores (P,) against out-of-class scores (M,), with a point for every distinct score
    and one at infinity, where nothing is accepted. The area under it is the AUC."""
    scores = torch.cat([positive, negative])
    threshold = torch.cat([scores.unique(), scores.new_tensor([torch.inf])])
    return Roc(threshold=threshold, fpr=rate(negative, threshold), tpr=rate(positive, threshold))


def store_sample_logits(system: System) -> Path:
    """Compute the detectors' logits of the bundled sample, write `results/sample_logits.npz` and return that file."""
    return store_run(system, SAMPLE, {"z_h": _compute(system).numpy().astype(np.float16)})


def stored_sample_logits(system: System) -> Tensor | None:
    """The stored logits (N,K) of the bundled sample, if they were made with these very weights; else None.

    ValueError where the file is damaged.
    """
    return load_run(system, SAMPLE, lambda arrays: torch.from_numpy(arrays["z_h"].astype(np.float32)))


def sample_logits(system: System) -> Tensor:
    """The detectors' logits (N,K) of the bundled sample, stored or computed now; float32, rounded to float16's precision."""
    kept = stored_sample_logits(system)
    return _compute(system) if kept is None else kept


def rankings(z: Tensor, y: Tensor, k: int, count: int = 10, column: int | None = None) -> dict[str, Tensor]:
    """Which images detector k ranks highest and lowest, from the logits z (N,K) and the classes y (N,). `column` is the
    detector's column in z; None: k itself. ValueError where z has no such column.

    Returns indices, at most `count` each, the most extreme first: "typical" and "atypical" are in-class images with the
    highest and with the lowest logits, "confusing" and "remote" out-of-class images with the highest and the lowest. Of
    equal logits the lower index comes first.
    """
    column = k if column is None else column
    if not 0 <= column < z.shape[1]:
        raise ValueError(f"The logits have the columns 0 to {z.shape[1] - 1}; got {column} for the detector {k}.")
    own, other = (y == k).nonzero().flatten(), (y != k).nonzero().flatten()

    def ends(members: Tensor, highest: bool) -> Tensor:
        return members[z[members, column].sort(descending=highest, stable=True).indices[:count]]

    return {
        "typical": ends(own, True),
        "atypical": ends(own, False),
        "confusing": ends(other, True),
        "remote": ends(other, False),
    }


def training(system: System, k: int) -> list[TrainingPart]:
    """The training of detector k: one part for each network on the way, from the first detectors whose weights it was
    finetuned from. A classifier at the start is only named: its scores are accuracies, and no AUCs.

    Empty where no history is stored. ValueError where the bank has no detector k, or a file is damaged.
    """
    place = 0 if system.detectors.shared else system.detectors.column(k)
    name = system.card.files.detectors[place].removesuffix(".safetensors")
    parts: list[TrainingPart] = []
    folder, job = system.folder.resolve(), name
    while (file := folder / "history" / f"{job}.json").is_file() and not any(part.job == job for part in parts):
        spec = _job(folder, job)
        if spec.get("method", OF_DETECTORS[0]) not in OF_DETECTORS:
            parts[:1] = [replace(part, classifier=job) for part in parts[:1]]
            break
        parts.insert(0, TrainingPart(job=job, detectors=spec.get("outputs", 1), rows=read_history(file)))
        if not spec.get("start_from"):
            break
        start = (folder / spec["start_from"]).resolve().with_suffix("")
        folder = start.parents[1] if start.parent.name == "stage" else start.parent
        job = start.relative_to(folder).as_posix()
    return parts


def _profile(place: int, k: int, found: dict[str, tuple[dict[str, Any], dict[str, NDArray[Any]]]]) -> Profile:
    """The profile of detector k, whose row in the records is the one at `place`."""
    attacked = {}
    for name, (record, arrays) in found.items():
        row, specs = record["rows"][place], record["recipe"]["attacks"]
        if name != WORST:
            ((attack, spec),) = specs.items()
            for key, keep in (("paper", "last"), ("best", "best")):
                scores, auc = torch.from_numpy(arrays[f"detector-{k}.{keep} {attack}"]), Interval(**row[keep][attack])
                attacked[key] = Attacked(about=attack_words(spec | {"keep": keep}), scores=scores, auc=auc)
        else:
            scores = torch.stack([torch.from_numpy(arrays[f"detector-{k}.best {attack}"]) for attack in specs]).amax(0)
            about = "; ".join(attack_words(spec) for spec in specs.values())
            attacked["worst"] = Attacked(about=about, scores=scores, auc=Interval(**row["worst"]))
    record, arrays = next(iter(found.values()))
    row = record["rows"][place]
    return Profile(
        k=k,
        positive=torch.from_numpy(arrays[f"detector-{k}.positive"]),
        negative=torch.from_numpy(arrays[f"detector-{k}.negative"]),
        natural=Interval(**row["natural"]),
        attacked=attacked,
        paper=next(iter(row["paper"].values()), None),
    )


@torch.no_grad()
def _compute(system: System) -> Tensor:
    x, _ = load_data(system.card.dataset, split="sample")
    return in_batches(lambda part: system.detectors(part.to(system.device)).cpu(), x, CHUNK).half().float()


def _job(folder: Path, name: str) -> dict[str, Any]:
    jobs = read_card(folder).recipe.get("jobs", [])
    with making_sense_of(folder / CARD, "Restore the card from where it came, or write it again with `aatviz train`."):
        return next((job for job in jobs if job["name"] == name), {})
