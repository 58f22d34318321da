"""What is attacked, and how: the settings of one attack, checked."""

import dataclasses
from dataclasses import dataclass
from typing import Any, get_args

from aatviz.attacks.checks import check_choice, check_number, check_seed, check_size, check_whole, set_plain
from aatviz.attacks.geometry import NORMS, Norm
from aatviz.attacks.objectives import LossName
from aatviz.attacks.optimizers import OPTIMIZERS, OptimizerName
from aatviz.attacks.pgd import Keep
from aatviz.data.spec import Threat, number
from aatviz.models.decisions import VICTIMS, VictimName

LOSSES_OF: dict[VictimName, tuple[LossName, ...]] = {
    "generative": ("detectors_max", "cw", "cross_entropy", "target_logit"),
    "integrated": ("combined", "classifier_margin", "detectors_max", "target_logit"),
    "robust": ("classifier_margin", "cw", "cross_entropy", "target_logit"),
    "natural": ("classifier_margin", "cw", "cross_entropy", "target_logit"),
    "detector": ("detector_logit",),
}
"""The losses that fit each victim. The first is the paper's own for it: 10, 13, 9, 9, and objective 5."""


@dataclass(frozen=True, kw_only=True)
class PGDSettings:
    """How PGD searches, checked; each field is the argument of the same name of `aatviz.pgd`."""

    norm: Norm = "Linf"
    eps: float
    """On the [0,1] scale of the images."""
    step_size: float
    steps: int
    optimizer: OptimizerName = "adam"
    random_start: bool = False
    restarts: int = 1
    keep: Keep = "last"

    def __post_init__(self) -> None:
        check_choice("norm", self.norm, NORMS)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("keep", self.keep, get_args(Keep))
        set_plain(
            self,
            eps=check_size(self.eps, self.norm),
            step_size=check_number("step_size", self.step_size, least=0),
            steps=check_whole("steps", self.steps, least=0),
            restarts=check_whole("restarts", self.restarts, least=1),
        )


def of_threat(threat: Threat) -> dict[str, Any]:
    """A data set's preset as arguments of `aatviz.pgd`."""
    return {
        "norm": threat.norm,
        "eps": number(threat.eps),
        "steps": threat.steps,
        "step_size": number(threat.step_size),
        "optimizer": threat.optimizer,
    }


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
        set_plain(
            self,
            detector=_class("detector", self.detector, self.victim == "detector", 'the victim "detector"'),
            target=_class("target", self.target, self.loss == "target_logit", "the loss target_logit"),
            seed=check_seed(self.seed),
        )
        found = self.pgd  # its own checks
        set_plain(self, **{name: getattr(found, name) for name in ("eps", "step_size", "steps", "restarts")})

    @property
    def pgd(self) -> PGDSettings:
        """The settings of the search. The best of all iterates counts."""
        shared = {field.name: getattr(self, field.name) for field in dataclasses.fields(PGDSettings) if field.name != "keep"}
        return PGDSettings(**shared, keep="best")

    def pgd_arguments(self) -> dict[str, Any]:
        """The part of these settings that `aatviz.pgd` takes."""
        return dataclasses.asdict(self.pgd) | {"seed": self.seed}

    def against(self, victim: VictimName) -> "AttackSettings":
        """The same attack on another classifier: with the same loss where it fits, else the paper's own for that victim. An
        attack on detector k becomes one towards class k. ValueError for the victim "detector"."""
        if victim == "detector":
            raise ValueError("against() leads to a whole classifier; for one detector make AttackSettings of its own.")
        if self.victim == "detector":
            return dataclasses.replace(self, victim=victim, detector=None, loss="target_logit", target=self.detector)
        loss = self.loss if self.loss in LOSSES_OF[victim] else LOSSES_OF[victim][0]
        return dataclasses.replace(self, victim=victim, loss=loss)


def _class(name: str, value: int | None, wanted: bool, where: str) -> int | None:
    if wanted and value is None:
        raise ValueError(f"{name}= is missing: {where} needs it.")
    if not wanted and value is not None:
        raise ValueError(f"{name}= goes with {where} only; got {value}. Leave it out.")
    return None if value is None else check_whole(name, value, least=0)
