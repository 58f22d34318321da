"""Images from noise: push noise up the target logit of the bank, of the robust and of the natural classifier (figure 6).

All three get the same noise and the same attack, so that the results differ only by what the models have learned.

made = generate(system, default_settings(system, "uniform"))
made.judged_as_target("generative")    # what an independent classifier takes them for
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from aatviz.attacks import Iterate, objective, pgd
from aatviz.attacks.checks import LARGEST_SEED, ClassIndices, check_choice
from aatviz.attacks.settings import of_threat
from aatviz.data import dataset, load_data
from aatviz.explore.attack_grid.result import MODELS, Model
from aatviz.explore.attack_grid.run import network
from aatviz.explore.generation.result import MOST_SAMPLES, Generated, GenerateSettings, StartName
from aatviz.explore.stored_run import load_run, store_run
from aatviz.explore.targets import MOST_TARGETS, first_targets
from aatviz.models.detectors import DetectorBank
from aatviz.runtime.files import read_bytes
from aatviz.store.results import weights_hash
from aatviz.store.systems import System

NATURAL = 100
"""Natural images of each class, whose logits are compared with those of the generated images."""
COARSE = 17
"""The step between the 16 grey levels of the frames on the way. So they compress well, and nobody sees the difference."""
RUBBISH = GenerateSettings(start="uniform", eps=28.0, step_size=0.5)
"""From noise in which nothing says "target", in a ball that holds every MNIST image (a white one has the L2 norm 28)."""
ONE_CLASS, SMALL, FEW_FRAMES = 24, 3 * 32 * 32, 3
"""Samples of a bank with one detector; and the size of an image (C x H x W) beyond which so few frames are kept."""
STORED = ("generated", "generated-uniform")
"""The names of the stored runs' files; `stored_settings` says what is in them."""
Callback = Callable[[Iterate | None], object]
"""Called at every step of PGD and, with None, after every class that is measured; what it raises ends the work."""


def default_settings(system: System, start: StartName = "gaussian") -> GenerateSettings:
    """The settings that the page begins with.

    From class noise, the data set's own attack for this (`drawn`), where it has one. Otherwise a radius and a step size that
    were found by experiment on MNIST, in proportion to the L2 norm of a white image (28 on MNIST). For the other starts, in
    which nothing says "target", the ball holds every image.
    """
    known, bank = dataset(system.card.dataset), system.card.bank
    targets = bank[:MOST_TARGETS] if system.lacks("full_bank") else first_targets(system.card.classes)
    usual = GenerateSettings(start=start, targets=targets)
    if targets and len(targets) == 1:
        usual = replace(usual, count=ONE_CLASS)
    if math.prod(known.shape) > SMALL:
        usual = replace(usual, most_frames=FEW_FRAMES)
    if known.drawn and start == "gaussian":
        return replace(usual, **of_threat(known.drawn))
    white = math.sqrt(math.prod(known.shape))
    share, step = (5 / 28, 0.3 / 28) if start == "gaussian" else (1, 0.5 / 28)
    eps, step_size = math.ceil(10 * round(share * white, 3)) / 10, round(step * white, 2)
    return replace(usual, eps=eps, step_size=step_size)


def stored_settings(system: System) -> dict[str, GenerateSettings]:
    """The settings of the stored runs, by the name of their file: from class noise and, of a whole bank, from noise in which
    nothing says "target"."""
    starts: tuple[StartName, ...] = ("gaussian",) if system.lacks("full_bank") else ("gaussian", "uniform")
    return {name: default_settings(system, start) for name, start in zip(STORED, starts, strict=False)}


def start_images(system: System, settings: GenerateSettings, target: int) -> Tensor:
    """The noise of one class (n,C,H,W), in [0,1] and on 256 grey levels; the same for every model.

    Raises ValueError for a class that the system does not have, Lacking for a system without Gaussians.
    """
    ClassIndices("target", target).check_range(system.card.classes)
    return _starts(system, settings, target)


def generate(
    system: System,
    settings: GenerateSettings,
    callback: Callback = lambda _: None,
    natural_logits: dict[Model, Tensor] | None = None,
) -> Generated:
    """Generate images of all targets by all models, and measure them. Where the bank lacks detectors, no targets mean those
    that it has.

    Args:
        system: the models, the class Gaussians and the judge.
        settings: which noise, and which attack.
        callback: called `step_count(system, settings)` times.
        natural_logits: those of another run of this system, since they do not depend on the settings. None for those of a
            stored run, so that no image of the data set is needed; without one they are computed on the bundled sample.

    Raises:
        DataNotFound: where natural images are needed, and those of the sample are not on this machine.
        Lacking: for a system without a judge, a robust classifier, or, where the settings start from class noise, class
            Gaussians.
        ValueError: for a target class that the system, or its bank, does not have.
    """
    system.require("robust_classifier", "judge", what="Generating images")
    if settings.targets is None and system.lacks("full_bank"):
        settings = replace(settings, targets=system.card.bank)
    targets = _targets(system, settings)
    judge = system.judge
    natural = dict(natural_logits or _stored_natural(system))
    sample = None if natural else load_data(system.card.dataset, split="sample")  # missing images are told before the work
    starts = [_starts(system, settings, k) for k in targets]
    paths, logits, noise_logits, judged = ({} for _ in range(4))
    for model in MODELS:
        ways, after, before = [], [], []
        for k, start in zip(targets, starts, strict=True):
            ways.append(_climb(system, settings, k, model, start, callback))
            after.append(_logit(network(system, model), ways[-1][-1] / 255, k))
            before.append(_logit(network(system, model), start, k))
            callback(None)
        paths[model] = torch.stack(ways, dim=1)
        logits[model], noise_logits[model] = torch.stack(after), torch.stack(before)
        judged[model] = _labels(judge, [way[-1] / 255 for way in ways])
        if sample:
            natural[model] = _natural(network(system, model), *sample, system.card.classes)
    return Generated(
        settings=settings,
        paths=paths,
        logits=logits,
        noise_logits=noise_logits,
        natural_logits=natural,
        judged=judged,
        judged_noise=_labels(judge, starts),
    )


def step_count(system: System, settings: GenerateSettings) -> int:
    """How often `generate` calls its callback."""
    return len(MODELS) * len(_targets(system, settings)) * (settings.steps + 2)


def _targets(system: System, settings: GenerateSettings) -> list[int]:
    """The target classes. ValueError where the system, or its bank, has no such class."""
    targets = list(system.card.bank) if settings.targets is None else list(settings.targets)
    ClassIndices("targets", torch.tensor(targets)).check_range(system.card.classes)
    for k in targets:
        system.detectors.column(k)
    return targets


def generated_image(system: System, settings: GenerateSettings, target: int, sample: int, model: Model) -> Tensor:
    """One result (1,C,H,W), in [0,1] and on 256 grey levels: what `generate` makes of that noise.

    Raises ValueError for an unknown model or class, or where the settings ask for fewer samples.
    """
    check_choice("model", model, MODELS)
    if not 0 <= sample < settings.count:
        raise ValueError(f"sample lies in 0..{settings.count - 1}, below the count; got {sample}.")
    path = _climb(system, settings, target, model, start_images(system, settings, target), lambda _: None)
    return path[-1, sample : sample + 1] / 255


def build_generated(system: System, name: str = "generated") -> Path:
    """Make the run of that name, one of `STORED`, write it into the system's results and return the file."""
    sample = load_data(system.card.dataset, split="sample")
    natural = {model: _natural(network(system, model), *sample, system.card.classes) for model in MODELS}
    made = generate(system, stored_settings(system)[name], natural_logits=natural)
    return store_run(system, name, made.to_arrays(), {"models_hash": models_hash(system)})


def load_generated(system: System, name: str = "generated") -> Generated | None:
    """The stored run of that name, if it was made with these very models and today's settings; else None.

    ValueError where the file is damaged.
    """
    if system.lacks("gaussians", "judge"):
        return None
    made = load_run(system, name, Generated.from_arrays, lambda: {"models_hash": models_hash(system)})
    return made if made and made.settings == stored_settings(system).get(name) else None


def _stored_natural(system: System) -> dict[Model, Tensor]:
    """The logits of natural images in a stored run of these very models; none where there is no such run."""
    kept = next(filter(None, (load_generated(system, name) for name in STORED)), None)
    return kept.natural_logits if kept else {}


def models_hash(system: System) -> str:
    """A hash over everything that a run depends on: the networks, the class Gaussians, the judge."""
    files = [read_bytes(*system.file("gaussians")), read_bytes(*system.file("judge"))]
    return hashlib.sha256(weights_hash(system).encode() + b"".join(files)).hexdigest()[:16]


def _starts(system: System, settings: GenerateSettings, target: int) -> Tensor:
    """As `start_images`. Only natural images of other classes come from the bundled sample."""
    shape = dataset(system.card.dataset).shape
    if settings.start == "other":
        x, y = load_data(system.card.dataset, split="sample")
        others = (y != target).nonzero().squeeze(1)

    def draw(generator: torch.Generator) -> Tensor:
        if settings.start == "gaussian":
            return system.gaussians.draw(target, generator)
        if settings.start == "uniform":
            return torch.rand(shape, generator=generator)
        if settings.start == "constant":
            return torch.rand((), generator=generator).expand(shape)
        return x[others[int(torch.randint(len(others), (), generator=generator))]]

    first = (settings.seed * system.card.classes + target) * MOST_SAMPLES
    seeds = [(first + i) % (LARGEST_SEED + 1) for i in range(settings.count)]
    return _bytes(torch.stack([draw(torch.Generator().manual_seed(seed)) for seed in seeds])) / 255


def _climb(
    system: System, settings: GenerateSettings, target: int, model: Model, start: Tensor, callback: Callback
) -> Tensor:
    """Push the noise of one class (n,C,H,W) up one model's target logit: the iterates at `settings.frames` (F,n,C,H,W), as
    bytes.

    Classes go one by one, so that in a separate bank only the target's own detector runs.
    """
    kept: list[Tensor] = []

    def watch(iterate: Iterate) -> None:
        if iterate.step in settings.frames:
            kept.append(_bytes(iterate.x_adv).cpu())
        callback(iterate)

    goal = objective("target_logit", network(system, model), target=target)
    pgd(goal, start.to(system.device), **settings.budget, keep="last", callback=watch)
    path = torch.stack(kept)
    path[1:-1] = (path[1:-1] / COARSE).round().byte() * COARSE
    return path


def _bytes(images: Tensor) -> Tensor:
    return (images * 255).round().byte()


@torch.no_grad()
def _logit(module: torch.nn.Module, x: Tensor, k: int) -> Tensor:
    """The logit (N,) of class k for images (N,C,H,W); in a separate bank only detector k runs."""
    x = x.to(next(module.parameters()).device)
    return (module.logit(x, k) if isinstance(module, DetectorBank) else module(x)[:, k]).cpu()


def _natural(module: torch.nn.Module, x: Tensor, y: Tensor, classes: int) -> Tensor:
    """The logits (K,m) of the first natural images of each class; padded with NaN where a class has fewer than others, or no
    detector."""
    there = set(module.classes) if isinstance(module, DetectorBank) else set(range(classes))
    rows = [_logit(module, x[y == k][:NATURAL], k) if k in there else torch.empty(0) for k in range(classes)]
    most = max(len(row) for row in rows)
    return torch.stack([torch.nn.functional.pad(row, (0, most - len(row)), value=torch.nan) for row in rows])


@torch.no_grad()
def _labels(judge: torch.nn.Module, images: list[Tensor]) -> Tensor:
    """The judge's classes (T,n) for the batches (n,C,H,W) of the targets."""
    device = next(judge.parameters()).device
    return torch.stack([judge(batch.to(device)).argmax(1).cpu() for batch in images])
