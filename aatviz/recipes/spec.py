"""The types of training recipes: frozen, keyword-only data that says how every network of a system is trained."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from aatviz.attacks.geometry import Norm
from aatviz.attacks.settings import PGDSettings

Method = Literal["natural", "madry", "aat", "aat_shared"]
OF_DETECTORS: tuple[Method, ...] = ("aat", "aat_shared")
"""The methods that train base detectors; the others train classifiers."""
Optimizer = Literal["adam", "sgd"]
Border = Literal["black", "reflect"]


AttackSpec = PGDSettings
"""The settings of an attack in a recipe."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The training of one network. One process, one weight file."""

    name: str
    """Also the name of the weight file: "detector-3", "shared", "classifier", "robust"; or "stage/robust" for weights that
    only another job starts from."""
    method: Method
    """natural and madry train a classifier, aat one base detector (objective 5), aat_shared one for each output, on one
    trunk."""
    network: str = "madry"
    """The name of a network in `aatviz.models.networks.NETWORKS`."""
    width: int = 1024
    """The size of the hidden layer of Madry's network; other networks ignore it."""
    outputs: int
    target: int | None = None
    """The class k of a base detector; None for the other methods."""
    steps: int
    """Updates of the weights."""
    batch: int
    """Images drawn in each step. Of these, aat uses the in-class ones and as many of the others, which it attacks (appendix
    A.1); aat_shared uses one half as positives and attacks the other half."""
    learning_rate: float
    decay: bool = True
    """Whether the learning rate falls to 0 along a cosine."""
    attack: AttackSpec | tuple[AttackSpec, ...] | None = None
    """The inner attack, or several that take turns from batch to batch: a network that is always attacked by one optimizer,
    or from one start, learns to mislead just that one. None for natural training."""
    start_from: str | None = None
    """The weight file that this network is finetuned from, relative to the checkpoint folder; or "pretrained:" with a name
    of `aatviz.store.pretrained`; None for random weights. A detector may start from a shared bank or a classifier: it takes
    over the trunk, and its own row of the last layer."""
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
    """The decay of a running average of the weights: an update keeps this share of the average. Evaluated and kept is then
    the average. 0: no average, the weights themselves."""
    validation_attack: AttackSpec
    """The strong attack by which the best checkpoint is chosen (AUC of detectors, accuracy of classifiers)."""
    validation_count: int
    """Attacked validation images in each evaluation, for each detector; and half as many training images."""
    evaluations: int = 5
    """How many times the network is evaluated, evenly spread over the steps, the last time after the last step."""
    seed: int
    arch: tuple[tuple[str, Any], ...] = ()
    """Further arguments of the network's `build`, after shape and outputs, as pairs of name and value."""
    optimizer: Optimizer = "adam"
    """The optimizer of the weights; sgd has a momentum of 0.9."""
    nesterov: bool = False
    """Whether sgd looks ahead along its momentum."""
    weight_decay: float = 0.0
    """The weight decay of sgd, on matrices and kernels, not on biases and batch norms."""
    warmup: float = 0.0
    """The share of the steps over which the learning rate grows linearly from 0, before it falls (one cycle)."""
    drops: tuple[float, ...] = ()
    """The shares of the steps at which the learning rate falls to a tenth."""
    label_smoothing: float = 0.0
    """The share of a classifier's target distribution that is spread evenly over all classes."""
    flip: bool = False
    """Whether half of the training images are mirrored, left to right."""
    border: Border = "black"
    """What comes in at the border of a shifted image: black, or the image's own reflection."""
    cutout: int = 0
    """The side in pixels of a square of each training image that is painted grey, its centre anywhere in the image (DeVries
    and Taylor, 2017)."""
    start_noise: float = 0.0
    """Above 0, the inner attack is N-FGSM (de Jorge et al., 2022) instead of PGD: uniform noise of this times eps is added
    to the image, then one sign step is taken, without projection into the ball; only the box [0,1] holds."""
    curriculum: tuple[tuple[float, int, float], ...] = ()
    """How the inner attack changes: parts (share of the training at which it begins, steps, step size), in order; the first
    begins at 0. Empty: the attack never changes."""
    negatives_anywhere: float = 0.0
    """The share of the negatives of aat and aat_shared whose attack starts anywhere in the box [0,1], drawn uniformly. The
    others start from images of other classes, as all do in the paper."""
    frozen_norm: bool = False
    """Whether a classifier's updates, too, are made in evaluation mode, so that batch norm keeps its running statistics. The
    updates of aat and aat_shared always are."""
    start_rows: tuple[tuple[int, int], ...] = ()
    """For each output, the rows of the last layer in `start_from` that it begins as the mean of: the first one, and the one
    after the last. Empty: the rows as they are, and for a detector that of its class."""
    start_contrast: bool = False
    """Whether a detector begins as its own row less the mean of all other rows of the last layer in `start_from`: then what
    raises all logits alike raises no detector's."""
    balanced: bool = True
    """Whether aat attacks only as many images as there are in-class ones in the batch, and weighs both alike. Otherwise it
    attacks all others, and the loss is the mean over the whole batch."""
    crop: float = 0.0
    """Above 0, each training image is replaced by a random part of it, scaled to full size: of at least this share of its
    area, and 3/4 to 4/3 as wide as high (torchvision's RandomResizedCrop)."""

    @property
    def architecture(self) -> dict[str, Any]:
        """The further arguments of the network's `build`, after shape and outputs."""
        return ({"width": self.width} if self.network == "madry" else {}) | dict(self.arch)

    @property
    def updates_in_eval(self) -> bool:
        """Whether the loss of an update is computed in evaluation mode; see `aatviz.models.networks`."""
        return self.frozen_norm or self.method in OF_DETECTORS

    @property
    def attacks(self) -> tuple[AttackSpec, ...]:
        """The inner attacks, in the order of their turns; none for natural training."""
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
        self._check_optimizer()
        self._check_attack_settings()
        self._check_start()

    def _check_optimizer(self) -> None:
        if self.optimizer not in get_args(Optimizer) or self.border not in get_args(Border):
            raise ValueError(
                f"{self.name}: optimizer is adam or sgd, border black or reflect; got {self.optimizer!r}, {self.border!r}."
            )
        if self.optimizer == "adam" and (self.weight_decay or self.nesterov):
            raise ValueError(f"{self.name}: weight_decay and nesterov belong to sgd; the optimizer is adam.")
        if not (0 <= self.warmup < 1 and 0 <= self.label_smoothing < 1 and self.weight_decay >= 0):
            raise ValueError(
                f"{self.name}: warmup and label_smoothing lie in [0, 1), weight_decay is at least 0; "
                f"got {self.warmup}, {self.label_smoothing} and {self.weight_decay}."
            )
        if self.label_smoothing and self.method not in ("natural", "madry"):
            raise ValueError(f"{self.name}: label_smoothing belongs to classifiers, not to {self.method}.")

    def _check_attack_settings(self) -> None:
        anywhere = self.negatives_anywhere
        if not 0 <= anywhere <= 1 or (anywhere and self.method not in OF_DETECTORS):
            raise ValueError(
                f"{self.name}: negatives_anywhere is a share in [0, 1], and belongs to aat and aat_shared; got {anywhere} "
                f"for {self.method}."
            )
        if self.start_noise and (self.start_noise < 0 or any(one.norm != "Linf" or one.steps != 1 for one in self.attacks)):
            raise ValueError(f"{self.name}: start_noise is above 0 and goes with attacks of one step in the norm Linf.")
        begins = [share for share, _, _ in self.curriculum]
        if self.curriculum and (begins != sorted(set(begins)) or begins[0] != 0 or begins[-1] >= 1):
            raise ValueError(f"{self.name}: the parts of a curriculum begin at 0 and then at growing shares; got {begins}.")

    def _check_start(self) -> None:
        if self.start_rows and (self.start_from is None or len(self.start_rows) != self.outputs):
            raise ValueError(
                f"{self.name}: start_rows goes with start_from, and has one range for each of {self.outputs} outputs; "
                f"got {len(self.start_rows)}."
            )
        if self.method != "aat" and (self.start_contrast or not self.balanced):
            raise ValueError(f"{self.name}: start_contrast and balanced belong to aat, not to {self.method}.")
        if not 0 <= self.crop <= 1:
            raise ValueError(f"{self.name}: crop is a share in [0, 1]; got {self.crop}.")


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
    """The system whose natural classifier, and robust one where it has one, this system uses too; None where the jobs train
    them. A recipe may do without a robust classifier, and may train detectors of only some classes."""
    prominence: int = 0
    """The app starts a data set with its system of the highest prominence."""

    def job(self, name: str) -> Job:
        """The job of that name. ValueError, with the known names, where there is none."""
        for job in self.jobs:
            if job.name == name:
                return job
        raise ValueError(f"{self.name} has no job {name!r}; it has {', '.join(job.name for job in self.jobs)}.")


_LATER: dict[str, Any] = {
    "replay": 1,
    "average": 0.0,
    "arch": (),
    "optimizer": "adam",
    "nesterov": False,
    "weight_decay": 0.0,
    "warmup": 0.0,
    "drops": (),
    "label_smoothing": 0.0,
    "flip": False,
    "border": "black",
    "cutout": 0,
    "start_noise": 0.0,
    "curriculum": (),
    "negatives_anywhere": 0.0,
    "frozen_norm": False,
    "start_rows": (),
    "start_contrast": False,
    "balanced": True,
    "crop": 0.0,
}
"""Fields of a job that are newer than some shipped weights, and the values at which they change nothing."""


def digest(spec: Job | Recipe) -> str:
    """A short hash of all fields. A field in `_LATER` counts only where it changes something, so that old hashes stay."""
    settings = dataclasses.asdict(spec)
    for job in settings.get("jobs", [settings]):
        for name, nothing in _LATER.items():
            if job[name] == nothing:
                del job[name]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
