"""What a recipe is made of: frozen, keyword-only data that says how every network of a system is trained."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from aatviz.attacks.geometry import Norm
from aatviz.attacks.optimizers import OptimizerName
from aatviz.attacks.pgd import Keep

Method = Literal["natural", "madry", "aat", "aat_shared"]


@dataclass(frozen=True, kw_only=True)
class AttackSpec:
    """The settings of one PGD attack; each field is the argument of the same name of `aatviz.attacks.pgd`."""

    norm: Norm = "Linf"
    eps: float
    step_size: float
    steps: int
    optimizer: OptimizerName = "adam"
    random_start: bool = False
    restarts: int = 1
    keep: Keep = "last"


@dataclass(frozen=True, kw_only=True)
class Job:
    """The training of one network. One process, one weight file."""

    name: str
    """Also the name of the weight file: "detector-3", "shared", "classifier", "robust"; or "stage/robust" for weights that
    only another job starts from."""
    method: Method
    """natural and madry train a classifier, aat one base detector (objective 5), aat_shared ten of them on one trunk."""
    network: str = "madry"
    width: int = 1024
    outputs: int
    target: int | None = None
    """The class k of a base detector; None for the other methods."""
    steps: int
    """Updates of the weights."""
    batch: int
    """Images drawn a step. Of these, aat uses the in-class ones and as many of the others, attacked (appendix A.1);
    aat_shared uses one half as positives and attacks the other half."""
    learning_rate: float
    decay: bool = True
    """Whether the learning rate of Adam falls to 0 along a cosine."""
    attack: AttackSpec | tuple[AttackSpec, ...] | None = None
    """The inner attack, or several that take turns from batch to batch: a network that only ever meets one optimizer or one
    start learns to mislead that one. None for natural training."""
    start_from: str | None = None
    """The weight file that this network is finetuned from, relative to the checkpoint folder; None for random weights. A
    detector may start from a shared bank: it takes over the trunk, and its own row of the last layer."""
    shift: int = 0
    """Training images are moved by up to this many pixels up, down, left and right."""
    ramp: float = 0.0
    """The share of the steps over which eps grows linearly from 0."""
    mixed_eps: float = 0.0
    """The share of attacked samples whose eps is drawn from U(0, eps): it keeps natural negatives low as well."""
    replay: int = 1
    """How many updates in a row use the same batch. Each one's attack goes on where the last one's ended, so that
    perturbations persist while the weights move (Shafahi et al., 2019)."""
    average: float = 0.0
    """The share of the running average of the weights that an update leaves; the average is what is judged and kept. 0: no
    average, the weights themselves."""
    validation_attack: AttackSpec
    """The strong attack by which the best checkpoint is chosen (AUC of detectors, accuracy of classifiers)."""
    validation_count: int
    """Attacked validation images an evaluation (and half as many training images), for each detector."""
    evaluations: int = 5
    """How often, evenly spread over the steps, the network is evaluated; the last time after the last step."""
    seed: int

    @property
    def attacks(self) -> tuple[AttackSpec, ...]:
        """The inner attacks in their turns; none for natural training."""
        return self.attack if isinstance(self.attack, tuple) else (self.attack,) if self.attack else ()

    def __post_init__(self) -> None:
        if (self.method == "aat") != (self.target is not None):
            raise ValueError(f"{self.name}: target= belongs to the method aat, and to no other; got {self.target}.")
        if (self.method == "natural") != (not self.attacks):
            raise ValueError(f"{self.name}: every method but natural needs an attack.")
        if not 1 <= self.evaluations <= self.steps:
            raise ValueError(f"{self.name}: 1 to {self.steps} evaluations fit; got {self.evaluations}.")
        if self.replay < 1 or not 0 <= self.average < 1:
            raise ValueError(
                f"{self.name}: replay is at least 1 and average in [0, 1); got {self.replay} and {self.average}."
            )


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All the training that one system needs."""

    name: str
    system: str
    """The checkpoint folder's name."""
    dataset: str
    norm: Norm
    eps: float
    """The threat model that the system is trained for."""
    about: str
    """One sentence for the card."""
    jobs: tuple[Job, ...]
    classifiers_from: str | None = None
    """The system whose natural and robust classifier this one uses too; None where they are among the jobs."""
    prominence: int = 0
    """The app starts with the system of the highest prominence."""

    def job(self, name: str) -> Job:
        """The job of that name; ValueError with the names there are."""
        for job in self.jobs:
            if job.name == name:
                return job
        raise ValueError(f"{self.name} has no job {name!r}; it has {', '.join(job.name for job in self.jobs)}.")


_LATER = {"replay": 1, "average": 0.0}
"""Fields of a job that came after weights were shipped, and the values at which they change nothing."""


def digest(spec: Job | Recipe) -> str:
    """A short hash of everything that the spec says. A field that came later counts only where it changes something."""
    settings = dataclasses.asdict(spec)
    for job in settings.get("jobs", [settings]):
        for name, nothing in _LATER.items():
            if job[name] == nothing:
                del job[name]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
