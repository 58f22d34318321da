"""Run a comparison: the same targeted attack on several models, each natural sample towards each class (figures 3, 5, 8).

settings = CompareSettings(models=("generative", "robust"), eps=0.4)
grid = compare(system, settings, x, y)
grid.summary(system, "generative", natural_logits(system, "generative", x, y))
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from aatviz.attacks import objective, pgd
from aatviz.attacks.pgd import Callback
from aatviz.attacks.settings import of_threat
from aatviz.data import dataset, load_data
from aatviz.data.spec import Threat, number, written
from aatviz.explore.attack_grid.result import MODELS, NEEDS, CompareSettings, Comparison, Model, NaturalLogits
from aatviz.explore.stored_run import Arrays, load_run, part, store_run
from aatviz.explore.targets import first_targets
from aatviz.runtime.memory import in_batches
from aatviz.store.systems import System

FILE = "compare"
"""The name of the stored comparison's file."""
_CHUNK = 250


def choose_rows(settings: CompareSettings, y: Tensor, classes: int) -> Tensor:
    """The samples (R,) of the rows, as indices into y (N,): as many as there are targets, or all samples of the chosen class
    where it has fewer. ValueError where a class has no sample, or a target is no class."""
    generator = torch.Generator().manual_seed(settings.seed)
    targets = _targets(settings, classes)
    wanted = [(k, 1) for k in targets] if settings.digit is None else [(settings.digit, len(targets))]
    rows = []
    for k, count in wanted:
        members = (y == k).nonzero().squeeze(1)
        if not len(members):
            raise ValueError(f"There is no sample of class {k}. Choose another class.")
        rows.append(members[torch.randperm(len(members), generator=generator)[:count]])
    return torch.cat(rows)


def default_settings(system: System) -> CompareSettings:
    """The settings that the page begins with: the data set's own attack for this (`pushed`), or its first preset with a
    ball a third larger. So the paper compares models at 0.4 that were trained at 0.3."""
    known = dataset(system.card.dataset)
    there = models_of(system)
    return CompareSettings(
        models=tuple(model for model in CompareSettings().models if model in there) or there,
        targets=first_targets(system.card.classes),
        **of_threat(known.pushed or _a_third_more(known.threats[0])),
    )


def _a_third_more(usual: Threat) -> Threat:
    over, _, below = usual.eps.partition("/")
    larger = 4 / 3 * number(over)
    return replace(usual, eps=f"{round(larger)}/{below}" if below else written(round(larger, 4)))


def step_count(system: System, settings: CompareSettings) -> int:
    """How often `compare` calls its callback."""
    return len(settings.models) * len(_target_groups(system, settings)) * (settings.steps + 1)


def compare(system: System, settings: CompareSettings, x: Tensor, y: Tensor, callback: Callback | None = None) -> Comparison:
    """Push each chosen sample towards every target, on each model, and keep each pair's best iterate.

    Args:
        system: the models.
        settings: which samples, which models, which attack.
        x, y: the images (N,C,H,W) to choose from, in [0,1], and their classes (N,).
        callback: as in `aatviz.pgd`, called `step_count(system, settings)` times.

    Raises:
        Lacking: where the system lacks a model that is asked for.
        ValueError: for a class or a target that the system does not have, and as `aatviz.pgd` does.

    The passes are in float32: each pair gets the numbers that `trace_attack` gives it alone.
    """
    classes = system.card.classes
    for model, need in NEEDS.items():
        if model in settings.models:
            system.require(need, what=f"A comparison with the {model} classifier")
    index = choose_rows(settings, y, classes)
    natural = x[index].to(system.device)
    images: dict[Model, Tensor] = {}
    for model in settings.models:
        columns = []
        for group in _target_groups(system, settings):
            goal = objective("target_logit", network(system, model), target=_per_pair(group, len(index)))
            pairs = natural.repeat(len(group), 1, 1, 1)
            columns.append(pgd(goal, pairs, **settings.budget, callback=callback).cpu())
        images[model] = torch.cat(columns).unflatten(0, (-1, len(index))).transpose(0, 1).contiguous()
    return Comparison(
        settings=settings,
        index=index,
        y=y[index],
        natural=natural.cpu(),
        natural_logits=_all_logits(system, natural),
        images=images,
        logits={model: _all_logits(system, perturbed) for model, perturbed in images.items()},
    )


def natural_logits(
    system: System, model: Model, x: Tensor, y: Tensor, check: Callable[[], None] = lambda: None
) -> NaturalLogits:
    """Count a model's target logits on natural images x (N,C,H,W), in [0,1], of classes y (N,). `check` is called between
    batches; what it raises ends the work."""
    parts = []
    for some in x.split(_CHUNK):
        check()
        with torch.no_grad():
            parts.append(network(system, model)(some.to(system.device)).float().cpu())
    z = torch.cat(parts)
    bins = (z / NaturalLogits.width).floor().long()
    first, last = int(bins.min()), int(bins.max())
    is_own = nn.functional.one_hot(y, z.shape[1]).bool()
    counts = [
        [torch.bincount(bins[chosen[:, k], k] - first, minlength=last - first + 1) for k in range(z.shape[1])]
        for chosen in (is_own, ~is_own)
    ]
    own, others = (torch.stack(rows).numpy() for rows in counts)
    marks = torch.tensor([0.05, 0.5])
    nothing = torch.full((1,), torch.nan)  # for a class without samples: no logit is above NaN
    low, median = torch.stack([(z[y == k, k] if (y == k).any() else nothing).quantile(marks) for k in range(z.shape[1])], 1)
    return NaturalLogits(first=first, own=own, others=others, median=median, low=low)


def network(system: System, model: Model) -> nn.Module:
    """The network whose target logit is raised: (N,C,H,W) -> logits (N,K). Raises Lacking where the system has none."""
    if model == "robust":
        return system.robust_classifier
    return system.detectors if model == "generative" else system.classifier


def models_of(system: System) -> tuple[Model, ...]:
    """The models that this system has."""
    missing = {model for model, need in NEEDS.items() if system.lacks(need)}
    return tuple(model for model in MODELS if model not in missing)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """What a page shows: a comparison, and beside it the target logits of natural samples."""

    comparison: Comparison
    natural: dict[Model, NaturalLogits]
    """By model: all that the system has, attacked or not."""


def build_comparison(system: System) -> Path:
    """Run the default comparison of a system, store it, and return the file."""
    x, y = load_data(system.card.dataset, split="sample")
    natural = {model: natural_logits(system, model, x, y) for model in models_of(system)}
    return store_comparison(system, Stored(comparison=compare(system, default_settings(system), x, y), natural=natural))


def store_comparison(system: System, stored: Stored) -> Path:
    """Write `results/compare.npz` of a system, with the hash of its weights, and return that file."""
    arrays = stored.comparison.to_arrays()
    for model, natural in stored.natural.items():
        arrays |= {f"sample.{model}.{name}": array for name, array in natural.to_arrays().items()}
    return store_run(system, FILE, arrays)


def load_comparison(system: System) -> Stored | None:
    """The stored comparison, if it was made with these very weights and today's default settings; else None.

    ValueError where the file is damaged.
    """
    stored = load_run(system, FILE, _from_arrays)
    return stored if stored and stored.comparison.settings == default_settings(system) else None


def _from_arrays(arrays: Arrays) -> Stored:
    comparison = Comparison.from_arrays(arrays)
    found = {model: part(arrays, f"sample.{model}.") for model in comparison.natural_logits}
    return Stored(
        comparison=comparison, natural={model: NaturalLogits.from_arrays(counts) for model, counts in found.items()}
    )


def _targets(settings: CompareSettings, classes: int) -> list[int]:
    """The target classes. ValueError where one of them is no class."""
    targets = list(range(classes)) if settings.targets is None else list(settings.targets)
    if targets[-1] >= classes:
        raise ValueError(f"Targets are classes from 0 to {classes - 1}; got {targets[-1]}.")
    return targets


def _target_groups(system: System, settings: CompareSettings) -> list[list[int]]:
    """The targets of each batch: all of them at once, or, for a bank of K networks, one by one, so that only the target's
    own detector runs."""
    targets = _targets(settings, system.card.classes)
    return [targets] if system.detectors.shared else [[target] for target in targets]


def _per_pair(group: list[int], rows: int) -> Tensor | int:
    return group[0] if len(group) == 1 else torch.tensor(group).repeat_interleave(rows)


@torch.no_grad()
def _all_logits(system: System, images: Tensor) -> dict[Model, Tensor]:
    """The logits (...,K) of all networks that the system has on images (...,C,H,W)."""
    batch = images.flatten(0, -4)

    def logits(model: Model) -> Tensor:
        return in_batches(lambda some: network(system, model)(some.to(system.device)).float().cpu(), batch)

    return {model: logits(model).unflatten(0, images.shape[:-3]) for model in models_of(system)}
