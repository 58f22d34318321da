"""What is measured: cases as data, and the banks and images that they name."""

import copy
import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

import aatviz
from aatviz.attacks.objectives import TARGETED, LossName
from aatviz.evaluate.systems import TRUE_POSITIVE_RATE
from aatviz.models.detectors import DetectorBank
from aatviz.store.systems import System
from aatviz.store.weights import build_network, read_note, start_from

EPS, COLOUR_EPS = 0.3, 8 / 255
TARGET = 9
"""The detector that targeted cases attack; their images are of the other classes."""
SEPARATE, SHARED = "separate", "shared"
COLOUR, COLOUR_SEPARATE = "CIFAR-10, shared", "CIFAR-10, separate"
SYSTEMS = {SEPARATE: "mnist-linf-0.3", SHARED: "mnist-linf-0.3-shared", COLOUR: "cifar10-linf-8-shared"}
OURS, LISTED, FEWER = "aatviz", "aatviz with a shortlist", "aatviz with momentum, in fewer steps"
"""Ours as every page uses it, with sign steps like the peers'; with `Shortlist`, where there are several networks; and with
momentum, in as many steps as it needs to be as strong (`FEWER_STEPS`)."""
PEERS_MOMENTUM = "torchattacks' MIFGSM, in as few steps"
FEWER_STEPS, LONGER = 0.4, 4
"""Of a case's steps, and how many times as long each is: 16 steps of 0.08 for 40 of 0.02."""
PEERS = ("torchattacks", "foolbox", "art")
GEMM, CONVOLUTION = PEAKS = ("matmul", "convolution")
"""What the machine can do at best, measured beside the engines; see `arithmetic`."""
JITTER = 0.01


@dataclass(frozen=True, kw_only=True)
class Case:
    """One attack on one or more banks, by several engines in turn."""

    name: str
    about: str
    loss: LossName
    images: int
    """In a batch. Every round attacks another batch, the same one for all engines."""
    steps: int
    step_size: float
    rounds: int
    """Measured ones: one more is run before them."""
    banks: tuple[str, ...] = (SEPARATE, SHARED)
    """Names for `load_bank`."""
    engines: tuple[str, ...] = (OURS, *PEERS)
    eps: float = EPS
    peaks: bool = False
    """Whether the machine's own peaks are measured in every round too."""

    @property
    def dataset(self) -> str:
        """The data set whose bundled images are attacked."""
        return load_system(COLOUR if self.banks[0].startswith("CIFAR-10") else SHARED).card.dataset

    @property
    def target(self) -> int | None:
        return TARGET if self.loss in TARGETED else None


class Contestant(NamedTuple):
    """Who attacks what: an engine, "fp32" or "bf16", and the name of a bank."""

    engine: str
    precision: str
    bank: str

    def __str__(self) -> str:
        hand = " by hand" if self.engine in PEERS and self.precision == "bf16" else ""
        return f"{self.engine} {self.precision}{hand}, {self.bank}"


def _sizes(name: str, about: str, loss: LossName, banks: tuple[str, ...]) -> list[Case]:
    engines = (OURS, *([LISTED] if loss == "detectors_max" else []), FEWER, *PEERS, PEERS_MOMENTUM)
    return [
        Case(name=f"{name}-1", about=about, loss=loss, images=1, steps=100, step_size=0.01, rounds=7, banks=banks),
        Case(
            name=f"{name}-64",
            about=about,
            loss=loss,
            images=64,
            steps=40,
            step_size=0.02,
            rounds=5,
            banks=banks,
            engines=engines,
            peaks=True,
        ),
        Case(name=f"{name}-512", about=about, loss=loss, images=512, steps=10, step_size=0.06, rounds=3, banks=banks),
    ]


COUNTS = (2, 5, 10, 20, 50)
CASES = [
    *_sizes("detectors-max", "loss 10 on all detectors", "detectors_max", (SEPARATE, SHARED)),
    *_sizes("detector", f"targeted, on detector {TARGET} alone", "detector_logit", (SEPARATE,)),
    Case(
        name="one-image",
        about=f"one image, the generative classifier's logit {TARGET}",
        loss="target_logit",
        images=1,
        steps=100,
        step_size=0.01,
        rounds=9,
    ),
    Case(
        name="cost-of-k",
        about="loss 10 on K separate detectors",
        loss="detectors_max",
        images=64,
        steps=10,
        step_size=0.06,
        rounds=5,
        banks=tuple(f"{SEPARATE} x {k}" for k in COUNTS),
        engines=(OURS,),
    ),
    Case(
        name="colour-64",
        about="CIFAR-10, loss 10 on all detectors",
        loss="detectors_max",
        images=64,
        steps=20,
        step_size=0.5 / 255,
        rounds=2,
        banks=(COLOUR_SEPARATE, COLOUR),
        engines=(OURS, LISTED, *PEERS),
        eps=COLOUR_EPS,
    ),
    Case(
        name="colour-detector-64",
        about=f"CIFAR-10, targeted, on detector {TARGET} alone",
        loss="detector_logit",
        images=64,
        steps=20,
        step_size=0.5 / 255,
        rounds=2,
        banks=(COLOUR,),
        eps=COLOUR_EPS,
    ),
]


def quick(case: Case) -> Case:
    """The same case in a second or two: for trying things out, never for a number."""
    banks = case.banks if case.engines != (OURS,) else case.banks[:3]
    return dataclasses.replace(case, images=min(case.images, 4), steps=2, step_size=EPS / 2, rounds=1, banks=banks)


@cache
def load_system(bank: str) -> System:
    return aatviz.load_system(SYSTEMS[bank])


@cache
def load_bank(name: str) -> DetectorBank:
    """One of `SYSTEMS`; "separate x K" for K detectors made from the ten; or `COLOUR_SEPARATE`."""
    if name == COLOUR_SEPARATE:
        return alone(load_system(COLOUR))
    kind, _, count = name.partition(" x ")
    bank = load_system(kind).detectors
    return several(bank, int(count)) if count else bank


def alone(system: System) -> DetectorBank:
    """A separate bank out of a shared one: a network for each row of its last layer, moved a little as in `several`."""
    (file,) = system.card.files.detectors
    note = read_note(system.folder / file) | {"outputs": 1}
    networks = [build_network(note) for _ in system.detectors.classes]
    for k, network in enumerate(networks):
        start_from(network, system.folder / file, k)
    return moved(networks, first=1)


def several(bank: DetectorBank, count: int) -> DetectorBank:
    """A separate bank of `count` networks: the first ones of this bank, and beyond these copies with weights of their own.

    The copies' weights differ from the originals' by about a hundredth: exact copies would never be the strongest
    detector of an image, all gradients would come from the originals, and many detectors would look too cheap.
    """
    copies = [copy.deepcopy(bank.networks[place % len(bank.networks)]) for place in range(count)]
    return moved(copies, first=len(bank.networks))


def moved(networks: list[torch.nn.Module], first: int) -> DetectorBank:
    """A bank of these networks, from the `first` one on with other weights, by about a hundredth."""
    generator = torch.Generator().manual_seed(0)
    for network in networks[first:]:
        with torch.no_grad():
            for weight in network.parameters():
                weight.mul_(1 + JITTER * torch.randn(weight.shape, generator=generator))
    return DetectorBank(networks, len(networks)).eval()


def batches(case: Case) -> list[tuple[Tensor, Tensor]]:
    """For each round, the one before them included, the images and labels that it attacks, from the bundled sample."""
    x, y = aatviz.load_data(case.dataset, split="sample")
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    fits = y[order] < min(len(load_bank(name).classes) for name in case.banks)
    if case.target is not None:
        fits &= y[order] != case.target
    order = order[fits]
    wanted = torch.arange((case.rounds + 1) * case.images) % len(order)
    return [(x[rows], y[rows]) for rows in order[wanted].split(case.images)]


@cache
def threshold(bank: str, count: int) -> float:
    """T with a true positive rate (equation 7) of 0.95 for the generative classifier, on `count` bundled images. Networks
    out of a shared bank have that bank's."""
    system = load_system(COLOUR if bank == COLOUR_SEPARATE else bank)
    x = aatviz.load_data(system.card.dataset, split="sample")[0]
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(1))[:count]]
    generative = system.generative
    scores = torch.cat([generative.decide(generative.scores(part))[1] for part in x.split(500)])
    return float(scores.quantile(1 - TRUE_POSITIVE_RATE))
