"""The card of a system and its checks: what the system is, which files it has, and what was measured on it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from aatviz.attacks.geometry import Norm
from aatviz.data.registry import dataset
from aatviz.data.spec import UnknownDataset
from aatviz.runtime.files import read_json
from aatviz.runtime.limits import MOST_CLASSES
from aatviz.runtime.typed_json import from_json

CARD = "card.json"
SCHEMA = 2
"""The schema of cards written today. Schema 1 is that of cards without a number: every bank has all classes, and only judge
and Gaussians may be missing. Schema 2 adds `schema` and `detector_classes`, and a robust classifier may be missing."""
Need = Literal["full_bank", "robust_classifier", "judge", "gaussians"]
"""The parts that a system may lack."""
_IN_WORDS: dict[Need, str] = {
    "full_bank": "a detector of every class",
    "robust_classifier": "a robust classifier",
    "judge": "a judge",
    "gaussians": "class Gaussians",
}


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files of a system, as paths relative to its folder; None where it has none."""

    detectors: tuple[str, ...]
    """One file for each detector, in the order of `Card.detector_classes`; or a single file with all detectors."""
    classifier: str
    robust: str | None = None
    judge: str | None = None
    gaussians: str | None = None


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """One file of weights: its hash and size, and how its network was trained."""

    sha256: str
    bytes: int
    seed: int
    seconds: float
    """Seconds of the updates; in old weights, which have no `evaluation_seconds`, those of the evaluations too."""
    evaluation_seconds: float | None = None
    device: str
    precision: str
    torch: str | None = None
    dataset: str | None = None
    data_hash: str
    recipe_hash: str | None = None
    start_sha256: str | None = None
    """The SHA-256 of the weight file that the training started from."""


@dataclass(frozen=True, kw_only=True)
class GaussiansFile:
    """The file of class Gaussians: its hash and size, and the data that it was estimated from."""

    sha256: str
    bytes: int
    rank: int
    grain: int = 1
    """Above 1, they are of reduced images: see `aatviz.models.gaussians`."""
    n: tuple[int, ...]
    """The number of images of each class."""
    explained_variance: tuple[float, ...]
    dataset: str
    data_hash: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """What one system is, where its weights come from, and every number measured on them. ValueError where the fields
    contradict one another."""

    schema: int = 1
    system: str
    about: str
    kind: Literal["shared", "separate"]
    """The kind of the bank."""
    dataset: str
    classes: int
    """The number of classes of the data set."""
    detector_classes: tuple[int, ...] | None = None
    """The classes that the bank's columns stand for; None, in cards of schema 1, for all."""
    norm: Norm
    eps: float
    prominence: int = 0
    files: Files
    priors: tuple[float, ...]
    recipe: dict[str, Any]
    recipe_hash: str | None = None
    weights: dict[str, WeightsFile]
    """By the path in `files`."""
    gaussians: GaussiansFile | None = None
    seconds: dict[str, float]
    versions: dict[str, str]
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The records by the recipe's name, without the fields that only a re-computation needs."""

    def __post_init__(self) -> None:
        if not 2 <= self.classes <= MOST_CLASSES or self.eps <= 0:
            raise ValueError(
                f'"classes" is {self.classes} and "eps" is {self.eps}; expected 2 to {MOST_CLASSES}, and more than 0.'
            )
        if len(self.priors) != self.classes:
            raise ValueError(f'"priors" holds {len(self.priors)} numbers; expected one for each of {self.classes} classes.')
        if min(self.priors) < 0 or abs(sum(self.priors) - 1) > 0.01:
            raise ValueError(f'"priors" are {_few(self.priors)}, in all {sum(self.priors):g}; expected shares that make 1.')
        bank = self.bank
        if not bank or list(bank) != sorted({*bank}) or not 0 <= bank[0] <= bank[-1] < self.classes:
            raise ValueError(f'"detector_classes" is {list(bank)}; expected growing classes among 0 to {self.classes - 1}.')
        if len(self.files.detectors) not in (1, len(bank)):
            raise ValueError(f'"files.detectors" names {len(self.files.detectors)} files; expected 1 or {len(bank)}.')

        self._check_files()

    def _check_files(self) -> None:
        files, gaussians = self.files, self.gaussians
        for path in (*files.detectors, files.classifier, files.robust, files.judge, files.gaussians):
            if path is not None and not _inside(path):
                raise ValueError(f'"files" names {path[:80]!r}; expected a file of this folder, or of one beside it.')
        if gaussians and not len(gaussians.n) == len(gaussians.explained_variance) == self.classes:
            raise ValueError(f'"gaussians" says "n" or "explained_variance" of other than {self.classes} classes.')
        if "detectors" not in self.seconds:
            raise ValueError('the field "seconds.detectors" is missing; expected a finite number.')

    @property
    def bank(self) -> tuple[int, ...]:
        """The classes that the bank has detectors of; column j of its logits stands for bank[j]."""
        return tuple(range(self.classes)) if self.detector_classes is None else self.detector_classes

    @property
    def data_hash(self) -> str:
        """The content hash of the images that the bank was trained on."""
        return self.weights[self.files.detectors[0]].data_hash

    @property
    def threat(self) -> tuple[str, Norm, float]:
        """Data set, norm and eps: systems of the same threat can be compared."""
        return self.dataset, self.norm, self.eps

    @property
    def deciding(self) -> tuple[str, ...]:
        """The weight files on which records depend: of the detectors, the classifier and the robust classifier, in that
        order."""
        files = self.files
        return (*files.detectors, files.classifier, *([files.robust] if files.robust else []))

    def sha256(self, path: str) -> str:
        """The SHA-256 of one of `files`, as the card gives it. ValueError where the card gives none."""
        if path == self.files.gaussians and self.gaussians is not None:
            return self.gaussians.sha256
        if path not in self.weights:
            raise ValueError(
                f"The {CARD} of {self.system} names the file {path} and does not say its sha256. "
                f"Bring it up to date with `aatviz train {self.recipe.get('name', self.system)}`."
            )
        return self.weights[path].sha256

    @property
    def weights_hash(self) -> str:
        """A hash over those of the files in `deciding`; records carry it to show on which weights they were measured."""
        return hashlib.sha256("".join(map(self.sha256, self.deciding)).encode()).hexdigest()[:16]

    def lacks(self, *needs: Need, what: str = "This") -> str:
        """One sentence to show that says which of `needs` the system lacks; empty where it has all.

        "full_bank" is a detector of every class, which the generative and the integrated classifier need; the other names
        speak for themselves. `what` is the subject of the sentence: "Figure 7", "The Compare page". ValueError for an
        unknown need.
        """
        if unknown := [need for need in needs if need not in _IN_WORDS]:
            raise ValueError(f"A need is one of {', '.join(_IN_WORDS)}; got {', '.join(map(repr, unknown))}.")
        missing = [need for need in _IN_WORDS if need in needs and not self._has(need)]
        if not missing:
            return ""
        wanted = [_IN_WORDS[need] for need in missing]
        found = [
            self._bank_words() if need == "full_bank" else f"no {_IN_WORDS[need].removeprefix('a ')}" for need in missing
        ]
        return f"{what} needs {_listed(wanted)}; the system {self.system} has {_listed(found)}."

    def _has(self, need: Need) -> bool:
        files = self.files
        if need == "full_bank":
            return len(self.bank) == self.classes
        return bool({"robust_classifier": files.robust, "judge": files.judge, "gaussians": files.gaussians}[need])

    def _bank_words(self) -> str:
        try:
            names = [dataset(self.dataset).classes[k] for k in self.bank]
        except UnknownDataset:  # imported elsewhere
            names = [f"class {k}" for k in self.bank]
        of = _listed(names) if len(names) <= 8 else f"{len(names)} of {self.classes} classes"
        return f"detectors of {of} alone" if len(names) > 1 else f"a detector of {of} alone"


def read_card(folder: Path) -> Card:
    """The card of a checkpoint folder.

    Raises:
        FileNotFoundError: where there is none.
        ValueError: for a card of a newer schema, or with a missing or mistyped field; the message names it.
    """
    path = folder / CARD
    return parse_card(read_json(path), str(path))


def parse_card(raw: Any, where: str = CARD) -> Card:
    """The card in a parsed JSON object; errors as in `read_card`. `where` is the file, for the message."""
    schema = raw.get("schema", 1) if isinstance(raw, dict) else 1
    if isinstance(schema, int) and schema > SCHEMA:
        raise ValueError(
            f"{where} is written in schema {schema}; this version of aatviz reads schemas up to {SCHEMA}. Update aatviz."
        )
    try:
        return from_json(Card, raw, where)
    except ValueError as error:
        raise ValueError(f"{error} Restore the card from where it came, or write it again with `aatviz train`.") from None


def _inside(path: str) -> bool:
    """Whether a path leads into the folder of a system, or, like ../other/file, into a folder beside it."""
    parts = PurePosixPath(path).parts
    below = parts[1:] if parts[:1] == ("..",) else parts
    return bool(below) and not {"..", "/"} & {*below} and not any(letter in path for letter in "\\:\0")


def _few(values: tuple[float, ...]) -> str:
    shown = ", ".join(f"{value:g}" for value in values[:5])
    return f"{shown} ..." if len(values) > 5 else shown


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
