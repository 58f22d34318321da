"""One attack on one image, with everything that happened on the way: every iterate and all logits along the path."""

import dataclasses
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aatviz.attacks import NORMS, OPTIMIZERS, Iterate, Objective, norm, objective, pgd
from aatviz.attacks.checks import ClassIndices, check_choice, check_number
from aatviz.attacks.geometry import Norm
from aatviz.attacks.objectives import LossName
from aatviz.attacks.optimizers import OptimizerName
from aatviz.attacks.pgd import Callback
from aatviz.store.systems import System

VictimName = Literal["generative", "integrated", "robust", "natural", "detector"]
VICTIMS: tuple[str, ...] = get_args(VictimName)

LOSSES_OF: dict[VictimName, tuple[LossName, ...]] = {
    "generative": ("detectors_max", "cw", "cross_entropy", "target_logit"),
    "integrated": ("combined", "classifier_margin", "detectors_max", "target_logit"),
    "robust": ("classifier_margin", "cw", "cross_entropy", "target_logit"),
    "natural": ("classifier_margin", "cw", "cross_entropy", "target_logit"),
    "detector": ("detector_logit",),
}
"""The losses that fit each victim. The first is the paper's own for it: 10, 13, 9, 9, and objective 5."""


@dataclass(frozen=True, kw_only=True)
class AttackSettings:
    """What is attacked, and how. The fields from `norm` on are the arguments of the same name of `aatviz.pgd`."""

    victim: VictimName = "generative"
    """The generative, integrated, robust or naturally trained classifier, or a single base detector."""
    detector: int | None = None
    """Which base detector k, for the victim "detector"; None for the others."""
    loss: LossName = "detectors_max"
    """One of `LOSSES_OF[victim]`."""
    target: int | None = None
    """The class that target_logit pushes towards; None for the other losses."""
    norm: Norm = "Linf"
    eps: float = 0.3
    """On the [0,1] scale of the images."""
    steps: int = 100
    step_size: float = 0.01
    optimizer: OptimizerName = "adam"
    random_start: bool = False
    restarts: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("victim", self.victim, VICTIMS)
        check_choice(f"The loss against the victim {self.victim}", self.loss, LOSSES_OF[self.victim])
        _check_class("detector", self.detector, self.victim == "detector", 'the victim "detector"')
        _check_class("target", self.target, self.loss == "target_logit", "the loss target_logit")
        check_choice("norm", self.norm, NORMS)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_number("eps", self.eps, least=0)
        if self.norm == "Linf" and self.eps > 1:
            raise ValueError(
                f"An Linf eps is on the [0,1] scale of the images; got {self.eps:g}. Write 8/255 for 8 grey levels."
            )
        check_number("step_size", self.step_size, least=0)
        check_number("steps", self.steps, least=0, whole=True)
        check_number("restarts", self.restarts, least=1, whole=True)
        check_number("seed", self.seed, least=0, whole=True)

    def pgd_arguments(self) -> dict[str, Any]:
        """The part of these settings that `aatviz.pgd` takes."""
        own = ("victim", "detector", "loss", "target")
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in own}

    def against(self, victim: VictimName) -> "AttackSettings":
        """The same attack on another classifier: the same loss where it fits, else the paper's own for that victim."""
        if victim == "detector":
            raise ValueError("against() leads to a whole classifier; for one detector make AttackSettings of its own.")
        if self.victim == "detector":
            return dataclasses.replace(self, victim=victim, detector=None, loss="target_logit", target=self.detector)
        loss = self.loss if self.loss in LOSSES_OF[victim] else LOSSES_OF[victim][0]
        return dataclasses.replace(self, victim=victim, loss=loss)


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
        f"import aatviz\n{reader}from aatviz.trace import AttackSettings, trace_attack\n\n"
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


def _check_class(name: str, value: int | None, wanted: bool, where: str) -> None:
    if wanted and value is None:
        raise ValueError(f"{name}= is missing: {where} needs it.")
    if not wanted and value is not None:
        raise ValueError(f"{name}= goes with {where} only; got {value}. Leave it out.")
    if value is not None:
        check_number(name, value, least=0, whole=True)
