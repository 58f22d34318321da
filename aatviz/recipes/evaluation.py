"""The types of evaluation recipes: which attacks, on how many test images, against what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aatviz.attacks.objectives import LossName
from aatviz.attacks.optimizers import OptimizerName
from aatviz.data.spec import written
from aatviz.models.decisions import VictimName
from aatviz.recipes.spec import AttackSpec


@dataclass(frozen=True, kw_only=True)
class DetectorEvaluation:
    """AUC of base detectors: attacked out-of-class test images against all natural in-class ones."""

    name: str
    about: str
    attacks: dict[str, AttackSpec]
    """By a name for the table. Where there are several attacks, the worst result for each image is measured as well."""
    count: int
    """Out-of-class test images for each detector, evenly spread over the test set (the first half of MNIST's is the harder
    one)."""
    detectors: tuple[int, ...]
    """The classes k of the detectors."""
    paper: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """The paper's AUC of these detectors, by attack, where it gives one."""


@dataclass(frozen=True, kw_only=True)
class RobustLogitsEvaluation(DetectorEvaluation):
    """The same for the robust classifier's logits, used as detectors: the baseline that costs nothing."""


@dataclass(frozen=True, kw_only=True)
class StagesEvaluation(DetectorEvaluation):
    """The same for one detector after each stage of its training, and for classifiers to compare with."""

    stages: tuple[str, ...]
    """Their weight files, without the suffix, in order. Of a classifier counts the class's logit less the mean of the
    others, with which a detector begins (`Job.start_contrast`)."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One attack scenario on a whole system."""

    victim: VictimName
    """One of `aatviz.attacks.victims.WITH_REJECT`."""
    loss: LossName
    attack: AttackSpec
    target: int | None = None
    """The class t of a targeted loss: images of t itself are then left out."""


@dataclass(frozen=True, kw_only=True)
class SystemEvaluation:
    """Logits of classifier, robust classifier and bank on natural and on attacked test images, for every curve."""

    name: str
    about: str
    scenarios: dict[str, Scenario]
    count: int
    """Attacked test images, evenly spread over the test set; the natural ones are always the whole test set."""
    held_out: str = "validation"
    """The split whose natural images are scored as well, for thresholds that are chosen without the test set."""


@dataclass(frozen=True, kw_only=True)
class SideBySideEvaluation(SystemEvaluation):
    """Several attacks on each victim; for each image the worst of them counts, and victims are compared."""

    clean_rejection: float = 0.05
    """The share of held-out natural images that may be rejected; it gives every victim its T."""


@dataclass(frozen=True, kw_only=True)
class DistortionEvaluation:
    """How far images must be moved until the generative classifier takes them for another class, and accepts them."""

    name: str
    about: str
    count: int
    true_positive_rate: float = 0.95
    """T accepts this share of the natural test images (equation 7)."""
    threshold: float | None = None
    """T itself, where it is given."""
    most_c: float = 8.0
    """The largest c of loss 16, for images in [0,1]."""
    depth: int = 20
    """Values of c that the binary search tries."""
    steps: int = 500
    step_size: float = 0.1
    optimizer: OptimizerName = "adam"
    rivals: int = 2
    """On a bank of several networks, how many rivals of each image run between full passes (`aatviz.attacks.Shortlist`);
    whether an iterate is a false positive is always asked of all."""
    one_target: bool = False
    """Whether each image is to become one class, drawn at random, and not whichever comes first."""
    paper: float | None = None
    """The paper's mean L2 distortion."""
    paper_rate: float | None = None
    """The share of the images that the paper could turn into false positives."""


@dataclass(frozen=True, kw_only=True)
class RealImagesEvaluation:
    """How often a real image of the class lies in an out-of-class image's ball, and what looking it up does to the AUC."""

    name: str = "real-images"
    about: str = (
        "Out-of-class images with a real training image of the class in their ball; AUC where that is shown instead."
    )
    count: int = 2000
    """Out-of-class test images for each detector, evenly spread over the test set."""


@dataclass(frozen=True, kw_only=True)
class HonestEvaluation:
    """Every attack that is known to hurt, on three classifiers with a reject option, in the ball that the system is for."""

    name: str = "honest"
    about: str = "Every attack known to hurt, and the worst of them for each image, at thresholds from held-out clean data."
    count: int = 1000
    """Attacked test images, evenly spread over the test set."""
    steps: int = 100
    restarts: int = 2
    queries: int = 2000
    """Queries of the black-box attack for one image."""
    rejections: tuple[float, ...] = (0.01, 0.05)
    """Shares of held-out clean images that may be rejected; each gives every classifier its T."""
    held_out: str = "validation"
    """The split whose natural images thresholds are chosen on."""
    sweep_count: int = 100
    """Images of the sweeps over one setting at a time."""
    sweep_steps: tuple[int, ...] = (10, 20, 50, 100, 200, 500, 1000, 2000)
    sweep_step_sizes: tuple[float, ...] = (0.0033, 0.01, 0.033, 0.1, 0.33, 1.0)
    """Step sizes, as shares of eps."""
    sweep_eps: tuple[float, ...] = (0.33, 0.67, 1.0, 1.33, 1.67, 2.0)
    """Radii, as shares of the system's eps. The whole box is tried as well; there every attack must succeed."""
    sweep_restarts: int = 3
    """Runs of the attack in each of these balls: the first from the image itself, the others from random starts. In the
    whole box a single run may end where another class's logit hardly rises, and leave a few images in a hundred."""
    planted_count: int = 200
    """Images of the attack unit test."""
    planted_inner: int = 999
    """Inner points of each ball, from which the planted example is separated; fewer than the network has features."""


@dataclass(frozen=True, kw_only=True)
class ThoroughEvaluation:
    """On a subsample, what the honest protocol leaves out: attacks that want images rejected, the strongest attack in
    growing balls, many restarts and many queries."""

    name: str = "thorough"
    about: str = (
        "On a subsample: attacks that want images rejected, every target in growing balls, many restarts, many queries."
    )
    count: int = 100
    """Attacked test images, evenly spread over the test set."""
    steps: int = 100
    restarts: int = 50
    """Runs of the attack on the victim's own loss, the first from the image itself."""
    queries: int = 5000
    """Queries of the black-box attack for one image."""
    radii: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 1.0)
    """Radii, as shares of the system's eps, from small to large."""
    rejections: tuple[float, ...] = (0.01, 0.05)
    """Shares of held-out clean images that may be rejected; each gives every classifier its T."""
    held_out: str = "validation"
    """The split whose natural images thresholds are chosen on."""


Evaluation = (
    DetectorEvaluation
    | RobustLogitsEvaluation
    | StagesEvaluation
    | SystemEvaluation
    | SideBySideEvaluation
    | DistortionEvaluation
    | RealImagesEvaluation
    | HonestEvaluation
    | ThoroughEvaluation
)
LATER = {"optimizer": "adam", "threshold": None, "sweep_restarts": 1, "rivals": 2, "one_target": False}
"""Fields of evaluations that are newer than some stored records, and the values at which they change nothing in those."""


def attack_words(spec: Mapping[str, Any]) -> str:
    """The settings of an attack, the fields of an `AttackSpec`, in one line."""
    start = "from random starts" if spec["random_start"] else "from the image itself"
    restarts = f", {spec['restarts']} restarts" if spec["restarts"] > 1 else ""
    budget = f"{spec['optimizer']} {spec['steps']} x {written(spec['step_size'], nearly=True)}"
    return f"{spec['norm']} eps {written(spec['eps'])}, {budget}, {start}{restarts}, {spec['keep']} iterate"
