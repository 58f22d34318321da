"""Systems: everything that one checkpoint folder holds, loaded as frozen modules behind one interface."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from aatviz.models.detectors import DetectorBank, GenerativeClassifier, IntegratedClassifier
from aatviz.models.gaussians import ClassGaussians
from aatviz.runtime.files import read_json
from aatviz.store.gaussians import load_gaussians
from aatviz.store.weights import load_network

CARD = "card.json"


@dataclass(frozen=True)
class System:
    """The networks of one checkpoint folder, in eval mode and frozen, with the card that says where they come from."""

    name: str
    folder: Path
    detectors: DetectorBank
    classifier: nn.Module
    robust_classifier: nn.Module
    card: dict[str, Any]

    @property
    def device(self) -> torch.device:
        """Where its networks compute; images must be there too."""
        return next(self.detectors.parameters()).device

    @cached_property
    def generative(self) -> GenerativeClassifier:
        """argmax_k p(C_k) sigma(z(H(x))_k), with a reject option."""
        return GenerativeClassifier(self.detectors, torch.tensor(self.card["priors"]))

    @cached_property
    def integrated(self) -> IntegratedClassifier:
        """f, with the detector of its decision as the reject option."""
        return IntegratedClassifier(self.classifier, self.detectors)

    @cached_property
    def gaussians(self) -> ClassGaussians:
        """The class-conditional Gaussians that images are generated from. FileNotFoundError where it has none."""
        return load_gaussians(self.optional_file("gaussians"))

    @cached_property
    def judge(self) -> nn.Module:
        """A natural classifier that no attack sees, to judge generated images. FileNotFoundError where it has none."""
        return load_network(self.optional_file("judge")).to(self.device)

    def optional_file(self, kind: str) -> Path:
        """The file of something that not every system has. FileNotFoundError where the card names none."""
        if kind not in self.card["files"]:
            raise FileNotFoundError(
                f"The system {self.name} has no {kind}: its {CARD} names no file for it. "
                f"Make {kind}.safetensors, and bring the card up to date with `aatviz train {self.name}`."
            )
        return self.folder / self.card["files"][kind]


def checkpoints_folder() -> Path:
    """Where shipped systems lie: $AATVIZ_CHECKPOINTS, else `checkpoints/` beside the package."""
    return Path(os.environ.get("AATVIZ_CHECKPOINTS") or Path(__file__).parents[2] / "checkpoints").expanduser()


def systems() -> list[str]:
    """The names of the shipped systems: the app's default first, then the L-inf ones, small balls before large ones."""
    cards = {path.parent.name: read_json(path) for path in checkpoints_folder().glob(f"*/{CARD}")}

    def place(name: str) -> tuple[Any, ...]:
        card = cards[name]
        return -card.get("prominence", 0), card["norm"] != "Linf", card["eps"], name

    return sorted(cards, key=place)


def system_folder(name: str | Path) -> Path:
    """The folder of a shipped system, or a path to any checkpoint folder. FileNotFoundError names what there is."""
    for folder in (checkpoints_folder() / name, Path(name)):
        if (folder / CARD).is_file():
            return folder
    known = ", ".join(systems()) or "none"
    raise FileNotFoundError(f"There is no system {str(name)!r}: it is neither a folder with a {CARD} nor one of {known}.")


def load_system(name: str | Path, device: str = "cpu") -> System:
    """A system by its name, or from a path to a checkpoint folder, with its networks on a device.

    Raises FileNotFoundError where there is none, ValueError where one of its files is damaged.
    """
    folder = system_folder(name)
    card = read_json(folder / CARD)
    files = card["files"]
    detectors = DetectorBank([load_network(folder / file) for file in files["detectors"]], card["classes"])
    return System(
        name=card["system"],
        folder=folder,
        detectors=detectors.eval().to(device),
        classifier=load_network(folder / files["classifier"]).to(device),
        robust_classifier=load_network(folder / files["robust"]).to(device),
        card=card,
    )
