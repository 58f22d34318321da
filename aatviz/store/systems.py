"""Systems: everything that one checkpoint folder holds, loaded as frozen modules behind one interface."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from aatviz.data.registry import BUILT_IN
from aatviz.models.detectors import DetectorBank, GenerativeClassifier, IntegratedClassifier
from aatviz.models.gaussians import ClassGaussians
from aatviz.runtime.files import read_bytes
from aatviz.store.card import CARD, Card, Need, read_card
from aatviz.store.gaussians import load_gaussians
from aatviz.store.weights import load_network


class Lacking(ValueError):
    """A system was asked for something that it does not have; the message is a sentence to show."""


@dataclass(frozen=True)
class System:
    """The networks of one checkpoint folder, in eval mode and frozen, with the card that says where they come from."""

    name: str
    folder: Path
    detectors: DetectorBank
    classifier: nn.Module
    robust: nn.Module | None
    """The robust classifier; None where the system has none."""
    card: Card

    def lacks(self, *needs: Need, what: str = "This") -> str:
        """One sentence to show that says which of `needs` this system lacks; empty where it has all.

        Args:
            needs: "full_bank" (a detector of every class, for the generative and the integrated classifier),
                "robust_classifier", "judge", "gaussians".
            what: the subject of the sentence: "Figure 7", "The Compare page".
        """
        return self.card.lacks(*needs, what=what)

    def require(self, *needs: Need, what: str = "This") -> None:
        """Raise Lacking, a ValueError, with the sentence of `lacks` where there is one."""
        if why := self.lacks(*needs, what=what):
            raise Lacking(why)

    @property
    def robust_classifier(self) -> nn.Module:
        """Madry's classifier, the baseline: (N,C,H,W) in [0,1] -> logits (N,K). Raises Lacking where the system has none."""
        if self.robust is None:
            raise Lacking(self.lacks("robust_classifier") or f"The system {self.name} was made without a robust classifier.")
        return self.robust

    @property
    def device(self) -> torch.device:
        """Where its networks compute; images must be there too."""
        return next(self.detectors.parameters()).device

    @cached_property
    def generative(self) -> GenerativeClassifier:
        """argmax_k p(C_k) sigma(z(H(x))_k), with a reject option. Raises Lacking without a detector of every class."""
        self.require("full_bank", what="The generative classifier")
        return GenerativeClassifier(self.detectors, torch.tensor(self.card.priors))

    @cached_property
    def integrated(self) -> IntegratedClassifier:
        """f, with the detector of its decision as the reject option. Raises Lacking without a detector of every class."""
        self.require("full_bank", what="The integrated classifier")
        return IntegratedClassifier(self.classifier, self.detectors)

    @cached_property
    def gaussians(self) -> ClassGaussians:
        """The class Gaussians that images are generated from. Raises Lacking where the system has none."""
        return load_gaussians(*self.file("gaussians"), self.card.classes)

    @cached_property
    def judge(self) -> nn.Module:
        """A natural classifier that no attack sees, to judge generated images. Raises Lacking where the system has none."""
        return load_network(*self.file("judge"), self.card.classes).to(self.device)

    def file(self, kind: Literal["judge", "gaussians"]) -> tuple[Path, str]:
        """The file of the judge or the class Gaussians, and its SHA-256. Raises Lacking where the card names none."""
        self.require(kind, what="Generating images")
        path = getattr(self.card.files, kind)
        return self.folder / path, self.card.sha256(path)


def checkpoints_folder() -> Path:
    """Where shipped systems lie: $AATVIZ_CHECKPOINTS, else `checkpoints/` beside the package."""
    return Path(os.environ.get("AATVIZ_CHECKPOINTS") or Path(__file__).parents[2] / "checkpoints").expanduser()


def cards() -> dict[str, Card]:
    """The cards of the shipped systems that can be read, in the order of `cards_and_broken`."""
    return cards_and_broken()[0]


def cards_and_broken() -> tuple[dict[str, Card], dict[str, str]]:
    """The cards of the shipped systems by the folder's name; and, for folders whose card cannot be read, the reason by name.

    One data set after the other, the built-in ones first. Of a data set the most prominent system comes first, then L-inf
    before L2 and small balls before large ones. The first of all is the app's default.
    """
    found: dict[str, Card] = {}
    broken: dict[str, str] = {}
    for path in sorted(checkpoints_folder().glob(f"*/{CARD}")):
        try:
            found[path.parent.name] = read_card(path.parent)
        except (OSError, ValueError) as error:
            broken[path.parent.name] = str(error)
    known = tuple(BUILT_IN)

    def place(name: str) -> tuple[Any, ...]:
        card = found[name]
        place_of_data = known.index(card.dataset) if card.dataset in known else len(known)
        return place_of_data, card.dataset, -card.prominence, card.norm != "Linf", card.eps, name

    return {name: found[name] for name in sorted(found, key=place)}, broken


def damage(folder: Path, card: Card) -> str:
    """What is wrong with the files of a system, as a sentence; empty where all are there with the card's hashes."""
    files = card.files
    for path in dict.fromkeys((*card.deciding, *(extra for extra in (files.judge, files.gaussians) if extra))):
        try:
            read_bytes(folder / path, card.sha256(path))
        except (OSError, ValueError) as error:
            return str(error)
    return ""


def systems() -> list[str]:
    """The names of the shipped systems, in the order of `cards`."""
    return list(cards())


def system_folder(name: str | Path) -> Path:
    """The folder of a shipped system, by its name, or the checkpoint folder at a path. FileNotFoundError, with the known
    names, where there is none."""
    for folder in (checkpoints_folder() / name, Path(name)):
        if (folder / CARD).is_file():
            return folder
    known = ", ".join(systems()) or "none"
    raise FileNotFoundError(f"There is no system {str(name)!r}: it is neither a folder with a {CARD} nor one of {known}.")


def load_system(name: str | Path, device: str = "cpu") -> System:
    """A system by its name, or from a path to a checkpoint folder, with its networks on a device, frozen, in eval mode.

    Raises FileNotFoundError where there is none or one of its files is missing; ValueError where a file is damaged, or its
    SHA-256 is not that in the card.
    """
    folder = system_folder(name)
    card = read_card(folder)
    files = card.files

    def network(file: str, outputs: int) -> nn.Module:
        return load_network(folder / file, card.sha256(file), outputs).to(device)

    each = len(card.bank) if len(files.detectors) == 1 else 1
    detectors = DetectorBank([network(file, each) for file in files.detectors], card.bank)
    return System(
        name=card.system,
        folder=folder,
        detectors=detectors.eval().to(device),
        classifier=network(files.classifier, card.classes),
        robust=network(files.robust, card.classes) if files.robust else None,
        card=card,
    )
