"""One attack on one image, with everything that happened on the way: every iterate and all logits along the path."""

import dataclasses
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aatviz.attacks import Iterate, Objective, norm, objective, pgd
from aatviz.attacks.checks import ClassIndices
from aatviz.attacks.geometry import Norm
from aatviz.attacks.pgd import Callback
from aatviz.attacks.settings import AttackSettings
from aatviz.store.systems import System


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """The path of one attack on one image: S steps, S+1 iterates; iterate 0 is the start.

    With several restarts it is the path of the one that won, that is, which holds the iterate of least loss.
    """

    settings: AttackSettings
    y: int
    """The true class."""
    natural: Tensor
    """The unperturbed image (28,28), in [0,1]."""
    images: Tensor
    """The iterates (S+1,28,28), in [0,1] and in the ball."""
    z_h: Tensor
    """Logits of the detector bank (S+1,K)."""
    z_f: Tensor
    """Logits of the naturally trained classifier (S+1,K)."""
    z_r: Tensor
    """Logits of the robust classifier (S+1,K)."""
    loss: Tensor
    """The loss by which iterates are ranked (S+1,); see `aatviz.models.losses`."""
    kept: int
    """The step of the iterate of least loss, the attack's result."""
    restart: int
    """The restart that won."""

    @property
    def perturbed(self) -> Tensor:
        """The attack's result (28,28)."""
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
        """What `aatviz.runtime.files.write_arrays` stores; `from_arrays` is the way back."""
        arrays = {name: getattr(self, name).numpy() for name in _TENSORS}
        note = {name: getattr(self, name) for name in ("y", "kept", "restart")}
        return arrays | {"note": np.array(json.dumps(note | {"settings": dataclasses.asdict(self.settings)}))}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Trace":
        """The trace that `to_arrays` took apart. ValueError where a part is missing or the settings are none."""
        if missing := [name for name in (*_TENSORS, "note") if name not in arrays]:
            raise ValueError(f"This is not a stored trace: {', '.join(missing)} missing. Compute it again.")
        note = json.loads(str(arrays["note"]))
        values = note | {name: torch.from_numpy(arrays[name]) for name in _TENSORS}
        return cls(**values | {"settings": AttackSettings(**note["settings"])})


_TENSORS = ("natural", "images", "z_h", "z_f", "z_r", "loss")


def trace_attack(
    system: System, settings: AttackSettings, x: Tensor, y: Tensor | int, callback: Callback | None = None
) -> Trace:
    """Run the attack on one image and keep its path; the logits of all iterates follow in one float32 pass a network.

    Args:
        system: the victims.
        settings: what is attacked, and how.
        x: the natural image (1,1,28,28), in [0,1].
        y: its class, a number or a tensor of one.
        callback: as in `aatviz.pgd`, called once a step; returning True ends the attack there.

    Raises:
        ValueError: for more than one image, or a class, target or detector that the system does not have.
    """
    if len(x) != 1:
        raise ValueError(f"A trace follows one image (1,C,H,W); got the shape {tuple(x.shape)}.")
    label = torch.as_tensor(y).reshape(1)
    ClassIndices("y", label).check_range(system.detectors.classes)
    record = _Record(callback)
    pgd(make_objective(system, settings, label), x, **settings.pgd_arguments(), callback=record)
    path = torch.cat(record.won)
    with torch.no_grad():
        z_h, z_f, z_r = (net(path).float() for net in (system.detectors, system.classifier, system.robust_classifier))
    return Trace(
        settings=settings,
        y=int(label),
        natural=x[0, 0].detach().clone(),
        images=path[:, 0],
        z_h=z_h,
        z_f=z_f,
        z_r=z_r,
        loss=torch.cat(record.won_losses),
        kept=record.kept,
        restart=record.won_restart,
    )


def make_objective(system: System, settings: AttackSettings, y: Tensor) -> Objective:
    """What these settings minimise, for images of the classes y (N,)."""
    modules = {"robust": system.robust_classifier, "natural": system.classifier}
    victim = modules.get(settings.victim, system)
    target = settings.detector if settings.victim == "detector" else settings.target
    if target is not None:
        ClassIndices("target", target).check_range(system.detectors.classes)
    return objective(settings.loss, victim, y=y, target=target)


class _Record:
    """Follows pgd: the iterates of the running restart, and those of the restart with the least loss so far."""

    def __init__(self, callback: Callback | None) -> None:
        self.callback = callback
        self.restart, self.least, self.kept, self.won_restart = -1, float("inf"), 0, 0
        self.path: list[Tensor] = []
        self.losses: list[Tensor] = []
        self.won, self.won_losses = self.path, self.losses

    def __call__(self, iterate: Iterate) -> bool | None:
        if iterate.restart != self.restart:
            self.restart, self.path, self.losses = iterate.restart, [], []
            if self.restart == 0:
                self.won, self.won_losses = self.path, self.losses
        self.path.append(iterate.x_adv)
        self.losses.append(iterate.loss)
        if (loss := float(iterate.loss)) < self.least:  # as pgd does: the first of equals stays
            self.least, self.kept, self.won_restart = loss, iterate.step, iterate.restart
            self.won, self.won_losses = self.path, self.losses
        return self.callback(iterate) if self.callback else None


OWN_PICTURE = "digit.png"
"""The file name under which the printed commands expect an image that is not of the bundled sample."""


def command_line(system_name: str, settings: AttackSettings, index: int | None = None, *, label: int | None = None) -> str:
    """The shell command that runs this attack: on image `index` of the bundled sample, or, with `label=` in its place, on
    an image of that class in `OWN_PICTURE`."""
    _check_source(index, label)
    parts = ["aatviz", "attack", system_name]
    parts += ["--index", str(index)] if label is None else ["--image", OWN_PICTURE, "--label", str(label)]
    parts += ["--victim", settings.victim]
    for field in ("detector", "loss", "target", "norm", "eps", "steps", "step_size", "optimizer"):
        if (value := getattr(settings, field)) is not None:
            parts += [f"--{field.replace('_', '-')}", str(value)]
    parts += ["--random-start"] if settings.random_start else []
    parts += ["--restarts", str(settings.restarts), "--seed", str(settings.seed)]
    return shlex.join(parts)


def python_code(system_name: str, settings: AttackSettings, index: int | None = None, *, label: int | None = None) -> str:
    """The Python that runs this attack on the image that `index` or `label` stands for, as in `command_line`."""
    _check_source(index, label)
    own = label is not None
    named = [(field.name, getattr(settings, field.name)) for field in dataclasses.fields(settings)]
    arguments = "".join(f"    {name}={value!r},\n" for name, value in named if value is not None)
    reader = "from aatviz.data.own_image.handwritten_digit import read_picture\n" if own else ""
    image = f'x = read_picture("{OWN_PICTURE}").image' if own else 'x, y = aatviz.load_data("mnist", split="sample")'
    attacked = f"x, {label}" if own else f"x[{index}:{index + 1}], y[{index}]"  # type: ignore[operator]
    return (
        "import aatviz\nfrom aatviz.attacks.settings import AttackSettings\n"
        f"{reader}from aatviz.explore.attack_path import trace_attack\n\n"
        f'system = aatviz.load_system("{system_name}")\n'
        f"{image}\n"
        f"settings = AttackSettings(\n{arguments})\n"
        f"trace = trace_attack(system, settings, {attacked})\n"
        "print(trace.kept, trace.linf, trace.l2)\n"
        "print(trace.z_h[trace.kept])  # the ten detectors' logits of the result\n"
    )


def _check_source(index: int | None, label: int | None) -> None:
    if (index is None) == (label is None):
        raise ValueError(f"One of index= (a bundled image) and label= (one's own image) is needed; got {index}, {label}.")
