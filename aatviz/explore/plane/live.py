"""A piece of a training, and a picture of its models: what the Playground asks of a worker, again and again.

A piece gets the state of a training and returns the next one, so that any process can make it; the updates are those of
`aatviz.train`, and however they are cut into pieces, the weights are the same to the bit.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_args

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from aatviz.data import toy
from aatviz.explore.plane import measures
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import evaluating
from aatviz.recipes import Job, plane
from aatviz.recipes.plane import PlaneSettings
from aatviz.runtime.hardware import one_thread
from aatviz.train.learner import part
from aatviz.train.updates import Updates, first_network
from aatviz.train.validation import logits_of

ModelName = Literal["classifier", "robust", "detectors"]
MODELS: tuple[ModelName, ...] = get_args(ModelName)
SHARES = tuple(range(50, 101))
"""The shares of a class, in percent, that a threshold may let through."""
SIDE = 48
"""Cells along a side of a landscape."""
NEGATIVES = 24
"""Negatives whose way is shown, for each class."""
NOISE, FRAMES = 60, 40
"""Points of noise that are dropped, and the frames of their way."""
VALIDATION = 200
"""Attacked points behind an AUC, for each class."""


@dataclass(frozen=True, kw_only=True)
class State:
    """Where the training of one model stands: of a separate bank, of all its networks."""

    step: int = 0
    networks: tuple[bytes, ...] = ()
    """What `Learner.tensors` gives for each network, as safetensors, which travel fast between processes; none: before the
    first update."""

    @classmethod
    def of(cls, step: int, networks: Iterable[dict[str, Tensor]]) -> "State":
        """The state of these networks, each by the names and tensors of its learner."""
        return cls(step=step, networks=tuple(save(tensors) for tensors in networks))

    def tensors(self) -> list[dict[str, Tensor]]:
        """The tensors of each network."""
        return [load(network) for network in self.networks]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of work: some updates of one model, and pictures of it on the way."""

    points: toy.Plane
    settings: PlaneSettings
    model: ModelName
    state: State = field(default_factory=State)
    updates: int = 0
    pictures: int = 1
    """How many pictures are made, at equal distances; the last one after the last update."""
    aucs: bool = False
    """Whether the AUCs are measured as well."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One model at one step."""

    step: int
    """Updates that the model has had."""
    landscape: Tensor
    """Its logits at the centres of the cells (K,side,side); row 0 lies at the bottom, y = 0."""
    thresholds: Tensor
    """T_k for each share in `SHARES` of training points of class k that exceed it, (K,51)."""
    paths: Tensor | None
    """How negatives walk towards each class (K,steps + 1,n,2), attacked as in training. None for a picture on the way of a
    piece: they take longer than the rest."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """The outcome of a piece."""

    state: State
    pictures: tuple[Picture, ...]
    loss: float | None
    """The mean loss of these updates; None where there were none."""
    aucs: tuple[float, float] | None
    seconds: float
    """That the updates and the pictures took, without the AUCs."""


def jobs(points: toy.Plane, settings: PlaneSettings, model: ModelName) -> list[Job]:
    """The jobs that train one model: one, or for a separate bank one for each class."""
    recipe = plane.recipe(toy.dataset(points), settings)
    return [job for job in recipe.jobs if job.name == model or (model == "detectors" and job.method.startswith("aat"))]


def pieces(context: object, asked: Sequence[Piece], step: Callable[..., Any]) -> list[Made]:
    """`make`, in the form that a worker runs."""
    return [make(piece, step) for piece in asked]


def make(piece: Piece, step: Callable[..., Any] = lambda: None) -> Made:
    """Make the updates, as many as the training still has, and the picture; `step` is called after each update."""
    with one_thread():  # layers are so small that several threads would mostly wait for each other
        return _made(piece, step)


def _made(piece: Piece, step: Callable[..., Any]) -> Made:
    started = time.monotonic()
    if not piece.updates:  # then no optimizer is needed, whose library takes seconds to load
        network = network_of(piece)
        shown = picture(network, piece.points, piece.settings, piece.state.step)
        seconds = time.monotonic() - started
        return Made(state=piece.state, pictures=(shown,), loss=None, aucs=_aucs(network, piece), seconds=seconds)
    learning = _learning(piece)
    network = as_one([updates.learner.judged for updates in learning], piece.points.classes)
    count = min(piece.updates, piece.settings.updates - piece.state.step)
    losses: list[float] = []
    pictures = []
    for place in range(1, piece.pictures + 1):
        while len(losses) < place * count // piece.pictures:
            losses.append(sum(float(updates.make().detach()) for updates in learning) / len(learning))
            step()
        walk = place == piece.pictures
        pictures.append(picture(network, piece.points, piece.settings, learning[0].step, walk))
    seconds = time.monotonic() - started
    return Made(
        state=State.of(learning[0].step, (updates.learner.tensors() for updates in learning)),
        pictures=tuple(pictures),
        loss=sum(losses) / len(losses) if losses else None,
        aucs=_aucs(network, piece),
        seconds=seconds,
    )


def _aucs(network: nn.Module, piece: Piece) -> tuple[float, float] | None:
    return validation_aucs(network, piece.points, piece.settings) if piece.aucs else None


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """Noise that climbed up one model's logits."""

    path: Tensor
    """Where it was on the way (F,n,2), from where it was dropped to where it ended."""
    target: Tensor
    """The class that each climbed towards (n,)."""
    landed: Tensor
    """Which ended near a training point of that class, bool (n,)."""


def drops(context: object, asked: Sequence[tuple[Piece, int]], step: Callable[..., Any]) -> list[Dropped]:
    """`drop`, in the form that a worker runs."""
    return [drop(*one) for one in asked]


def drop(piece: Piece, seed: int) -> Dropped:
    """Let noise climb up the logits of a model as it is now: the same noise for every model."""
    x, y = train_points(piece.points)
    start, target = measures.noise(NOISE, seed, piece.points.classes)
    with one_thread():
        path = measures.climb(network_of(piece), start, target)
    return Dropped(
        path=path[:: (len(path) - 1) // FRAMES].flatten(2), target=target, landed=measures.landed(path[-1], target, x, y)
    )


def network_of(piece: Piece) -> nn.Module:
    """The model of a piece's state, frozen; one without any state has its first weights."""
    networks = [first_network(job, (2, 1, 1)) for job in jobs(piece.points, piece.settings, piece.model)]
    for network, tensors in zip(networks, piece.state.tensors(), strict=False):
        network.load_state_dict(part(tensors, "network."))
    return as_one(networks, piece.points.classes).eval().requires_grad_(False)


def _learning(piece: Piece) -> list[Updates]:
    """The trainings of a model, where they stand."""
    x, y = train_points(piece.points)
    found = [Updates(job, x, y) for job in jobs(piece.points, piece.settings, piece.model)]
    for updates, tensors in zip(found, piece.state.tensors(), strict=False):
        updates.learner.load(tensors)
        updates.step = piece.state.step
    return found


def as_one(networks: Sequence[nn.Module], classes: int) -> nn.Module:
    """A model of one logit for each class: the network itself, or a bank of several."""
    return networks[0] if len(networks) == 1 else DetectorBank(networks, classes)


def picture(network: nn.Module, points: toy.Plane, settings: PlaneSettings, step: int, walk: bool = True) -> Picture:
    """The picture of a model as it is now, after `step` updates; with the ways of negatives where `walk`."""
    x, y = train_points(points)
    with evaluating((network,)):
        logits = logits_of(network, x)
        shares = torch.tensor([1 - share / 100 for share in SHARES])
        limits = torch.stack([logits[y == k, k].quantile(shares) for k in range(points.classes)])
        paths = _walk(network, points, settings) if walk else None
        landscape = measures.landscape(network, SIDE)
    return Picture(step=step, landscape=landscape, thresholds=limits, paths=paths)


def _walk(network: nn.Module, points: toy.Plane, settings: PlaneSettings) -> Tensor:
    """The ways of negatives of all classes, in one attack."""
    starts = [negatives(points, settings, k) for k in range(points.classes)]
    start, target = (torch.cat(parts) for parts in zip(*starts, strict=True))
    walked = measures.negative_paths(network, start, target, plane.inner_attack(settings)).flatten(2)
    return torch.stack(walked.split([len(one) for one, _ in starts], dim=1))


def negatives(points: toy.Plane, settings: PlaneSettings, k: int) -> tuple[Tensor, Tensor]:
    """Where negatives of class k start, as in training (n,2,1,1), and k for each (n,)."""
    x, y = _split(points, "validation")
    start = x[y != k][:NEGATIVES]
    generator = torch.Generator().manual_seed(k)
    anywhere = torch.rand(len(start), generator=generator) < settings.anywhere
    start = torch.where(anywhere[:, None, None, None], torch.rand(start.shape, generator=generator), start)
    return start, torch.full((len(start),), k)


def validation_aucs(network: nn.Module, points: toy.Plane, settings: PlaneSettings) -> tuple[float, float]:
    """The natural and the adversarial AUC on validation points; the attack is as in training, its best iterate counts."""
    x, y = _split(points, "validation")
    spec = jobs(points, settings, "robust")[0].validation_attack
    with evaluating((network,)):
        return measures.aucs(network, x, y, spec, VALIDATION)


def train_points(points: toy.Plane) -> tuple[Tensor, Tensor]:
    """The points to train on (N,2,1,1), float32 in [0,1], and their classes (N,)."""
    return _split(points, "train")


@lru_cache(maxsize=32)
def _split(points: toy.Plane, split: str) -> tuple[Tensor, Tensor]:
    opened = toy.dataset(points).open(split)
    return opened.images(), opened.labels
