"""One attack on one image, followed step by step: every iterate and all logits along the path."""

import dataclasses
import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aatviz.attacks import Iterate, Objective, norm, objective, pgd
from aatviz.attacks.checks import ClassIndices
from aatviz.attacks.geometry import Norm
from aatviz.attacks.passes import few_go_alone
from aatviz.attacks.pgd import Callback
from aatviz.attacks.settings import AttackSettings
from aatviz.models.networks.madry_by_hand import FEW
from aatviz.runtime.memory import in_batches
from aatviz.store.systems import System


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """The path of one attack on one image: S steps, S+1 iterates; iterate 0 is the start.

    With several restarts, it is the path of the one with the iterate of least loss.
    """

    settings: AttackSettings
    y: int
    """The true class."""
    natural: Tensor
    """The unperturbed image (C,H,W), in [0,1]."""
    images: Tensor
    """The iterates (S+1,C,H,W), in [0,1] and in the ball."""
    z_h: Tensor
    """Logits of the detector bank (S+1,K)."""
    z_f: Tensor
    """Logits of the naturally trained classifier (S+1,K); (0,K) where they were not asked for."""
    z_r: Tensor
    """Logits of the robust classifier (S+1,K); (0,K) where they were not asked for, or the system has none."""
    loss: Tensor
    """The loss by which iterates are ranked (S+1,); see `aatviz.models.losses`."""
    kept: int
    """The step of the iterate of least loss, the attack's result."""
    restart: int
    """The restart that this path is from."""

    @property
    def perturbed(self) -> Tensor:
        """The attack's result (C,H,W)."""
        return self.images[self.kept]

    def norms(self, p: Norm) -> Tensor:
        """The norm of the perturbation at every step (S+1,)."""
        return norm(self.images - self.natural, p)

    @property
    def linf(self) -> float:
        """The Linf norm of the result's perturbation."""
        return float(self.norms("Linf")[self.kept])

    @property
    def l2(self) -> float:
        """The L2 norm of the result's perturbation."""
        return float(self.norms("L2")[self.kept])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays for `aatviz.runtime.files.write_arrays`; `from_arrays` is the way back."""
        arrays = {name: getattr(self, name).numpy() for name in _TENSORS}
        note = {name: getattr(self, name) for name in ("y", "kept", "restart")}
        return arrays | {"note": np.array(json.dumps(note | {"settings": dataclasses.asdict(self.settings)}))}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Trace":
        """The trace from the arrays that `to_arrays` made. ValueError where one is missing or the settings are impossible.

        Old files hold images without a channel: (H,W) and (S+1,H,W).
        """
        if missing := [name for name in (*_TENSORS, "note") if name not in arrays]:
            raise ValueError(f"This is not a stored trace: {', '.join(missing)} missing. Compute it again.")
        note = json.loads(str(arrays["note"]))
        values = note | {name: torch.from_numpy(arrays[name]) for name in _TENSORS}
        if values["natural"].dim() == 2:
            values |= {name: values[name].unsqueeze(-3) for name in ("natural", "images")}
        return cls(**values | {"settings": AttackSettings(**note["settings"])})


VALUES_AT_ONCE = 2**20
"""Of the iterates that go through a network together: 1,337 digits of MNIST, 85 photographs of 64 x 64 pixels. A path may
have thousands, and a network that holds them all at once would fill the memory."""
_TENSORS = ("natural", "images", "z_h", "z_f", "z_r", "loss")


class _Path(NamedTuple):
    """The path of one image in one restart."""

    images: Tensor
    """(S+1,C,H,W)"""
    loss: Tensor
    """(S+1,)"""
    kept: int
    restart: int


def trace_attack(
    system: System, settings: AttackSettings, x: Tensor, y: Tensor | int, callback: Callback | None = None
) -> Trace:
    """Run the attack on one image and keep its path. The logits of all iterates then take one float32 pass of each network,
    in batches.

    Args:
        system: the victims.
        settings: what is attacked, and how.
        x: the natural image (1,C,H,W), in [0,1].
        y: its class, a number or a tensor of one.
        callback: as in `aatviz.pgd`, called once a step; returning True ends the attack there.

    Raises:
        ValueError: for more than one image, or a class, target or detector that the system does not have.
    """
    if len(x) != 1:
        raise ValueError(f"A trace follows one image (1,C,H,W); got the shape {tuple(x.shape)}.")
    return trace_together(system, [settings], x, torch.as_tensor(y).reshape(1), callback)[0]


def trace_together(
    system: System,
    settings: Sequence[AttackSettings],
    x: Tensor,
    y: Tensor,
    callback: Callback | None = None,
    all_logits: bool = True,
) -> list[Trace]:
    """Run attacks with the same `together_key` as one batch, each on an image of its own.

    Each image gets, to the bit, the same numbers that `trace_attack` gives it alone.

    Args:
        system, callback: as in `trace_attack`.
        settings: one for each image.
        x: the natural images (N,C,H,W), in [0,1].
        y: their classes (N,).
        all_logits: False leaves z_f and z_r empty (0,K) where that network has no part in the attack or its outcome.

    Raises:
        ValueError: for attacks that do not go together, or a class, target or detector that the system does not have.
    """
    keys = {together_key(system, one) for one in settings}
    if len(settings) != len(x) or (len(x) > 1 and (len(keys) > 1 or None in keys or len(x) > FEW)):
        raise ValueError(
            f"{len(settings)} settings and {len(x)} images do not go together: one for each image is needed, at most {FEW}, "
            "and all with one together_key. Run them by trace_attack, one after the other."
        )
    ClassIndices("y", y).check_range(system.card.classes)
    first, record = settings[0], _Record(callback)
    goal = first.detector if first.victim == "detector" else _one_or_all([one.target for one in settings])
    eps = _one_or_all([one.eps for one in settings])
    x = x.to(system.device)
    pgd(_objective(system, first, y, goal), x, **first.pgd_arguments() | {"eps": eps}, callback=record)
    record.close()
    parts = zip(settings, x.detach(), y.tolist(), record.won(), strict=True)
    return [_trace(system, *part, all_logits) for part in parts]


def together_key(system: System, settings: AttackSettings) -> Hashable | None:
    """A key that attacks on single images must share to run as one batch. It holds all settings but eps and, where one
    network gives the logits of all classes, the target. None for an attack that must run alone, since its random draws or
    its networks would give other numbers in a batch."""
    alone = _alone(system, settings)
    attacked = (system.detectors, system.classifier) if alone is None else (alone,)
    if settings.random_start or settings.restarts > 1 or not all(few_go_alone(module) for module in attacked):
        return None
    one_network = len(system.detectors.networks) == 1 or alone is not None
    return dataclasses.replace(
        settings, eps=0.0, target=0 if one_network and settings.target is not None else settings.target
    )


def _one_or_all(values: list[Any]) -> Any:
    """The value that all have, or a tensor of them."""
    return values[0] if len(set(values)) == 1 else torch.tensor(values)


def _trace(system: System, settings: AttackSettings, natural: Tensor, y: int, won: _Path, all_logits: bool) -> Trace:
    needed = {"integrated": (system.classifier,), "natural": (system.classifier,), "robust": (system.robust,)}

    def logits(network: nn.Module) -> Tensor:
        return in_batches(lambda some: network(some).float().cpu(), won.images, max(VALUES_AT_ONCE // natural.numel(), 1))

    with torch.no_grad():
        z_h = logits(system.detectors)
        z_f, z_r = (
            logits(network)
            if network is not None and (all_logits or network in needed.get(settings.victim, ()))
            else z_h.new_empty(0, system.card.classes)
            for network in (system.classifier, system.robust)
        )
    return Trace(
        settings=settings,
        y=y,
        natural=natural.clone().cpu(),
        images=won.images.cpu(),
        z_h=z_h,
        z_f=z_f,
        z_r=z_r,
        loss=won.loss.cpu(),
        kept=won.kept,
        restart=won.restart,
    )


def make_objective(system: System, settings: AttackSettings, y: Tensor) -> Objective:
    """The objective that these settings minimise, for images of the classes y (N,)."""
    return _objective(system, settings, y, settings.detector if settings.victim == "detector" else settings.target)


def _objective(system: System, settings: AttackSettings, y: Tensor, target: Tensor | int | None) -> Objective:
    if target is not None:
        ClassIndices("target", target).check_range(system.card.classes)
    alone = _alone(system, settings)
    return objective(settings.loss, system if alone is None else alone, y=y, target=target)


def _alone(system: System, settings: AttackSettings) -> nn.Module | None:
    """The network that is attacked without the bank; None where the bank takes part."""
    if settings.victim == "robust":
        return system.robust_classifier
    return system.classifier if settings.victim == "natural" else None


class _Record:
    """Follows pgd: the iterates of the running restart, and those of each image's best restart so far."""

    def __init__(self, callback: Callback | None) -> None:
        self.callback, self.restart = callback, 0
        self.images: list[Tensor] = []
        self.losses: list[Tensor] = []
        self._won: list[_Path] = []

    def __call__(self, iterate: Iterate) -> bool | None:
        if iterate.restart != self.restart:
            self.close()
            self.restart, self.images, self.losses = iterate.restart, [], []
        self.images.append(iterate.x_adv)
        self.losses.append(iterate.loss)
        return self.callback(iterate) if self.callback else None

    def close(self) -> None:
        """A restart is over: keep its paths where they are better than those of the restarts before."""
        images, losses = torch.stack(self.images, 1), torch.stack(self.losses, 1)
        kept = losses.nan_to_num(nan=torch.inf, posinf=torch.inf).argmin(1).tolist()  # as pgd does: the first of equals
        parts = zip(images, losses, kept, strict=True)
        # clones: a view would keep the whole batch in memory, and send it between processes
        found = [_Path(path.clone(), loss.clone(), best, self.restart) for path, loss, best in parts]
        pairs = zip(self._won or found, found, strict=True)
        self._won = [new if new.loss[new.kept] < old.loss[old.kept] else old for old, new in pairs]

    def won(self) -> list[_Path]:
        """For each image, the path with its iterate of least loss."""
        return self._won
